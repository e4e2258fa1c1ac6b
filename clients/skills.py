"""What a student does in a message, coded by rule: questions, reflections, advice and the rest, from word lists."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from clients.words import plain, sentences, stem, words

FOLDER = Path(__file__).parent / "phrases"
LANGUAGES = ("en", "es")

SKILLS = (
    "open_question",
    "closed_question",
    "reflection",
    "affirmation",
    "summary",
    "advice",
    "information",
    "permission",
    "confrontation",
    "self_disclosure",
    "greeting",
    "closing",
    "next_step",
    "out_of_role",
    "minimal",
    "offer",
    "apology",
)

# Sentences are coded by the first list that has a phrase in them, in this order. Confidence is how often such a phrase
# means what it seems to: a fixed, modest figure, since a rule cannot know more.
_BY_PHRASE = (
    ("out_of_role", 0.9),
    ("permission", 0.9),
    ("summary", 0.8),
    ("apology", 0.8),
    ("confrontation", 0.8),
    ("safety_question", 0.9),
    ("offer", 0.7),
    ("advice", 0.8),
    ("next_step", 0.8),
    ("affirmation", 0.7),
)
# What decides the code of the whole message when its sentences differ, strongest first.
_WEIGHT = (
    "out_of_role",
    "confrontation",
    "closing",
    "permission",
    "next_step",
    "open_question",
    "closed_question",
    "offer",
    "advice",
    "summary",
    "apology",
    "greeting",
    "reflection",
    "affirmation",
    "self_disclosure",
    "information",
    "minimal",
)


_ASKING = frozenset({"open_question", "closed_question"})
_STATEMENTS = frozenset({"reflection", "affirmation", "self_disclosure", "information"})
# A statement without telling words is taken as a reflection up to this many words, beyond as information.
_SHORT = 18


class Segment(NamedTuple):
    """One sentence of a message, what it does, and how sure that is (0 to 1)."""

    text: str
    act: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Coding:
    """A coded message: what it does first of all, everything it does in order of weight, and sentence by sentence."""

    primary: str
    acts: tuple[str, ...]
    confidence: float
    segments: tuple[Segment, ...]

    @property
    def question(self) -> str:
        """The last sentence that asks something, or "" when none does."""
        asking = ("open_question", "closed_question", "next_step")
        return next((segment.text for segment in reversed(self.segments) if segment.act in asking), "")


@lru_cache(maxsize=4096)
def code(text: str, language: str, heard: str = "") -> Coding:
    """Code a student's message. `heard` is what the client said just before: to echo it counts as a reflection.

    Languages without word lists are read with the English ones. Any text gives a coding; one without words is minimal.
    """
    book = _book(language)
    echo = frozenset(content_stems(heard, language))
    segments = tuple(
        _segment(part, book, language, echo) for whole in sentences(text) for part in _clauses(whole, book)
    )
    if not segments:
        return Coding("minimal", ("minimal",), 0.9, ())
    found = {segment.act for segment in segments}
    if _only_checks(segments, language):
        found -= _ASKING
    acts = sorted(found, key=_WEIGHT.index)
    if acts[0] in _STATEMENTS:
        # Of plain statements the clearest counts, and of equally clear ones the last.
        clearest = max(reversed(segments), key=lambda segment: segment.confidence * (segment.act in _STATEMENTS))
        acts.sort(key=lambda act: act != clearest.act)
    confidence = max(segment.confidence for segment in segments if segment.act == acts[0])
    return Coding(acts[0], tuple(acts), confidence, segments)


def _clauses(sentence: str, book: _Book) -> tuple[str, ...]:
    """A sentence, or its statement and its question where a comma divides them ("I see the bill, what do you pay?")."""
    head, comma, tail = sentence.rpartition(", ")
    line = " ".join(words(tail))
    opens = len(words(head)) >= 2 or book.phrases["greeting"].search(" ".join(words(head)))
    asks = "?" in tail and line.count(" ") >= 2 and opens
    if asks and any(book.phrases[act].search(line) for act in ("open_question", "closed_question")):
        return head + comma, tail
    return (sentence,)


def _only_checks(segments: tuple[Segment, ...], language: str) -> bool:
    """Whether the questions only ask for a yes to the summary or offer before them ("would you like that?")."""
    if not {"summary", "offer"} & {segment.act for segment in segments}:
        return False
    return all(len(content_stems(segment.text, language)) <= 1 for segment in segments if segment.act in _ASKING)


@lru_cache(maxsize=4096)
def content_stems(text: str, language: str) -> tuple[str, ...]:
    """The stems of a text's content words, in order, without words that carry no topic."""
    stop = _book(language).stop
    content = (word for word in words(text) if word not in stop and word.split("'", 1)[0] not in stop)
    return tuple(stem(word, language) for word in content)


def speaks(text: str, language: str) -> bool:
    """Whether a text may be in this language: false only when small words of another clearly outnumber its own."""
    tokens = set(words(text))
    own = len(tokens & _book(language).stop)
    return not any(len(tokens & _book(other).stop) >= 3 + 2 * own for other in LANGUAGES if other != language)


