"""What several runs come to: the median level of each criterion, and where a teacher must look for themself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

# Runs this far apart say different things.
APART = 2
# A level that only one of several runs gave is no median.
LEAST_RUNS = 2
CLAIMS = 4


class Review(TextChoices):
    """Why a teacher must look at a criterion themself."""

    NO_EVIDENCE = "no_evidence", _("Nothing that the student wrote was found as evidence.")
    RUNS_DIFFER = "runs_differ", _("The runs are two levels or more apart.")
    INCOMPLETE = "incomplete", _("Fewer than two runs gave a level with evidence.")
    NOT_BY_RULE = "not_by_rule", _("This cannot be judged by rule.")


class Claim(NamedTuple):
    """What one quote shows: the number of the student's message, their words, and what is said of them."""

    number: int
    quote: str
    says: str


class Judged(NamedTuple):
    """One criterion in one run. A level without a claim is none."""

    level: int | None
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run, checked: a judgement for each criterion in order, how many quotes came and how many were dropped."""

    judged: tuple[Judged, ...]
    sent: int = 0
    dropped: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `from_json` builds an equal run."""
        rows = [{"level": one.level, "claims": [claim._asdict() for claim in one.claims]} for one in self.judged]
        return {"criteria": rows, "sent": self.sent, "dropped": self.dropped}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The run that `to_json` wrote."""
        rows = (Judged(row["level"], tuple(Claim(**claim) for claim in row["claims"])) for row in data["criteria"])
        return cls(tuple(rows), data["sent"], data["dropped"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the runs say of one criterion: the median, each run's level, the claims behind it, why to look ("" none)."""

    level: int | None
    levels: tuple[int | None, ...]
    claims: tuple[Claim, ...]
    review: str = ""


def verdicts(runs: Sequence[Run]) -> list[Verdict]:
    """One verdict for each criterion; the runs judge the same criteria."""
    return [_verdict(judged) for judged in zip(*(run.judged for run in runs), strict=True)]


def _verdict(judged: Sequence[Judged]) -> Verdict:
    levels = tuple(one.level if one.claims else None for one in judged)
    given = sorted(level for level in levels if level is not None)
    # The lower of two in the middle, which some run did give.
    level = given[(len(given) - 1) // 2] if given else None
    behind = [claim for one, own in zip(judged, levels, strict=True) if own == level for claim in one.claims]
    return Verdict(level, levels, _different(behind), _review(given, len(judged), behind))


def _review(given: Sequence[int], runs: int, claims: Sequence[Claim]) -> str:
    if not claims:
        return Review.NO_EVIDENCE
    if len(given) < min(LEAST_RUNS, runs):
        return Review.INCOMPLETE
    return Review.RUNS_DIFFER if given[-1] - given[0] >= APART else ""


def _different(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The first claims in the order of the conversation; of quotes that overlap as a whole the longer one."""
    found: list[Claim] = []
    for claim in sorted(claims, key=lambda claim: (claim.number, -len(claim.quote), claim)):
        if not any(one.number == claim.number and claim.quote in one.quote for one in found):
            found.append(claim)
    return tuple(found[:CLAIMS])
