"""How much a client talks like a real one: measures over replies, beside the figures of real clients. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import NamedTuple

from clients.phrasing import phrase_pattern
from clients.wordbook import phrase_lists
from clients.words import sentences, words


class Mark(NamedTuple):
    """One measure: its name, what real clients show, and what is an alarm if it is above that. Shares are 0 to 1."""

    name: str
    real: float
    alarm: float | None

    def shown(self, value: float | None) -> str:
        """A value of this measure as people read it: words in whole numbers, shares in percent, "" for None."""
        if value is None:
            return ""
        return f"{value:.0f}" if self.name.endswith("_words") else f"{100 * value:.1f} %"


# Counted over 4,817 turns of recorded helping talks; only the counts are known here, no text of theirs.
MARKS = (
    Mark("median_words", 15, 35),
    Mark("p90_words", 49, None),
    Mark("helper", 0.002, 0.03),
    Mark("agreement", 0.005, 0.05),
    Mark("questions", 0.068, 0.20),
)


@dataclass(frozen=True, slots=True)
class Measures:
    """What these replies show: words in one reply (median and 90th percentile), and shares of replies, 0 to 1.

    `helper` is the share that talks as a helper would, `agreement` that begins by agreeing, `questions` that asks.
    """

    replies: int
    median_words: float
    p90_words: int
    helper: float
    agreement: float
    questions: float

    @property
    def alarms(self) -> tuple[str, ...]:
        """The names of the measures that are past their alarm."""
        return tuple(mark.name for mark in MARKS if mark.alarm is not None and getattr(self, mark.name) > mark.alarm)


def measure(replies: Sequence[tuple[str, str]]) -> Measures:
    """The measures over clients' replies, each with the code of its language; all zero for none."""
    if not replies:
        return Measures(0, 0, 0, 0, 0, 0)
    lengths = sorted(len(words(reply)) for reply, _language in replies)
    count = len(replies)
    return Measures(
        replies=count,
        median_words=median(lengths),
        p90_words=lengths[-(-9 * count // 10) - 1],
        helper=sum(is_helping(reply, language) for reply, language in replies) / count,
        agreement=sum(begins_agreeing(reply, language) for reply, language in replies) / count,
        questions=sum("?" in reply for reply, _language in replies) / count,
    )


def is_helping(reply: str, language: str) -> bool:
    """Whether a reply has a phrase in it that a helper says and a client does not."""
    return bool(_phrases(language, "helper").search(" ".join(words(reply))))


def begins_agreeing(reply: str, language: str) -> bool:
    """Whether the first sentence of a reply agrees with what was said."""
    first = next(iter(sentences(reply)), "")
    return bool(_phrases(language, "agreement").search(" ".join(words(first))))


@cache
def _phrases(language: str, kind: str) -> re.Pattern[str]:
    return phrase_pattern(phrase_lists("measures", language)[kind])
