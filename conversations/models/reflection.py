"""Reflections: how a student judges their own conversation before they read what others say of it."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.rubric import RubricVersion
from conversations.models.session import Session


class Reflection(models.Model):
    """A student's own view of one ended conversation, written once, before feedback opens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.OneToOneField(
        Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="reflection"
    )
    # What they rate themself by: the assignment's rubric, or the built-in one of the client's field.
    version = models.ForeignKey(RubricVersion, verbose_name=_("rubric"), on_delete=models.PROTECT, related_name="+")
    # One level (4 to 1, null where they would not say) for each criterion, in the rubric's order.
    levels: "models.JSONField[Any, Any]" = models.JSONField(_("own levels"))
    # What they think moves the client: who this is, what they want, what holds them.
    formulation = models.TextField(_("formulation"), max_length=2_000)
    next_time = models.TextField(_("what to do differently"), max_length=1_000, blank=True)
    written_at = models.DateTimeField(_("written"), default=timezone.now)

    class Meta:
        verbose_name = _("reflection")
        verbose_name_plural = _("reflections")
        ordering = ["-written_at"]

    def __str__(self) -> str:
        return str(self.session_id)
