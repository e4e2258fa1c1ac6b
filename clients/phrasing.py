"""The small language of the phrase lists, and how a sentence is searched for them. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from clients.words import plain, words


class Line(NamedTuple):
    """A sentence as plain words: `text` joins them by single spaces, `starts` says where in it each word begins, and
    `first` is the place of the first word that does more than lead in ("so", "well"); 0 when none does.
    """

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    first: int

    @classmethod
    def of(cls, sentence: str, lead: re.Pattern[str], spelling: Mapping[str, str]) -> Line:
        """The line of a sentence, its words written as `spelling` has them."""
        tokens = tuple(word for token in words(sentence) for word in spelling.get(token, token).split())
        starts, end = [], 0
        for token in tokens:
            starts.append(end)
            end += len(token) + 1
        text = " ".join(tokens)
        led = lead.match(text)
        return cls(text, tokens, tuple(starts), text.count(" ", 0, led.end()) if led else 0)


class Phrases:
    """A list of phrases, kept by the first word of each: a search is fast however long the list."""

    def __init__(self, phrases: Iterable[str], spelling: Mapping[str, str]) -> None:
        self._opening = _Starts(spelling)
        self._anywhere = _Starts(spelling)
        for phrase in phrases:
            (self._opening if phrase.startswith("^") else self._anywhere).add(phrase.removeprefix("^"))

    def find(self, line: Line) -> int:
        """The place of the word at which one of the phrases begins in the line, -1 when none does."""
        for starts, places in ((self._opening, (0, line.first)), (self._anywhere, range(len(line.words)))):
            for place in places:
                if place < len(line.words) and starts.match(line, place):
                    return place
        return -1

    def within(self, line: Line) -> bool:
        """Whether one of the phrases stands in the line."""
        return self.find(line) >= 0


class _Starts:
    """Patterns by the word that they begin with; those that may begin with many words stand under ""."""

    def __init__(self, spelling: Mapping[str, str]) -> None:
        self.spelling = spelling
        self.patterns: defaultdict[str, list[str]] = defaultdict(list)
        self.compiled: dict[str, re.Pattern[str]] = {}

    def add(self, phrase: str) -> None:
        for first in plain(phrase).split()[0].removesuffix("$").split("|"):
            word = "" if "*" in first else self.spelling.get(first, first).split()[0]
            self.patterns[word].append(_pattern(phrase, self.spelling))

    def match(self, line: Line, place: int) -> bool:
        return any(
            pattern.match(line.text, line.starts[place]) is not None
            for word in (line.words[place], "")
            if (pattern := self._pattern(word)) is not None
        )

    def _pattern(self, word: str) -> re.Pattern[str] | None:
        if word in self.patterns and word not in self.compiled:
            self.compiled[word] = re.compile("|".join(self.patterns[word]))
        return self.compiled.get(word)


def lead_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for as many of these as a line begins with, the space after the last of them included."""
    longest = sorted((re.escape(plain(phrase)) for phrase in phrases), key=len, reverse=True)
    return re.compile(rf"(?:(?:{'|'.join(longest)}) )*")


def phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """One pattern for a list of phrases over plain words joined by single spaces.

    In a phrase `*` stands for the rest of a word, `|` divides words of which one is there, `_` stands for up to three
    words, `^` for the beginning and `$` for the end.
    """
    patterns = [
        ("^" if phrase.startswith("^") else r"(?<!\S)") + _pattern(phrase.removeprefix("^"), {}) for phrase in phrases
    ]
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)) or r"(?!)")


def _pattern(phrase: str, spelling: Mapping[str, str]) -> str:
    pattern = ""
    for number, word in enumerate(plain(phrase.removesuffix("$")).split()):
        if word == "_":
            pattern += r"(?: \S+){0,3}"
            continue
        choices = (re.escape(spelling.get(choice, choice)).replace(r"\*", r"\S*") for choice in word.split("|"))
        pattern += (" " if number else "") + f"(?:{'|'.join(choices)})"
    return pattern + ("$" if phrase.endswith("$") else r"(?!\S)")
