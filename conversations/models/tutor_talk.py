"""What a conversation with a tutor has beside what every conversation has."""

import uuid
from functools import lru_cache
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from clients.models.version import Frozen
from clients.personas.snapshot import TutorSnapshot
from conversations.models.session import Session
from monitoring import pricing


class TutorTalk(models.Model):
    """The tutor of a session as it was at the start. A table of its own: sessions with clients carry nothing of it.

    Nothing is shared between two talks, since what a learner chose stands in both snapshot and prompt.
    """

    session = models.OneToOneField(
        Session, models.CASCADE, primary_key=True, related_name="tutor_talk", verbose_name=_("session")
    )
    # The conversation that it goes over, if it does.
    about = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="debriefs", verbose_name=_("about")
    )
    data: "models.JSONField[Any, Any]" = models.JSONField(_("snapshot"))
    prompt = models.TextField(_("system prompt"))

    class Meta:
        verbose_name = _("conversation with a tutor")
        verbose_name_plural = _("conversations with tutors")
        ordering = ["-session_id"]

    def __str__(self) -> str:
        return self.snapshot.name

    @property
    def snapshot(self) -> TutorSnapshot:
        """The tutor as a frozen value."""
        return TutorSnapshot.from_json(self.data)

    @classmethod
    def frozen(cls, session_id: uuid.UUID) -> Frozen[TutorSnapshot]:
        """What a turn needs of the tutor of this session. It never changes, so that each process reads it once."""
        return _frozen(session_id)


@lru_cache(maxsize=500)
def _frozen(session_id: uuid.UUID) -> Frozen[TutorSnapshot]:
    talk = TutorTalk.objects.get(pk=session_id)
    return Frozen(talk.snapshot, talk.prompt, pricing.most_tokens_of_prose(talk.prompt))