def carries_topic(word: str, language: str) -> bool:
    """Whether a single word says something about a topic, unlike "feel" or "why"."""
    return plain(word) not in _book(language).stop


def points_back(text: str, language: str) -> bool:
    """Whether a text has a word for something said before ("it", "that", "them")."""
    return not _book(language).back.isdisjoint(words(text))


def phrase_pattern(phrases: list[str]) -> re.Pattern[str]:
    """One pattern for a list of phrases over plain words joined by single spaces.

    In a phrase `*` stands for the rest of a word, `_` for up to three words, `^` for the beginning and `$` for the end.
    """
    if not phrases:
        return re.compile(r"(?!)")
    return re.compile("|".join(sorted((_phrase(phrase) for phrase in phrases), key=len, reverse=True)))


def _phrase(phrase: str) -> str:
    start, end = phrase.startswith("^"), phrase.endswith("$")
    body = plain(phrase.removeprefix("^").removesuffix("$")).split()
    pattern = ""
    for number, word in enumerate(body):
        if word == "_":
            pattern += r"(?: \S+){0,3}"
            continue
        pattern += (" " if number else "") + re.escape(word).replace(r"\*", r"\S*")
    return ("^" if start else r"(?<!\S)") + pattern + ("$" if end else r"(?!\S)")


class _Book(NamedTuple):
    """One language's word lists, compiled."""

    phrases: dict[str, re.Pattern[str]]
    stop: frozenset[str]
    minimal: frozenset[str]
    you: frozenset[str]
    me: frozenset[str]
    back: frozenset[str]


@cache
def _book(language: str) -> _Book:
    name = language if language in LANGUAGES else "en"
    data: dict[str, Any] = tomllib.loads((FOLDER / f"skills_{name}.toml").read_text(encoding="utf-8"))
    return _Book(
        phrases={key: phrase_pattern(phrases) for key, phrases in data["phrases"].items()},
        **{
            key: frozenset(plain(word) for word in data["words"][key])
            for key in ("stop", "minimal", "you", "me", "back")
        },
    )


def _segment(sentence: str, book: _Book, language: str, echo: frozenset[str]) -> Segment:
    tokens = words(sentence)
    line = " ".join(tokens)
    act, confidence = _act(line, tokens, book, asked="?" in sentence)
    if not act:
        act, confidence = _statement(tokens, book, echo.intersection(content_stems(sentence, language)))
    return Segment(sentence, act, confidence)


def _act(line: str, tokens: tuple[str, ...], book: _Book, *, asked: bool) -> tuple[str, float]:
    """The code of one sentence by its phrases and form; "" when nothing speaks for any."""
    if all(token in book.minimal for token in tokens):
        return "minimal", 0.9
    for act, longest in (("closing", 16), ("greeting", 24)):
        if len(tokens) <= longest and book.phrases[act].search(line):
            return act, 0.8
    kindly = {"confrontation", "advice"} if book.phrases["kindly"].search(line) else set()
    plainly = {"offer", "advice"} if book.phrases["plainly"].search(line) else set()
    for act, confidence in _BY_PHRASE:
        if act not in kindly | plainly and book.phrases[act].search(line):
            return ("closed_question" if act == "safety_question" else act), confidence
    return _form(line, book, asked=asked)


def _form(line: str, book: _Book, *, asked: bool) -> tuple[str, float]:
    """Question, information or reflection by how the sentence begins; "" when it is a plain statement."""
    reflects = book.phrases["reflection"].search(line)
    begins = reflects and reflects.start() < 5
    if not asked and not begins and book.phrases["information"].search(line):
        return "information", 0.6
    if reflects and reflects.start() < 25:
        return "reflection", 0.8
    if book.phrases["counting"].search(line):
        return "closed_question", 0.9
    if book.phrases["open_question"].search(line) or (asked and book.phrases["asking"].search(line)):
        return "open_question", 0.9 if asked else 0.7
    if asked or book.phrases["closed_question"].search(line):
        return "closed_question", 0.9 if asked else 0.6
    # "My nan lives alone, so I know how scary it is" is about the student, whatever it says of feelings.
    return ("reflection", 0.6) if reflects and not book.phrases["self"].search(line) else ("", 0.0)


def _statement(tokens: tuple[str, ...], book: _Book, echoed: frozenset[str]) -> tuple[str, float]:
    """A sentence without telling phrases, by its pronouns, its length and the client's own words in it."""
    persons = Counter("you" if token in book.you else "me" if token in book.me else "" for token in tokens)
    if persons["me"] > persons["you"] or (persons["me"] and tokens[0] in book.me and persons["me"] == persons["you"]):
        return "self_disclosure", 0.5
    if persons["you"] or echoed or len(tokens) <= _SHORT:
        return "reflection", 0.5
    return "information", 0.4
