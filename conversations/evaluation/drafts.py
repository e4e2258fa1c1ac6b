"""A draft as a teacher reads it beside the form, and what of it a student may read."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from conversations.evaluation.calibration import hidden_positions
from conversations.evaluation.counts import in_words
from conversations.evaluation.verdicts import Review
from conversations.models import Evaluation, EvaluationClaim, EvaluationFinding, ScoringRevision, Session
from conversations.scores import RubricValue


@dataclass(frozen=True, slots=True)
class Finding:
    """What a draft says of one criterion: the `level` (None where it has none, or it is hidden) and its claims.

    `bare` is whether every claim was struck: then no level stands either.
    """

    level: int | None
    bare: bool
    hidden: bool
    levels: Sequence[int | None]
    review: str
    claims: Sequence[EvaluationClaim]

    @property
    def runs(self) -> str:
        """What each run said: "3, 3, –"."""
        return ", ".join("–" if level is None else str(level) for level in self.levels)


@dataclass(frozen=True, slots=True)
class Draft:
    """A finished evaluation: a finding for each criterion in order, and the counts by code as (words, number)."""

    evaluation: Evaluation
    findings: Sequence[Finding]
    counts: Sequence[tuple[str, int]]

    @property
    def has_claims(self) -> bool:
        """Whether there is anything that a student could read."""
        return any(claim.struck_at is None for finding in self.findings for claim in finding.claims)


def draft_of(session: Session, value: RubricValue) -> tuple[Draft | None, Evaluation | None]:
    """The newest finished draft by this very rubric, and one that was asked for after it; four queries at most."""
    known = Evaluation.objects.filter(session=session, version__fingerprint=value.fingerprint)
    newest = list(known.select_related("job", "asked_by", "version").order_by("-created_at", "-id")[:10])
    done = next((one for one in newest if one.status == Evaluation.Status.DONE), None)
    asked = newest[0] if newest and newest[0] is not done else None
    return (_draft(done) if done else None), asked


def _draft(evaluation: Evaluation) -> Draft:
    hidden = hidden_positions(evaluation)
    claims = EvaluationClaim.objects.select_related("message", "struck_by")
    rows = evaluation.findings.prefetch_related(Prefetch("claims", claims)).order_by("position")
    findings = [_finding(row, hidden=row.position in hidden) for row in rows]
    return Draft(evaluation, findings, in_words(evaluation.counts))


def _finding(row: EvaluationFinding, *, hidden: bool) -> Finding:
    review = str(Review(row.review_reason).label) if row.review_reason else ""
    level, levels = (None, []) if hidden else (row.level, row.levels)
    claims = list(row.claims.all())
    bare = bool(claims) and all(claim.struck_at for claim in claims)
    if bare:
        level, review = None, _("Every quote was struck, so nothing is left that a level could rest on.")
    return Finding(level, bare, hidden, levels, review, claims)


def evidence_for(revision: ScoringRevision) -> list[EvaluationClaim]:
    """What the student is to read when this state is released: its draft's claims that are not struck, if chosen.

    None of a criterion whose level is hidden. Three queries at most.
    """
    if not revision.shows_evidence or revision.evaluation is None:
        return []
    claims = EvaluationClaim.objects.filter(finding__evaluation=revision.evaluation, struck_at=None)
    hidden = hidden_positions(revision.evaluation)
    return [
        claim
        for claim in claims.select_related("finding", "message").order_by("finding__position", "message__sequence")
        if claim.finding.position not in hidden
    ]
