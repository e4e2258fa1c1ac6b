"""Whether a student speaks of their own distress, by rule: who the words are about decides, not which words they are.

Nothing here reads minds: what is said in other words is not found. The way out in the chat does not depend on it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from clients.phrasing import phrase_pattern
from clients.wordbook import LANGUAGES, phrase_lists
from clients.words import plain, sentences, words

NONE, STRAIN, DISTRESS, DANGER = 0, 1, 2, 3
_TIERS = {"danger": DANGER, "distress": DISTRESS, "strain": STRAIN}

# What somebody else says stands in quotation marks; ' is left out, since it is an apostrophe too.
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|„[^“”]*[“”]")
_PAUSE = re.compile(r"[,;:()–—]| - ")
# So many words before a phrase can turn it into its opposite ("I am not going to kill myself", "I am not depressed").
_REACH, _REACH_OF_TOPIC = 4, 2
# What follows makes a feeling the subject of a general sentence: "feeling hopeless is common".
_GENERAL = frozenset({"is", "can", "may", "means", "happens"})


def tier(text: str) -> int:
    """How serious it is that students say this of themselves: 0 nothing, 1 strain, 2 distress, 3 danger.

    English and Spanish are both tried, whatever the client speaks: a cry for help comes in one's own language.
    """
    said = list(_sentences(text))
    return max(_tier(_book(language), said) for language in LANGUAGES)


class _Sentence(NamedTuple):
    """The words of a sentence from one pause to the next, and whether it asks something."""

    clauses: tuple[tuple[str, ...], ...]
    asks: bool


def _sentences(text: str) -> Iterator[_Sentence]:
    unquoted = _QUOTED.sub(" ~ ", text)
    # All of it in quotation marks is the student's own after all.
    for sentence in sentences(unquoted if words(unquoted) else text):
        clauses = (words(clause) for clause in _PAUSE.split(sentence))
        yield _Sentence(tuple(clause for clause in clauses if clause), "?" in sentence)


class _Phrases:
    """A list of phrases by a word that each needs, so that few are looked for in a text; the others under "".

    See `clients.phrasing.phrase_pattern`. Most words are never said, so a pattern is made when its word first is.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self._by_word: defaultdict[str, list[str]] = defaultdict(list)
        for phrase in phrases:
            whole = [word for word in plain(phrase).strip("^$").split() if word != "_" and "*" not in word]
            self._by_word[max(whole, key=len, default="")].append(phrase)
        self._compiled: dict[str, re.Pattern[str]] = {}

    def found(self, line: str) -> Iterator[re.Match[str]]:
        """Every place of such a phrase in a line."""
        for pattern in self._patterns(line):
            yield from pattern.finditer(line)

    def stands_in(self, line: str) -> bool:
        """Whether there is any."""
        return any(True for _match in self.found(line))

    def taken_out_of(self, line: str) -> str:
        """The line with a mark in the place of each."""
        for pattern in self._patterns(line):
            line = pattern.sub("~", line)
        return line

    def _patterns(self, line: str) -> Iterator[re.Pattern[str]]:
        for word in sorted(self._by_word.keys() & {"", *line.split()}):
            if word not in self._compiled:
                self._compiled[word] = phrase_pattern(self._by_word[word])
            yield self._compiled[word]


class _Book(NamedTuple):
    """One language's lists; what each of them means stands in phrases/distress_en.toml."""

    own: Mapping[int, _Phrases]
    bare: Mapping[int, _Phrases]
    topic: Mapping[int, _Phrases]
    phrases: Mapping[str, _Phrases]
    spelled: Mapping[str, tuple[str, ...]]
    me: frozenset[str]
    marks: frozenset[str]
    away: frozenset[str]
    strangers: frozenset[str]
    others: frozenset[str]
    says: frozenset[str]
    between: frozenset[str]
    turns: frozenset[str]


@cache
def _book(language: str) -> _Book:
    data = phrase_lists("distress", language)
    lists: dict[str, Any] = {name: frozenset(plain(word) for word in data["words"][name]) for name in data["words"]}
    by_tier: dict[str, Any] = {
        kind: {number: _Phrases(data[kind][name]) for name, number in _TIERS.items()}
        for kind in ("own", "bare", "topic")
    }
    return _Book(
        **by_tier,
        phrases={name: _Phrases(phrases) for name, phrases in data["phrases"].items()},
        spelled={plain(word): tuple(plain(full).split()) for word, full in data["spelled"].items()},
        **lists,
    )


