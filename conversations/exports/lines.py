"""What an export is written from: a conversation as plain values, so that the writers know no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One message: who said it, when (as words), the text, and a remark in words ("" when it is whole).

    The rest is for machines: its number, role and status as stored, `at` as ISO 8601 in UTC, tokens, and milliseconds
    to the whole reply (None where they are not asked for or there are none). `notes` are (who, text) in the margin.
    """

    who: str
    when: str
    text: str
    remark: str = ""
    number: int = 0
    role: str = ""
    at: str = ""
    status: str = ""
    tokens: int | None = None
    response_ms: int | None = None
    notes: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """One criterion of a scoring: its name, the level in words and as 1 to 4 (None: not chosen), and the comment."""

    criterion: str
    level: str
    number: int | None
    comment: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A scoring: the rubric's name, its state, the total in words and in percent ("" while a level is missing)."""

    rubric: str
    state: str
    total: str
    percent: str
    comment: str
    rows: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation to be written: the title, facts for people, `data` for machines, and what was said.

    `data` has plain values under fixed English names, the same for every conversation of one export.
    """

    title: str
    facts: tuple[Fact, ...]
    data: Mapping[str, Any]
    lines: Iterable[Line]
    scoring: Judgement | None = None
