"""How far drafts agree with teachers, criterion by criterion, and which levels are hidden because they do not."""

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from clients.agreement import kappa
from conversations.models import Evaluation, EvaluationClaim, EvaluationFinding, Mark, RubricVersion
from conversations.models.session import SessionQuerySet
from conversations.scores import Level

LEVELS = tuple(sorted(int(level) for level in Level))
# Fewer pairs say nothing, and below this kappa a level is worth less than none.
ENOUGH = 10
LEAST_KAPPA = 0.4
# Findings that are looked at, newest first.
NEWEST = 20_000


class Rater(NamedTuple):
    """Who drafted: a voice and its model. What one is worth says nothing of another."""

    voice: str
    model: str


class Pair(NamedTuple):
    """What a teacher gave and what the draft said; `blind` when the teacher had not seen the draft."""

    teacher: int
    draft: int
    blind: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a draft agrees with teachers on one criterion.

    `pairs` are those that count: the blind ones where there are enough, else all, as `blind` says; `number_blind` and
    `number` count what there is.
    """

    pairs: tuple[Pair, ...]
    blind: bool
    number_blind: int
    number: int

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "Agreement":
        """The agreement of these pairs. A teacher who has the draft before their eyes agrees more than they would."""
        unseen = tuple(pair for pair in pairs if pair.blind)
        blind = len(unseen) >= ENOUGH
        return cls(unseen if blind else tuple(pairs), blind, len(unseen), len(pairs))

    @property
    def is_enough(self) -> bool:
        """Whether there are pairs enough to say anything."""
        return len(self.pairs) >= ENOUGH

    @property
    def kappa(self) -> float | None:
        """Quadratic weighted kappa; None for too few pairs, and where both gave one and the same level throughout."""
        both = [(pair.teacher, pair.draft) for pair in self.pairs]
        return kappa(both, levels=LEVELS, quadratic=True) if self.is_enough else None

    @property
    def is_hidden(self) -> bool:
        """Whether the draft's level is kept from everybody."""
        found = self.kappa
        return found is not None and found < LEAST_KAPPA

    @property
    def exact_percent(self) -> int:
        """How many of the pairs are the same level, in percent, rounded; only where there are pairs."""
        return round(100 * sum(pair.teacher == pair.draft for pair in self.pairs) / len(self.pairs))

    @property
    def difference(self) -> str:
        """The mean difference of the two, in words."""
        mean = sum(pair.draft - pair.teacher for pair in self.pairs) / len(self.pairs)
        levels = number_format(abs(round(mean, 1)), decimal_pos=1)
        if round(mean, 1) == 0:
            return _("on average as high as the teacher")
        if mean > 0:
            return _("on average %(levels)s of a level higher than the teacher") % {"levels": levels}
        return _("on average %(levels)s of a level lower than the teacher") % {"levels": levels}

    @property
    def table(self) -> list[tuple[int, list[int]]]:
        """For each level of the teacher, best first, how often the draft said 4, 3, 2 and 1."""
        counted = Counter((pair.teacher, pair.draft) for pair in self.pairs)
        return [(teacher, [counted[teacher, draft] for draft in LEVELS[::-1]]) for teacher in LEVELS[::-1]]


def agreements(version: RubricVersion, sessions: SessionQuerySet | None = None) -> dict[Rater, dict[int, Agreement]]:
    """Agreement by rater and the criterion's position, over these sessions, all of the school without. One query."""
    pairs: dict[tuple[Rater, int], dict[uuid.UUID, Pair]] = {}
    for voice, model, position, session, draft, blind, seen in _levels(version, sessions):
        if (teacher := blind or seen) is not None:
            newest = pairs.setdefault((Rater(voice, model), position), {})
            newest.setdefault(session, Pair(teacher, draft, blind is not None))
    found: dict[Rater, dict[int, Agreement]] = {}
    for (rater, position), by_session in pairs.items():
        found.setdefault(rater, {})[position] = Agreement.of(list(by_session.values()))
    return found


def _levels(version: RubricVersion, sessions: SessionQuerySet | None) -> QuerySet[EvaluationFinding, tuple[Any, ...]]:
    """Of the newest findings: whose, position, session, level, and the teacher's without and with a draft in sight."""
    findings = EvaluationFinding.objects.filter(
        evaluation__version=version, evaluation__status=Evaluation.Status.DONE, level__isnull=False
    )
    if sessions is not None:
        findings = findings.filter(evaluation__session__in=sessions.order_by().values("pk"))
    marks = Mark.objects.filter(
        revision__scoring__session=OuterRef("evaluation__session"),
        revision__version=OuterRef("evaluation__version"),
        position=OuterRef("position"),
        level__isnull=False,
    ).order_by("-revision__number")
    rows = findings.annotate(
        blind=Subquery(marks.filter(revision__evaluation=None).values("level")[:1]),
        seen=Subquery(marks.filter(revision__evaluation__isnull=False).values("level")[:1]),
    ).order_by("-evaluation__created_at", "-evaluation_id")
    fields = ("evaluation__voice", "evaluation__model", "position", "evaluation__session", "level", "blind", "seen")
    return rows.values_list(*fields)[:NEWEST]


def hidden_positions(evaluation: Evaluation) -> frozenset[int]:
    """The criteria whose level this rater has shown not to know, over the whole school; read at most once a minute."""
    return hidden_by(evaluation.version_id, Rater(evaluation.voice, evaluation.model))


def hidden_by(version_id: uuid.UUID, rater: Rater) -> frozenset[int]:
    """The positions of the criteria whose level this rater has shown not to know, by this version of a rubric."""
    return _hidden(version_id, int(time.monotonic() / 60)).get(rater, frozenset())


@lru_cache(maxsize=500)
def _hidden(version_id: uuid.UUID, minute: int) -> dict[Rater, frozenset[int]]:
    found = agreements(RubricVersion(pk=version_id))
    return {
        rater: frozenset(position for position, one in by_position.items() if one.is_hidden)
        for rater, by_position in found.items()
    }


def shown_levels(evaluation: Evaluation) -> dict[int, int | None]:
    """The levels of a draft by position, as anybody may see them: None also where the level is hidden.

    And where every claim was struck. Two queries.
    """
    hidden = hidden_positions(evaluation)
    claims = EvaluationClaim.objects.filter(finding=OuterRef("pk"))
    bare = Exists(claims) & ~Exists(claims.filter(struck_at=None))
    rows = evaluation.findings.annotate(bare=bare).values_list("position", "level", "bare")
    return {position: None if bare or position in hidden else level for position, level, bare in rows}
