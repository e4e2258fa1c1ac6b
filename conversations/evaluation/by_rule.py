"""The evaluator without a model: levels from what was counted, for the criteria that a rule can say something of."""

import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median_low
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from clients.words import plain
from conversations.evaluation.counts import Heard
from conversations.evaluation.quotes import shortened
from conversations.evaluation.verdicts import Claim, Judged, Review, Run
from conversations.scores import CriterionValue, RubricValue

RULES = Path(__file__).parent / "rules.toml"
# Messages in which an opening or a closing is looked for, and how many are quoted for a level and against it.
EDGE = 3
FOR, AGAINST = 3, 2

_SAYS = {
    "open_question": _("An open question."),
    "closed_question": _("A closed question."),
    "simple_reflection": _("A reflection: it gives back what was heard."),
    "complex_reflection": _("A reflection that adds meaning or feeling."),
    "affirmation": _("It names a strength or an effort."),
    "summary": _("It gathers up what was said."),
    "permission": _("It asks leave first."),
    "information": _("It gives information."),
    "advice": _("Advice that nobody had asked for."),
    "confrontation": _("It confronts."),
    "apology": _("It makes up for something."),
    "next_step": _("It names a next step."),
    "greeting": _("A greeting."),
    "closing": _("It ends the talk."),
    "offer": _("It offers something and leaves the choice."),
    "minimal": _("A very short turn."),
}
_HURT = _("It hurt the client.")
_LONG = _("A turn of its own length.")


class Aspect(NamedTuple):
    """What is looked for in criteria whose name has one of these in it; rules.toml says how."""

    names: tuple[str, ...]
    measure: str
    good: frozenset[str]
    bad: frozenset[str]
    steps: tuple[float, ...]


@cache
def aspects() -> tuple[Aspect, ...]:
    """All aspects, in the order in which they are tried."""
    rows: list[dict[str, Any]] = tomllib.loads(RULES.read_text(encoding="utf-8"))["aspect"]
    return tuple(
        Aspect(tuple(row["names"]), row["measure"], frozenset(row["good"]), frozenset(row["bad"]), tuple(row["steps"]))
        for row in rows
    )


def aspect_of(criterion: CriterionValue) -> Aspect | None:
    """What judges this criterion, None for one that no rule knows."""
    name = plain(criterion.name)
    return next((aspect for aspect in aspects() if any(part in name for part in aspect.names)), None)


def judge(value: RubricValue, messages: Sequence[Heard]) -> Run:
    """The one run of a rule, which says the same however often it is made; it quotes what it counted."""
    found = (aspect_of(criterion) for criterion in value.criteria)
    judged = tuple(_judge(aspect, messages) if aspect else Judged(None, ()) for aspect in found)
    return Run(judged, sent=sum(len(one.claims) for one in judged))


def review(value: RubricValue, position: int) -> str:
    """Why a teacher must judge this criterion themself whatever was counted; "" where a rule knows it."""
    return "" if aspect_of(value.criteria[position]) else Review.NOT_BY_RULE


def _judge(aspect: Aspect, messages: Sequence[Heard]) -> Judged:
    looked_at = {"first": messages[:EDGE], "last": messages[-EDGE:]}.get(aspect.measure, messages)
    good = [message for message in looked_at if aspect.good.intersection(message.acts)]
    bad = [message for message in looked_at if aspect.bad.intersection(message.acts) or message.ruptured]
    if aspect.measure == "length":
        good = [message for message in looked_at if message not in bad]
    claims = [_claim(message, aspect.good) for message in good[:FOR]]
    claims += [_claim(message, aspect.bad) for message in bad[:AGAINST]]
    if not claims:
        return Judged(None, ())
    level = 1 + bisect_right(aspect.steps, _measured(aspect, looked_at, good, bad))
    spoiled = sum(message.ruptured for message in bad) if aspect.measure == "share" else len(bad)
    return Judged(max(1, level - spoiled), tuple(claims))


def _measured(aspect: Aspect, messages: Sequence[Heard], good: Sequence[Heard], bad: Sequence[Heard]) -> float:
    match aspect.measure:
        case "share":
            return len(good) / (len(good) + len([message for message in bad if message not in good]))
        case "often":
            return len(good) / len(messages)
        case "length":
            return median_low([len(message.text.split()) for message in messages])
        case "number":
            return len(good)
        case _:
            return len({act for message in good for act in message.acts if act in aspect.good})


def _claim(message: Heard, acts: frozenset[str]) -> Claim:
    act = next((act for act in message.acts if act in acts), "")
    says = _SAYS.get(act) or (_HURT if message.ruptured else _LONG)
    return Claim(message.number, shortened(message.text), str(says))