def _tier(book: _Book, said: Sequence[_Sentence]) -> int:
    worst, heavy = NONE, NONE
    for sentence in said:
        clauses = [_spell_out(book, clause) for clause in sentence.clauses]
        whole = " ".join(clauses)
        if book.phrases["supposed"].stands_in(whole):
            continue
        if book.phrases["alone"].stands_in(whole):
            worst = max(worst, STRAIN)
        heavy = max(heavy, _heavy(book, whole))
        if heavy and book.phrases["echo"].stands_in(whole):
            worst = max(worst, heavy)
        # "Just" is no more than a filler elsewhere.
        as_written = " ".join(word for clause in sentence.clauses for word in clause)
        if book.phrases["loss"].stands_in(whole) and book.phrases["fresh"].stands_in(f"{whole} {as_written}"):
            worst = max(worst, DISTRESS)
        before: list[str] = []
        for clause in clauses:
            line = book.phrases["idioms"].taken_out_of(clause)
            # What comes right after "you said" are another's words up to the next pause.
            if not _are_others_words(book, before[-3:]):
                worst = max(worst, _tier_of_clause(book, line, before, asks=sentence.asks))
            before = line.split()
        if worst == STRAIN and book.phrases["laughs"].stands_in(whole):
            worst = NONE
    return worst


def _spell_out(book: _Book, clause: tuple[str, ...]) -> str:
    return " ".join(full for word in clause for full in book.spelled.get(word, (word,)))


def _heavy(book: _Book, line: str) -> int:
    """What it means to say "me too" to this, whomever it is about."""
    found = (number for name, number in _TIERS.items() if book.phrases[f"heavy_{name}"].stands_in(line))
    return max(found, default=NONE)


def _tier_of_clause(book: _Book, line: str, before: list[str], *, asks: bool) -> int:
    for number in _TIERS.values():
        if (
            any(_is_meant(book, line, match) for match in book.own[number].found(line))
            or any(_is_of_speaker(book, line, match, before, asks=asks) for match in book.bare[number].found(line))
            or any(_is_marked(book, line, match) for match in book.topic[number].found(line))
        ):
            return number
    return NONE


def _is_meant(book: _Book, line: str, match: re.Match[str], reach: int = _REACH) -> bool:
    """Whether a phrase of the speaker is said by them, of no stranger, and not turned into its opposite."""
    led = line[: match.start()].split()
    is_open = book.marks.isdisjoint(match.group().split())
    if _are_others_words(book, led) or (is_open and not book.strangers.isdisjoint(line.split())):
        return False
    return match.group().split(" ", 1)[0] in book.turns or book.turns.isdisjoint(led[-reach:])


def _is_marked(book: _Book, line: str, match: re.Match[str]) -> bool:
    """Whether the speaker stands before the word and nothing beside it says that it is about anybody else."""
    led = line[: match.start()].split()
    alone = not book.marks.isdisjoint(led) and book.away.isdisjoint(line.split())
    return alone and _is_meant(book, line, match, _REACH_OF_TOPIC)


def _are_others_words(book: _Book, led: list[str]) -> bool:
    """Whether these words lead up to what somebody else says or thinks."""
    for at, word in enumerate(led):
        if word in book.says:
            subject = next((one for one in reversed(led[:at]) if one in book.me or one in book.others), "")
            if subject not in book.me:
                return True
    return False


def _is_of_speaker(book: _Book, line: str, match: re.Match[str], before: list[str], *, asks: bool) -> bool:
    """Whether the subject of a bare phrase is the speaker: between them stand only words such as "am" and "feel"."""
    led = line[: match.start()].split()
    after = line[match.end() :].split()
    if after and after[0] in _GENERAL:
        return False
    while led and led[-1] in book.between:
        led.pop()
    if led:
        return led[-1] == "i" and not _are_others_words(book, led[:-1])
    # Without a subject of its own it goes on with the one before it.
    subject = next((one for one in reversed(before) if one in book.me or one in book.others), "")
    return not asks and subject in book.me
