"""The word lists of a language, compiled, and what they say of single words and texts. Pure."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from clients.phrasing import Line, Phrases, lead_pattern
from clients.words import plain, stem, words

FOLDER = Path(__file__).parent / "phrases"
LANGUAGES = ("en", "es")


def phrase_lists(kind: str, language: str) -> dict[str, Any]:
    """What phrases/<kind>_<language>.toml holds, or the English file for a language without any."""
    name = language if language in LANGUAGES else "en"
    return tomllib.loads((FOLDER / f"{kind}_{name}.toml").read_text(encoding="utf-8"))


class Book(NamedTuple):
    """One language's lists of phrases/skills_*.toml: phrases by kind, kinds of meaning, and sets of words."""

    language: str
    phrases: dict[str, Phrases]
    meanings: tuple[Phrases, ...]
    spelling: dict[str, str]
    lead: re.Pattern[str]
    so: frozenset[str]
    subject: frozenset[str]
    stop: frozenset[str]
    minimal: frozenset[str]
    you: frozenset[str]
    your: frozenset[str]
    me: frozenset[str]
    we: frozenset[str]
    back: frozenset[str]

    def line(self, text: str) -> Line:
        return Line.of(text, self.lead, self.spelling)


@cache
def book(language: str) -> Book:
    """The lists of a language, the English ones for a language without any."""
    data = phrase_lists("skills", language)
    spelling = {short: long for long, shorts in data["spelling"].items() for short in shorts}
    sets = ("so", "subject", "stop", "minimal", "you", "your", "me", "we", "back")
    return Book(
        language=language if language in LANGUAGES else "en",
        phrases={kind: Phrases(phrases, spelling) for kind, phrases in data["phrases"].items()},
        meanings=tuple(Phrases(phrases, spelling) for phrases in data["meaning"].values()),
        spelling=spelling,
        lead=lead_pattern(data["words"]["lead"]),
        **{key: frozenset(plain(word) for word in data["words"][key]) for key in sets},
    )


@lru_cache(maxsize=4096)
def content_stems(text: str, language: str) -> tuple[str, ...]:
    """The stems of a text's content words, in order, without words that carry no topic."""
    stop = book(language).stop
    content = (word for word in words(text) if word not in stop and word.split("'", 1)[0] not in stop)
    return tuple(stem(word, language) for word in content)


def speaks(text: str, language: str) -> bool:
    """Whether a text may be in this language: false only when small words of another clearly outnumber its own."""
    tokens = set(words(text))
    own = len(tokens & book(language).stop)
    return not any(len(tokens & book(other).stop) >= 3 + 2 * own for other in LANGUAGES if other != language)


def carries_topic(word: str, language: str) -> bool:
    """Whether a single word says something about a topic, unlike "feel" or "why"."""
    return plain(word) not in book(language).stop


def points_back(text: str, language: str) -> bool:
    """Whether a text has a word for something said before ("it", "that", "them")."""
    return not book(language).back.isdisjoint(words(text))
