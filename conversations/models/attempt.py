"""Attempts: one student's session with one client of an assignment, and what it was made with."""

import datetime as dt
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from conversations.models.assignment import Assignment, AssignmentClient
from conversations.models.rubric import RubricVersion
from conversations.models.session import Session
from monitoring.ids import uuid7


class AttemptQuerySet(models.QuerySet["Attempt"]):
    """Reads of attempts."""

    def visible_to(self, user: User) -> "AttemptQuerySet":
        """Admins see all, teachers those of their sections, students their own."""
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            return self.filter(assignment__section__in=user.sections.values("pk"))
        return self.filter(student=user)


class Attempt(models.Model):
    """One attempt. What it was made with is frozen at its start: rubric and prices here, the rest in the session.

    The session holds client version (with its prompt), voice and model. Later edits of the assignment move dates and
    rules, never what was agreed to be judged by.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.OneToOneField(Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="attempt")
    assignment = models.ForeignKey(
        Assignment, verbose_name=_("assignment"), on_delete=models.PROTECT, related_name="attempts"
    )
    task = models.ForeignKey(
        AssignmentClient, verbose_name=_("client"), on_delete=models.PROTECT, related_name="attempts"
    )
    student = models.ForeignKey(User, verbose_name=_("student"), on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField(_("attempt"))
    rubric_version = models.ForeignKey(
        RubricVersion, verbose_name=_("rubric"), null=True, on_delete=models.PROTECT, related_name="attempts"
    )
    min_exchanges = models.PositiveSmallIntegerField(_("least number of exchanges"), default=0)
    # Micro-dollars per million tokens in force at the start, tier by tier; empty for the scripted voice.
    prices: "models.JSONField[Any, Any]" = models.JSONField(_("prices at the start"), default=list)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["-session__started_at", "id"]
        indexes = [models.Index(fields=["assignment", "student"], name="attempt_by_assignment")]
        constraints = [
            models.UniqueConstraint(fields=["task", "student", "number"], name="one_attempt_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.task} · {self.number}"

    @property
    def is_used(self) -> bool:
        """Whether it counts against the limit: it is open, or its student said something, answered in full or not.

        Number 1 may be the client's opening line; whatever was said to a client is followed by a reply's row.
        """
        return self.session.is_open or self.session.exchanges > 0 or self.session.last_sequence > 1

    @property
    def least(self) -> int:
        """How many exchanges finished work has: where the assignment asks for none, one."""
        return max(1, self.min_exchanges)

    @property
    def is_long_enough(self) -> bool:
        """Whether as much was said as the assignment asks for."""
        return self.session.exchanges >= self.least

    @property
    def counts(self) -> bool:
        """Whether it is finished work: ended by the student or the clock, and long enough."""
        return self.session.status == Session.Status.COMPLETED and self.is_long_enough

    @property
    def finished_at(self) -> dt.datetime:
        """When it was handed in: its end, or for one that still runs its last sign of life."""
        return self.session.ended_at or self.session.last_activity_at
