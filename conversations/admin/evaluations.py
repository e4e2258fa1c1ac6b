"""How conversations were judged: scorings with their states and marks, and the drafts of voices. Only to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conversations.admin.texts import TextAdmin
from conversations.admin.work import ReadOnlyInline
from conversations.models import (
    Evaluation,
    EvaluationClaim,
    EvaluationFinding,
    Mark,
    Scoring,
    ScoringRevision,
)
from monitoring.admin.filters import DaysFilter, LatelySeenFilter
from monitoring.admin.totals import TotalsAdmin
from monitoring.pricing import usd

STUDENT_OR_SESSION = _("A student's name or address, or the id of a conversation.")


@admin.register(Scoring)
class ScoringAdmin(TextAdmin):
    """Scorings, newest first; what was said of a student stands in their states."""

    list_display = ["created_at", "session", "is_released"]
    list_filter = [("released", admin.EmptyFieldListFilter), ("created_at", DaysFilter)]
    list_select_related = ["session__student", "session__client"]
    search_help_text = STUDENT_OR_SESSION
    people = ("session__student",)
    by_uuid = ("pk", "session")
    ordering = ["-created_at"]

    @admin.display(description=_("released"), boolean=True)
    def is_released(self, scoring: Scoring) -> bool:
        """Whether the student reads a state of it."""
        return scoring.is_released


class MarkInline(ReadOnlyInline):
    """The levels of a state of a scoring, with their comments."""

    model = Mark
    fields = ["position", "level", "comment"]


@admin.register(ScoringRevision)
class ScoringRevisionAdmin(TextAdmin):
    """The saved states of scorings, newest first."""

    list_display = ["saved_at", "session", "number", "saved_by", "released_at", "withdrawn_at"]
    list_filter = [("released_at", admin.EmptyFieldListFilter), ("saved_at", DaysFilter)]
    list_select_related = ["scoring__session__student", "scoring__session__client", "saved_by"]
    search_help_text = STUDENT_OR_SESSION
    people = ("saved_by", "scoring__session__student")
    by_uuid = ("pk", "scoring", "scoring__session")
    ordering = ["-saved_at"]
    texts = ("comment",)
    exclude = ["evidence"]
    to_session = "scoring.session"
    inlines = [MarkInline]

    @admin.display(description=_("session"))
    def session(self, revision: ScoringRevision) -> str:
        """Of which conversation."""
        return str(revision.scoring.session)


class FindingInline(ReadOnlyInline):
    """What an evaluation says of each criterion."""

    model = EvaluationFinding
    fields = ["position", "level", "levels", "needs_review", "review_reason"]


@admin.register(Evaluation)
class EvaluationAdmin(TotalsAdmin, TextAdmin):
    """Drafts of scorings that voices made, newest first."""

    list_display = ["created_at", "session", "voice", "model", "status", "error", "cost"]
    list_filter = ["status", ("model", LatelySeenFilter), ("created_at", DaysFilter)]
    list_select_related = ["session__student", "session__client"]
    search_help_text = STUDENT_OR_SESSION
    people = ("session__student",)
    by_uuid = ("pk", "session")
    ordering = ["-created_at", "-id"]
    readonly_fields = ["cost"]
    exclude = ["cost_microusd"]
    texts = ("runs",)
    totals = ("cost_microusd",)
    inlines = [FindingInline]

    @admin.display(description=_("cost"))
    def cost(self, evaluation: Evaluation) -> str:
        """In dollars."""
        return usd(evaluation.cost_microusd)


@admin.register(EvaluationClaim)
class EvaluationClaimAdmin(TextAdmin):
    """What drafts say, with the student's words it rests on."""

    list_display = ["id", "session", "position", "struck_by", "struck_at"]
    list_filter = [("struck_at", admin.EmptyFieldListFilter)]
    list_select_related = [
        "finding__evaluation__session__student", "finding__evaluation__session__client", "struck_by",
    ]  # fmt: skip
    search_help_text = STUDENT_OR_SESSION
    people = ("finding__evaluation__session__student",)
    by_uuid = ("pk", "finding__evaluation", "finding__evaluation__session", "message")
    ordering = ["pk"]
    texts = ("quote", "says")
    to_session = "finding.evaluation.session"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the texts where there are many."""
        return super().get_queryset(request).defer("quote", "says")

    @admin.display(description=_("session"))
    def session(self, claim: EvaluationClaim) -> str:
        """About which conversation."""
        return str(claim.finding.evaluation.session)

    @admin.display(description=_("criterion"))
    def position(self, claim: EvaluationClaim) -> int:
        """Under which criterion, counted from 1."""
        return claim.finding.position + 1
