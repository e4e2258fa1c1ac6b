"""What a model is to answer, evidence before the level, and what of its answer is kept."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from conversations.evaluation.quotes import Source, invents, shortened
from conversations.evaluation.transcript import Line, Sent
from conversations.evaluation.verdicts import Claim, Judged, Run
from conversations.scores import RubricValue
from conversations.text import storable

SAYS = 500


class Evidence(BaseModel):
    """One quote and what it shows."""

    message: int = Field(description="The number of the student's message.")
    quote: str = Field(description="Words of that message, copied exactly, at least three.")
    shows: str = Field(description="What they show about this criterion: one sentence without quotation marks.")


class JudgedCriterion(BaseModel):
    """One criterion. The order of the fields is the order in which they are written: evidence first."""

    criterion: int = Field(description="The number of the criterion.")
    evidence: list[Evidence]
    level: Literal[1, 2, 3, 4] | None = Field(description="The level that the evidence supports, null without any.")


class Judgement(BaseModel):
    """A whole answer."""

    criteria: list[JudgedCriterion]


def check(answer: Judgement, value: RubricValue, lines: Sequence[Line], names: Sequence[str]) -> Run:
    """What of the answer holds: quotes that are word for word in the student's message that they name, and no others.

    A criterion that is answered twice counts once; one that the rubric does not have counts for nothing.
    """
    sources = {line.number: Source(Sent.of(line.text, names)) for line in lines}
    own = {line.number: line.text for line in lines if line.who == "student"}
    known = [*sources.values(), *(Source(Sent.of(text)) for text in _texts(value))]
    judged: dict[int, Judged] = {}
    for row in answer.criteria:
        claims = []
        for one in row.evidence if row.criterion not in judged else ():
            span = sources[one.message].find(one.quote) if one.message in own else None
            # In one line first: looking for quotations in long white space would take forever.
            says = " ".join(storable(one.shows).split())
            if span and says and not invents(says, known):
                claims.append(Claim(one.message, shortened(own[one.message][slice(*span)]), says[:SAYS]))
        judged.setdefault(row.criterion, Judged(row.level if claims else None, tuple(claims)))
    kept = tuple(judged.get(number, Judged(None, ())) for number in range(1, len(value.criteria) + 1))
    sent = sum(len(row.evidence) for row in answer.criteria)
    return Run(kept, sent, sent - sum(len(one.claims) for one in kept))


def _texts(value: RubricValue) -> list[str]:
    """The rubric's own words, which a claim may put in quotation marks."""
    return [text for row in value.criteria for text in (row.name, *row.descriptions, *row.points)]
