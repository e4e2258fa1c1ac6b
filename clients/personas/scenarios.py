"""Scenarios: situations to work through with a tutor, in steps that the learner ticks off."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clients.personas.composing import Material

FILE = Path(__file__).parent / "scenarios.toml"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One situation with its steps, by a key that stays."""

    key: str
    title: str
    situation: str
    steps: Sequence[str]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Scenario":
        """The scenario that `to_json` gave."""
        return cls(data["key"], data["title"], data["situation"], tuple(data["steps"]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "steps": list(self.steps)}

    @property
    def material(self) -> Material:
        """What a tutor is told of it."""
        steps = "\n".join(f"{number}. {step}" for number, step in enumerate(self.steps, 1))
        return Material(
            "scenario",
            "A situation that the learner works through, step by step, and ticks the steps off themself",
            f"{self.title}\n{self.situation}\nSteps:\n{steps}",
        )


@cache
def built_in_scenarios() -> Mapping[str, Scenario]:
    """Those that come with the portal, by key, in their order."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["scenario"]
    return {row["key"]: Scenario(row["key"], row["title"], row["situation"], tuple(row["steps"])) for row in rows}
