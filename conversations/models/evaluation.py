"""Evaluations: what a voice says of a conversation by a rubric, with evidence, for a teacher to use or strike."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from conversations.models.message import Message
from conversations.models.rubric import RubricVersion
from conversations.models.session import Session
from monitoring.models import Job, Reservation


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    """Reads of evaluations."""

    def visible_to(self, user: User) -> "EvaluationQuerySet":
        """Those of sessions that this person may score; students see none, they read what a teacher releases."""
        return self.filter(session__in=Session.objects.scorable_by(user).order_by().values("pk"))

    def finished(self) -> "EvaluationQuerySet":
        """Those that have findings."""
        return self.filter(status=Evaluation.Status.DONE)


class Evaluation(models.Model):
    """One evaluation of one ended session by one frozen rubric: several runs, of which the median counts."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    OPEN = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(
        Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="evaluations"
    )
    version = models.ForeignKey(
        RubricVersion, verbose_name=_("rubric"), on_delete=models.PROTECT, related_name="evaluations"
    )
    voice = models.CharField(_("voice"), max_length=10, choices=Session.Voice.choices)
    model = models.CharField(_("model"), max_length=100)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    # What each finished run said, checked: conversations.evaluation.verdicts.Run as JSON.
    runs: "models.JSONField[Any, Any]" = models.JSONField(_("runs"), default=list)
    # Counts by code: messages of the student by what they do.
    counts: "models.JSONField[Any, Any]" = models.JSONField(_("counts"), default=dict)
    # Quotes that were no words of the student's, and so were dropped.
    dropped = models.PositiveSmallIntegerField(_("quotes dropped"), default=0)
    error = models.CharField(_("what went wrong"), max_length=300, blank=True)
    cost_microusd = models.PositiveBigIntegerField(_("cost in micro-dollars"), default=0)
    asked_by = models.ForeignKey(User, verbose_name=_("asked for by"), on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.SET_NULL, related_name="evaluations"
    )
    # What the run at work holds; empty between runs.
    reservation = models.OneToOneField(
        Reservation, verbose_name=_("reservation"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("asked for"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "version"],
                condition=models.Q(status__in=["queued", "running"]),
                name="one_open_evaluation_per_session_and_rubric",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.status}"

    @property
    def is_waited_for(self) -> bool:
        """Whether runs are still to come: what was cancelled or broke off brings none until it is asked for anew."""
        return self.status in self.OPEN and self.job is not None and not self.job.is_ended

    @property
    def is_by_rule(self) -> bool:
        """Whether no model was asked: the scripted voice judges by rule, and is labelled so."""
        return self.voice == Session.Voice.SCRIPTED


class EvaluationFinding(models.Model):
    """What an evaluation says of one criterion: the median level, or none where evidence is missing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="findings")
    position = models.PositiveSmallIntegerField()
    level = models.PositiveSmallIntegerField(_("level"), null=True, blank=True)
    # Every run's level, null where a run gave none.
    levels: "models.JSONField[Any, Any]" = models.JSONField(_("levels of the runs"), default=list)
    needs_review = models.BooleanField(_("needs review"), default=False)
    # Why: conversations.evaluation.verdicts.Review; empty where it needs none.
    review_reason = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "position"], name="one_finding_per_criterion"),
            models.CheckConstraint(
                condition=models.Q(level__isnull=True) | models.Q(level__gte=1, level__lte=4),
                name="finding_is_one_to_four",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.level}"


class EvaluationClaim(models.Model):
    """One thing that a finding says, with the student's words, verbatim, that it rests on. A teacher may strike it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    finding = models.ForeignKey(EvaluationFinding, on_delete=models.CASCADE, related_name="claims")
    message = models.ForeignKey(Message, verbose_name=_("message"), on_delete=models.PROTECT, related_name="+")
    quote = models.CharField(_("quote"), max_length=500)
    says = models.CharField(_("what it shows"), max_length=500)
    struck_by = models.ForeignKey(
        User, verbose_name=_("struck by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    struck_at = models.DateTimeField(_("struck"), null=True, blank=True)

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        ordering = ["message__sequence", "id"]

    def __str__(self) -> str:
        return str(self.id)
