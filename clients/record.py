"""What one turn did: the student's message as it was coded, and where the client stood after it. Kept with the turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clients.state import State


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One student message and what it moved.

    `acts` are what it did, strongest first (clients.skills.SKILLS), `confidence` how sure the first of them is.
    `trust` is 0 to 100 after it, `change` by how much it moved. `approached` are the facts it came near, `opened` those
    that it unlocked, `unlocked` all by now, named by their place in `clients.topics.facts_of`. `ruptured` and `mended`
    are whether this message hurt the client, or made good what an earlier one did; `outcome` how the talk would end if
    it ended now (`State.outcome`).
    """

    acts: tuple[str, ...]
    confidence: float
    trust: int
    change: int
    emotion: str
    openness: str
    ruptured: bool
    mended: bool
    approached: tuple[int, ...]
    opened: tuple[int, ...]
    unlocked: tuple[int, ...]
    outcome: str

    @classmethod
    def of(cls, before: State, after: State) -> TurnRecord:
        """What a student's message did, from the client's state before it and after it."""
        coding = after.last
        return cls(
            acts=coding.acts if coding else (),
            confidence=coding.confidence if coding else 0.0,
            trust=after.trust,
            change=after.trust - before.trust,
            emotion=after.emotion,
            openness=after.openness,
            ruptured=after.ruptures > before.ruptures,
            mended=after.repairs > before.repairs,
            approached=after.now,
            opened=tuple(place for place in after.unlocked if place not in before.unlocked),
            unlocked=after.unlocked,
            outcome=after.outcome,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values from which `from_json` builds an equal record."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TurnRecord:
        """The record that `to_json` wrote. Raises KeyError for one that lacks a field."""
        return cls(
            acts=tuple(data["acts"]),
            confidence=data["confidence"],
            trust=data["trust"],
            change=data["change"],
            emotion=data["emotion"],
            openness=data["openness"],
            ruptured=data["ruptured"],
            mended=data["mended"],
            approached=tuple(data["approached"]),
            opened=tuple(data["opened"]),
            unlocked=tuple(data["unlocked"]),
            outcome=data["outcome"],
        )
