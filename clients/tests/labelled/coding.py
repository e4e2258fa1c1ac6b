"""How well the coding of skills by rule agrees with the labels."""

from __future__ import annotations

from typing import Any, NamedTuple

from clients.agreement import kappa
from clients.skills import code
from clients.tests.labelled import HALVES, read

CODES = (
    "open_question",
    "closed_question",
    "simple_reflection",
    "complex_reflection",
    "affirmation",
    "summary",
    "advice",
    "information",
    "permission",
    "confrontation",
    "self_disclosure",
    "greeting",
)
# What is looked at: every code, and two pairs taken as one.
LOOKS = {name: frozenset({name}) for name in CODES} | {
    "questions": frozenset({"open_question", "closed_question"}),
    "reflections": frozenset({"simple_reflection", "complex_reflection"}),
}


class Figure(NamedTuple):
    """How one look did: how many messages have it by label, and precision, recall (0 to 1) and kappa of the rules.

    Precision is None when the rules never found it. Kappa is None when it is not defined.
    """

    messages: int
    precision: float | None
    recall: float
    kappa: float | None


def messages(half: str) -> list[dict[str, Any]]:
    """The labelled messages of one half, or of both for "both"."""
    return [message for name in HALVES if half in {name, "both"} for message in read(f"skills_{name}")]


def figures(half: str) -> dict[str, Figure]:
    """What the rules reach on "dev", "held" or "both", for each of LOOKS."""
    labelled = messages(half)
    acts = [code(message["text"], message["language"], message["heard"]).acts for message in labelled]
    return {
        name: _figure(
            [
                (not wanted.isdisjoint(one["codes"]), not wanted.isdisjoint(found))
                for one, found in zip(labelled, acts, strict=True)
            ]
        )
        for name, wanted in LOOKS.items()
    }


def table() -> str:
    """The figures of both halves side by side, as text."""
    lines = [f"{'':20}" + "".join(f"{half + ': n  prec  rec  kappa':>30}" for half in (*HALVES, "both"))]
    by_half = [figures(half) for half in (*HALVES, "both")]
    for name in LOOKS:
        cells = (
            f"{one.messages:>12}{_shown(one.precision)}{_shown(one.recall)}{_shown(one.kappa)}"
            for one in (half[name] for half in by_half)
        )
        lines.append(f"{name:20}" + "".join(cells))
    return "\n".join(lines)


def _figure(pairs: list[tuple[bool, bool]]) -> Figure:
    labelled = sum(label for label, _ in pairs)
    found = sum(rule for _, rule in pairs)
    right = sum(label and rule for label, rule in pairs)
    return Figure(labelled, right / found if found else None, right / labelled, kappa(pairs))


def _shown(value: float | None) -> str:
    return f"{'-':>6}" if value is None else f"{value:6.2f}"
