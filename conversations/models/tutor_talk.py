"""What a conversation with a tutor has beside what every conversation has."""

import uuid
from functools import lru_cache
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from clients.models.version import Frozen
from clients.personas.scenarios import Scenario
from clients.personas.snapshot import TutorSnapshot
from conversations.models.session import Session
from monitoring import pricing

GOAL_MAX, NOTE_MAX = 200, 500


class Rating(models.IntegerChoices):
    """How far somebody came towards what they wanted."""

    NOT_AT_ALL = 1, _("not at all")
    A_LITTLE = 2, _("a little")
    HALF_WAY = 3, _("half way")
    MOSTLY = 4, _("mostly")
    WHOLLY = 5, _("wholly")


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
    # The situation that it works through, as it was at the start, and the numbers of the steps that are done.
    scenario: "models.JSONField[Any, Any]" = models.JSONField(_("scenario"), null=True, blank=True)
    steps_done: "models.JSONField[Any, Any]" = models.JSONField(_("steps done"), default=list, blank=True)
    goal = models.CharField(_("goal"), max_length=GOAL_MAX, blank=True)
    # How the learner judged it at the end, 1 to 5.
    rating = models.PositiveSmallIntegerField(_("self-rating"), null=True, blank=True, choices=Rating.choices)
    rating_note = models.CharField(_("what they take along"), max_length=NOTE_MAX, blank=True)
    data: "models.JSONField[Any, Any]" = models.JSONField(_("snapshot"))
    prompt = models.TextField(_("system prompt"))

    class Meta:
        verbose_name = _("conversation with a tutor")
        verbose_name_plural = _("conversations with tutors")
        ordering = ["-session_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rating=None) | models.Q(rating__gte=1, rating__lte=5), name="rating_is_one_to_five"
            )
        ]

    def __str__(self) -> str:
        return self.snapshot.name

    @property
    def snapshot(self) -> TutorSnapshot:
        """The tutor as a frozen value."""
        return TutorSnapshot.from_json(self.data)

    @property
    def situation(self) -> Scenario | None:
        """The scenario as a value, None for a free conversation."""
        return Scenario.from_json(self.scenario) if self.scenario else None

    @property
    def steps(self) -> list[tuple[int, str, bool]]:
        """The steps of its scenario: number from 1, words, whether it is done."""
        situation = self.situation
        return [(n, step, n in self.steps_done) for n, step in enumerate(situation.steps, 1)] if situation else []

    @classmethod
    def frozen(cls, session_id: uuid.UUID) -> Frozen[TutorSnapshot]:
        """What a turn needs of the tutor of this session. It never changes, so that each process reads it once."""
        return _frozen(session_id)


@lru_cache(maxsize=500)
def _frozen(session_id: uuid.UUID) -> Frozen[TutorSnapshot]:
    talk = TutorTalk.objects.get(pk=session_id)
    return Frozen(talk.snapshot, talk.prompt, pricing.most_tokens_of_prose(talk.prompt))
