"""The generic phrases of a language, for what a client's own facts and script do not cover."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from clients.phrasing import phrase_pattern
from clients.wordbook import phrase_lists
from clients.words import words

_NOTHING = phrase_pattern([])


class Ask(NamedTuple):
    """A question that any client can be asked: answered by `lines`, or by the lines of `act`.

    A late one is answered this way only when none of the client's facts is approached. `cues` mark lines of a fact that
    would answer it, such as a number of years after "how long".
    """

    name: str
    pattern: re.Pattern[str]
    cues: re.Pattern[str]
    lines: tuple[str, ...]
    act: str
    late: bool

    @property
    def marks(self) -> bool:
        """Whether it has cues."""
        return self.cues is not _NOTHING


class Phrasebook(NamedTuple):
    """One language's phrases: acts, acts in a communication style, questions, matters of life, issues, fragments.

    `cues` mark what a line presupposes (a feeling named, a scale asked for), `themes` the subjects of small talk.
    """

    acts: dict[str, tuple[str, ...]]
    styles: dict[str, dict[str, tuple[str, ...]]]
    asks: tuple[Ask, ...]
    matters: dict[str, tuple[str, ...]]
    issues: dict[str, tuple[str, ...]]
    first: tuple[str, ...]
    second: tuple[str, ...]
    cues: dict[str, re.Pattern[str]]
    themes: tuple[re.Pattern[str], ...]

    def course(self, text: str) -> re.Pattern[str]:
        """What marks the answer to a question of number, time or place in a text ("how long": years, since)."""
        line = " ".join(words(text))
        return next((ask.cues for ask in self.asks if ask.marks and ask.pattern.search(line)), _NOTHING)

    def asked(self, text: str, *, late: bool) -> Ask | None:
        """The first known question in a text, or None."""
        line = " ".join(words(text))
        return next((ask for ask in self.asks if ask.late == late and ask.pattern.search(line)), None)


@cache
def phrasebook(language: str) -> Phrasebook:
    """The phrases of a language; languages without their own speak English."""
    data = phrase_lists("voice", language)
    return Phrasebook(
        acts=_tuples(data["acts"]),
        styles={style: _tuples(acts) for style, acts in data["styles"].items()},
        asks=tuple(_ask(ask) for ask in data["asks"]),
        matters=_tuples(data["matters"]),
        issues=_tuples(data["issues"]),
        first=tuple(data["fragments"]["first"]),
        second=tuple(data["fragments"]["second"]),
        cues={name: phrase_pattern(phrases) for name, phrases in data["cues"].items()},
        themes=tuple(phrase_pattern(phrases) for phrases in data["themes"].values()),
    )


def _tuples(lists: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(lines) for name, lines in lists.items()}


def _ask(data: dict[str, Any]) -> Ask:
    return Ask(
        name=data["name"],
        pattern=phrase_pattern(data["phrases"]),
        cues=phrase_pattern(data["cues"]) if "cues" in data else _NOTHING,
        lines=tuple(data.get("lines", ())),
        act=data.get("act", ""),
        late=data.get("late", False),
    )
