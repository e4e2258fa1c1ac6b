"""What rosters leave: a file between its preview and its import, and what the school's own system calls things."""

import datetime as dt
import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.section import Section
from accounts.models.user import User

LONGEST_KEY = 150


def private_name(_file: "RosterFile", _name: str) -> str:
    """Where a file lies: under a random name that tells nothing, and without the ending it came with."""
    return f"rosters/{uuid.uuid4()}"


class RosterFileQuerySet(models.QuerySet["RosterFile"]):
    """Reads of files that wait for their import."""

    def visible_to(self, user: User) -> "RosterFileQuerySet":
        """One's own, whatever one's role: nobody else was asked to look at it."""
        return self.filter(owner=user)

    def forgotten(self, before: dt.datetime) -> "RosterFileQuerySet":
        """Files that came before that moment."""
        return self.filter(created_at__lt=before)


class RosterFile(models.Model):
    """A roster that was looked at and not imported yet. Passwords were taken out before it was kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, verbose_name=_("uploaded by"), on_delete=models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=200)
    content = models.FileField(_("content"), upload_to=private_name)
    # Whether a column of passwords was taken out: the page says so.
    had_passwords = models.BooleanField(default=False)
    created_at = models.DateTimeField(_("kept since"), default=timezone.now)

    objects = RosterFileQuerySet.as_manager()

    class Meta:
        verbose_name = _("roster to import")
        verbose_name_plural = _("rosters to import")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class PersonKey(models.Model):
    """The sourcedId by which the school's own system names a person; only admins' imports write it."""

    user = models.OneToOneField(User, verbose_name=_("person"), on_delete=models.CASCADE, related_name="roster_key")
    key = models.CharField(_("sourcedId"), max_length=LONGEST_KEY, unique=True)

    class Meta:
        verbose_name = _("sourcedId of a person")
        verbose_name_plural = _("sourcedIds of people")

    def __str__(self) -> str:
        return self.key


class SectionKey(models.Model):
    """The sourcedId by which the school's own system names a section; only admins' imports write it."""

    section = models.OneToOneField(
        Section, verbose_name=_("section"), on_delete=models.CASCADE, related_name="roster_key"
    )
    key = models.CharField(_("sourcedId"), max_length=LONGEST_KEY, unique=True)

    class Meta:
        verbose_name = _("sourcedId of a section")
        verbose_name_plural = _("sourcedIds of sections")

    def __str__(self) -> str:
        return self.key
