"""Notifications: what a person should know, in the portal and by mail, each kind switchable."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.user import User


class Notification(models.Model):
    """One thing that one person should know. It is put into words in the reader's language when it is shown."""

    class Kind(models.TextChoices):
        PUBLISHED = "published", _("An assignment is published")
        DUE_SOON = "due_soon", _("An assignment is due tomorrow")
        RELEASED = "released", _("Feedback is released")
        COMMENTED = "commented", _("A teacher commented")
        FLAGGED = "flagged", _("A reply is flagged")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, verbose_name=_("for"), on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(_("kind"), max_length=15, choices=Kind.choices)
    # What it is about, such as the assignment's key: the same thing is told once.
    about = models.CharField(max_length=80)
    # Names to put into its sentence, and the path it leads to.
    names: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    path = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(_("told"), default=timezone.now)
    # Whether it stands in the portal's list, and whether it is to be mailed, as the person wished when it was told.
    shown = models.BooleanField(default=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    to_mail = models.BooleanField(default=False)
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notification_by_user"),
            models.Index(
                fields=["user"],
                condition=models.Q(read_at=None, shown=True),
                name="notification_unread",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(to_mail=True, mailed_at=None),
                name="notification_unmailed",
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["user", "kind", "about"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.user}"


class NotificationChoice(models.Model):
    """What a person wishes for one kind; without a row, both."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notification_choices")
    kind = models.CharField(_("kind"), max_length=15, choices=Notification.Kind.choices)
    in_portal = models.BooleanField(_("in the portal"), default=True)
    by_mail = models.BooleanField(_("by mail"), default=True)

    class Meta:
        verbose_name = _("choice of notifications")
        verbose_name_plural = _("choices of notifications")
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_choice_per_kind")]

    def __str__(self) -> str:
        return f"{self.user} · {self.kind}"
