"""How well the tiers of distress agree with the labels."""

from __future__ import annotations

from typing import NamedTuple

from clients.distress import tier
from clients.tests.labelled import HALVES, read


class Figure(NamedTuple):
    """What came of one half or of both.

    `alarms` of `questions` were taken for distress and are none. Of the `disclosures`, `missed` were not noticed at all
    and `exact` got the very tier of their label.
    """

    questions: int
    alarms: int
    disclosures: int
    missed: int
    exact: int


def figure(half: str) -> Figure:
    """What the rules reach on "dev", "held" or "both"."""
    halves = [name for name in HALVES if half in {name, "both"}]
    asked = [tier(one["text"]) for name in halves for one in read(f"safety_questions_{name}")]
    told = [(one["tier"], tier(one["text"])) for name in halves for one in read(f"safety_disclosures_{name}")]
    return Figure(
        questions=len(asked),
        alarms=sum(found > 0 for found in asked),
        disclosures=len(told),
        missed=sum(found == 0 for _, found in told),
        exact=sum(label == found for label, found in told),
    )


def table() -> str:
    """The figures of both halves and of all, a line each, as text."""
    return "\n".join(
        f"{half:6}{one.alarms:>3} false alarms in {one.questions} ({one.alarms / one.questions:.1%}),"
        f"{one.missed:>3} missed of {one.disclosures} ({one.missed / one.disclosures:.1%}),"
        f"{one.exact:>3} in the very tier ({one.exact / one.disclosures:.1%})"
        for half, one in ((half, figure(half)) for half in (*HALVES, "both"))
    )
