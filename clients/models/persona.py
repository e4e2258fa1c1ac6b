"""Tutor personas as rows: those that a school adds or rewrites, and those that a section allows."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Section, User
from clients.personas import Persona, PersonaError, read

KEY_MAX = 60
# All that are active stand on one page, where people compare them.
ACTIVE_MAX = 50
is_key = RegexValidator(
    r"^[a-z0-9]+(-[a-z0-9]+)*\Z", _("Write small letters and digits with hyphens, such as “exam-coach”.")
)


class PersonaText(models.Model):
    """The text of a persona: a new one, or with the key of one that comes with the portal what stands in its place.

    Conversations keep the prompt that they began with, so that an edit changes none of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(
        _("key"),
        max_length=KEY_MAX,
        unique=True,
        validators=[is_key],
        error_messages={"unique": _("There is a persona with this key. Change that one.")},
    )
    text = models.TextField(_("text"))
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("Untick to offer it to nobody; one that comes with the portal is then offered as it came."),
    )
    changed_by = models.ForeignKey(
        User, verbose_name=_("changed by"), on_delete=models.PROTECT, related_name="+", editable=False
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("tutor persona")
        verbose_name_plural = _("tutor personas")
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    def clean(self) -> None:
        """The text is a persona; raises ValidationError with all that is wrong with it, at its field."""
        super().clean()
        problems: dict[str, Any] = {}
        if self.text:
            try:
                self.persona()
            except PersonaError as error:
                problems["text"] = error.problems
        others = type(self).objects.filter(is_active=True).exclude(pk=self.pk)
        if self.is_active and others.count() >= ACTIVE_MAX:
            problems["is_active"] = _("At most %(most)d personas can be active.") % {"most": ACTIVE_MAX}
        if problems:
            raise ValidationError(problems)

    def persona(self) -> Persona:
        """The persona that the text is. Raises PersonaError where it is none, as an older text may be one day."""
        return read(self.key, self.text)


class SectionPersonas(models.Model):
    """The personas that the teachers of a section allow; a section without a row allows all, those of later too."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    section = models.OneToOneField(
        Section, verbose_name=_("section"), on_delete=models.CASCADE, related_name="personas"
    )
    # Keys of personas, also of one that is not offered at present; an empty list allows no tutor.
    allowed: "models.JSONField[Any, Any]" = models.JSONField(_("allowed personas"), default=list, blank=True)
    chosen_by = models.ForeignKey(
        User, verbose_name=_("chosen by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    chosen_at = models.DateTimeField(_("chosen"), default=timezone.now)

    class Meta:
        verbose_name = _("personas of a section")
        verbose_name_plural = _("personas of sections")
        ordering = ["-chosen_at"]

    def __str__(self) -> str:
        return str(self.section)
