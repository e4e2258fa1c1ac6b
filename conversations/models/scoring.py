"""Scorings: how a session was judged by a rubric, every saved state of it, and which state the student sees."""

import uuid
from collections.abc import Iterable
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from conversations.models.evaluation import Evaluation, EvaluationClaim
from conversations.models.rubric import RubricVersion
from conversations.models.session import Session
from conversations.scores import CriterionValue, Level, Total


class ScoringQuerySet(models.QuerySet["Scoring"]):
    """Reads of scorings."""

    def visible_to(self, user: User) -> "ScoringQuerySet":
        """Admins see all, teachers those of their sections' sessions, students the released ones of their own."""
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            return self.filter(session__section__in=user.sections.values("pk"))
        return self.filter(session__student=user, released__isnull=False)


class Scoring(models.Model):
    """The scoring of one session. `latest` is what teachers work on, `released` what the student reads, if anything."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="scoring")
    latest = models.ForeignKey("ScoringRevision", null=True, on_delete=models.SET_NULL, related_name="+")
    released = models.ForeignKey(
        "ScoringRevision", null=True, blank=True, on_delete=models.SET_NULL, related_name="released_for"
    )
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)

    objects = ScoringQuerySet.as_manager()

    class Meta:
        verbose_name = _("scoring")
        verbose_name_plural = _("scorings")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return str(self.session_id)

    @property
    def is_released(self) -> bool:
        """Whether the student sees a state of it."""
        return self.released_id is not None

    @property
    def has_unreleased_changes(self) -> bool:
        """Whether teachers have saved something that the student does not see."""
        return self.latest_id != self.released_id


class ScoringRevisionQuerySet(models.QuerySet["ScoringRevision"]):
    """Reads of the states of scorings."""

    def visible_to(self, user: User) -> "ScoringRevisionQuerySet":
        """All states of the scorings that teachers see; for others the one state that is released, never a draft."""
        if not user.looks_after_students:
            return self.filter(released_for__session__student=user)
        return self.filter(scoring__in=Scoring.objects.visible_to(user).order_by().values("pk"))


class ScoringRevision(models.Model):
    """One saved state of a scoring. Its levels and comments never change: a correction is the next revision."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scoring = models.ForeignKey(Scoring, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField(_("number"))
    version = models.ForeignKey(
        RubricVersion, verbose_name=_("rubric"), on_delete=models.PROTECT, related_name="scorings"
    )
    comment = models.TextField(_("overall comment"), max_length=4_000, blank=True)
    # Exact, 10,000 to 40,000: see conversations.scores.Total. Empty while a level is missing.
    weighted = models.PositiveIntegerField(_("weighted total"), null=True, blank=True)
    # The draft that stood beside the form when this was saved; empty where nobody had seen one.
    evaluation = models.ForeignKey(
        Evaluation, verbose_name=_("draft shown"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    shows_evidence = models.BooleanField(_("the student reads the evidence"), default=False)
    # What the student reads of that draft's claims: chosen at the release, and of these what is not struck since.
    evidence = models.ManyToManyField(EvaluationClaim, verbose_name=_("evidence"), blank=True, related_name="+")
    saved_by = models.ForeignKey(User, verbose_name=_("saved by"), on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now_add=True)
    released_by = models.ForeignKey(
        User, verbose_name=_("released by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    released_at = models.DateTimeField(_("released"), null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, verbose_name=_("withdrawn by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    objects = ScoringRevisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("state of a scoring")
        verbose_name_plural = _("states of scorings")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["scoring", "number"], name="one_scoring_revision_per_number"),
            models.CheckConstraint(
                condition=models.Q(weighted__isnull=True) | models.Q(weighted__gte=10_000, weighted__lte=40_000),
                name="scoring_total_is_one_to_four",
            ),
            models.CheckConstraint(
                condition=models.Q(released_at__isnull=True, released_by__isnull=True)
                | models.Q(released_at__isnull=False, released_by__isnull=False, weighted__isnull=False),
                name="released_scoring_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scoring_id} {self.number}"

    @property
    def total(self) -> Total | None:
        """The total, or None while a level is missing."""
        return None if self.weighted is None else Total(self.weighted)

    def rows(self, evidence: Iterable[EvaluationClaim] | None = None) -> "list[Row]":
        """Each criterion of the frozen rubric with its mark and its evidence: what was released, or is to be.

        Two queries at most unless marks are prefetched, one where nothing was drafted.
        """
        if evidence is None:
            found = self.evidence.filter(struck_at=None) if self.evaluation_id else self.evidence.none()
            evidence = found.select_related("finding", "message")
        claims: dict[int, list[EvaluationClaim]] = {}
        for claim in evidence:
            claims.setdefault(claim.finding.position, []).append(claim)
        rows = zip(self.version.value.criteria, self.marks.all(), strict=True)
        return [
            Row(criterion, mark, criterion.description(mark.level) if mark.level else "", claims.get(mark.position, []))
            for criterion, mark in rows
        ]


class Mark(models.Model):
    """The level and the comment for one criterion, at its position in the frozen rubric; drafts may lack levels."""

    revision = models.ForeignKey(ScoringRevision, on_delete=models.CASCADE, related_name="marks")
    position = models.PositiveSmallIntegerField()
    level = models.PositiveSmallIntegerField(_("level"), choices=Level.choices, null=True, blank=True)
    comment = models.TextField(_("comment"), max_length=2_000, blank=True)

    class Meta:
        verbose_name = _("mark")
        verbose_name_plural = _("marks")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "position"], name="one_mark_per_criterion"),
            models.CheckConstraint(
                condition=models.Q(level__isnull=True) | models.Q(level__gte=1, level__lte=4),
                name="mark_is_one_to_four",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.level}"


class Row(NamedTuple):
    """A criterion, its mark, what the chosen level means ("" while none is chosen), and the evidence beside it."""

    criterion: CriterionValue
    mark: Mark
    description: str
    claims: list[EvaluationClaim]
