"""What a rubric says as a frozen value, and how levels become a total: pure rules, no database."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import IntegerChoices
from django.utils.translation import gettext_lazy as _

# Weights are basis points, so that they sum to 1 exactly: 10,000 is the whole, 2,500 is a quarter.
WHOLE = 10_000


class Level(IntegerChoices):
    """How well a criterion was met, best first."""

    EXCELLENT = 4, _("excellent")
    GOOD = 3, _("good")
    SATISFACTORY = 2, _("satisfactory")
    NEEDS_IMPROVEMENT = 1, _("needs improvement")


@dataclass(frozen=True, slots=True)
class CriterionValue:
    """One criterion: weight in basis points, one description a level (best first), and points to look for."""

    name: str
    weight: int
    descriptions: tuple[str, str, str, str]
    points: tuple[str, ...] = ()

    @property
    def percent(self) -> str:
        """The weight in percent, without needless zeros: "25", "12.5"."""
        return percent_text(self.weight)

    @property
    def levels(self) -> list[tuple[Level, str]]:
        """Each level with its description, best first."""
        return list(zip(Level, self.descriptions, strict=True))

    def description(self, level: int) -> str:
        """What this level means here."""
        return self.descriptions[Level.EXCELLENT - level]


@dataclass(frozen=True, slots=True)
class RubricValue:
    """A rubric as it was at one moment. ValueError when it has no criterion or its weights do not sum to 10,000."""

    name: str
    description: str
    criteria: tuple[CriterionValue, ...]

    def __post_init__(self) -> None:
        weights = [criterion.weight for criterion in self.criteria]
        if not weights or min(weights) < 1 or sum(weights) != WHOLE:
            raise ValueError(f"{self.name}: weights must be positive and sum to {WHOLE}, not {sum(weights)}")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RubricValue":
        """The value that `to_json` wrote; raises ValueError or KeyError for anything else."""
        criteria = tuple(
            CriterionValue(
                row["name"], row["weight"], _four([row[level.name.lower()] for level in Level]), tuple(row["points"])
            )
            for row in data["criteria"]
        )
        return cls(data["name"], data["description"], criteria)

    def to_json(self) -> dict[str, Any]:
        """The value as plain data: name, description, criteria (name, weight, a text for each level, points)."""
        criteria = [
            {"name": row.name, "weight": row.weight, "points": list(row.points)}
            | {level.name.lower(): text for level, text in row.levels}
            for row in self.criteria
        ]
        return {"name": self.name, "description": self.description, "criteria": criteria}

    @property
    def fingerprint(self) -> str:
        """Equal for rubrics that say the same: SHA-256 in hexadecimal."""
        content = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def _four(texts: Sequence[str]) -> tuple[str, str, str, str]:
    excellent, good, satisfactory, needs_improvement = texts
    return excellent, good, satisfactory, needs_improvement


@dataclass(frozen=True, slots=True)
class Total:
    """A weighted total. `weighted` is exact, 10,000 (all 1) to 40,000 (all 4); only what is shown is rounded."""

    weighted: int

    @property
    def mean(self) -> Decimal:
        """The weighted mean from 1 to 4, two decimals, half rounded up."""
        return _rounded(Decimal(self.weighted) / WHOLE, "0.01")

    @property
    def percent(self) -> Decimal:
        """The mean as a share of the best level (4 is 100, 1 is 25), one decimal, half rounded up."""
        return _rounded(Decimal(self.weighted) / (WHOLE * Level.EXCELLENT) * 100, "0.1")


def total(weights: Sequence[int], levels: Sequence[int | None]) -> Total | None:
    """The total of these levels under these weights (basis points that sum to 10,000), in the same order.

    None while a level is missing. Raises ValueError when the two do not belong together, the weights do not sum to
    10,000, or a level is none of 1 to 4.
    """
    if len(weights) != len(levels) or sum(weights) != WHOLE:
        raise ValueError("one level for each weight, and weights that sum to 10,000")
    if None in levels:
        return None
    chosen = [Level(level) for level in levels if level is not None]
    return Total(sum(weight * level for weight, level in zip(weights, chosen, strict=True)))


def percent_text(weight: int) -> str:
    """Basis points as percent, without needless zeros: 2_500 is "25", 1_250 is "12.5"."""
    return f"{Decimal(weight) / 100:.2f}".rstrip("0").rstrip(".")


def _rounded(number: Decimal, step: str) -> Decimal:
    return number.quantize(Decimal(step), rounding=ROUND_HALF_UP)
