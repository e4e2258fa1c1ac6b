"""The canonical prompts: short conversations of a learner with which a persona is tried."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clients.personas.learner import Learner

FILE = Path(__file__).parent / "canonical.toml"


@dataclass(frozen=True, slots=True)
class Canonical:
    """What one made-up learner chose, and says line after line, whatever the tutor answers."""

    name: str
    learner: Learner
    lines: Sequence[str]


@cache
def canonical_prompts() -> Mapping[str, Sequence[Canonical]]:
    """Those of each persona that comes with the portal, by key."""
    found = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {key: [_canonical(row) for row in rows] for key, rows in found.items()}


def _canonical(row: Mapping[str, object]) -> Canonical:
    lines = row["lines"]
    assert isinstance(lines, list)  # noqa: S101  ours
    learner = Learner(
        subject=str(row["subject"]), learner_level=str(row["level"]), language=str(row.get("language", "en"))
    )
    return Canonical(str(row["name"]), learner, lines)
