"""The tutor that a person prefers: a persona, and what to teach them at which level in which language."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.models.persona import KEY_MAX
from clients.personas import Learner, LearnerError


def validate_customisation(value: Any) -> None:
    """Refuse what no learner can choose; raises ValidationError with each reason."""
    try:
        Learner.from_json(value)
    except LearnerError as error:
        raise ValidationError(list(error.problems.values())) from error


class TutorPreference(models.Model):
    """What one person chose. The persona is a key: it may be offered no more, or not by their sections."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(User, verbose_name=_("user"), on_delete=models.CASCADE, related_name="tutor_preference")
    persona = models.CharField(_("tutor persona"), max_length=KEY_MAX)
    customisation: "models.JSONField[Any, Any]" = models.JSONField(
        _("subject, level and language"), validators=[validate_customisation]
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("preferred tutor")
        verbose_name_plural = _("preferred tutors")
        ordering = ["-changed_at"]

    def __str__(self) -> str:
        return f"{self.user} · {self.persona}"

    @property
    def learner(self) -> Learner:
        """What they chose beside the persona. Raises LearnerError where it breaks a rule that came later."""
        return Learner.from_json(self.customisation)
