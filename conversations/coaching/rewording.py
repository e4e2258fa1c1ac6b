"""Another way to say a message, by rule, from the student's own words and what the client said last.

Only wordings that the coding itself takes for what they are meant to be are offered. Pure; the lists are data.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, NamedTuple
from zlib import crc32

from clients.phrasing import phrase_pattern
from clients.skills import REFLECTIONS, Coding, code
from clients.snapshot import ClientSnapshot
from clients.topics import matters
from clients.turning import turned
from clients.vocabulary import BUSINESS
from clients.wordbook import LANGUAGES, content_stems, phrase_lists
from clients.words import sentences, words

_GOOD = REFLECTIONS | {"open_question", "summary", "permission", "affirmation", "next_step"}
_MANY_QUESTIONS, _MUCH_TOLD, _MOST_QUOTED = 3, 30, 20
_SHORTEST, _LONGEST = 4, 16
# From this confidence on a coding is taken for sure.
SURE = 0.6


class Need(NamedTuple):
    """What a message would gain most from, and how much (1 to 9)."""

    name: str
    weight: int


def need(coding: Coding, text: str, heard: str, snapshot: ClientSnapshot) -> Need | None:
    """What could be said better in a message, the weightiest alone; None where it is good, or the coding unsure.

    `heard` is what the client said just before it.
    """
    # To ask about risk is right however it is put.
    if coding.primary == "confrontation" or coding.risk:
        return Need("blame", 9) if coding.primary == "confrontation" else None
    if "permission" not in coding.acts and _advises(coding, heard, snapshot.language):
        return Need("advice", 7 if coding.primary == "advice" else 5)
    if len(_questions(coding)) >= _MANY_QUESTIONS:
        return Need("stack", 5)
    told = sum(len(words(segment.text)) for segment in coding.segments if segment.act == "information")
    if told > _MUCH_TOLD and "permission" not in coding.acts and snapshot.domain != "language":
        return Need("dump", 5)
    # Where facts are what the talk is about, a closed question is what one needs.
    if snapshot.domain in BUSINESS or coding.again:
        return None
    return _small_need(coding, text)


def _advises(coding: Coding, heard: str, language: str) -> bool:
    """Whether it gives advice that is not the client's own words said back ("you could live with a three")."""
    known = set(content_stems(heard, language))
    told = [set(content_stems(segment.text, language)) for segment in coding.segments if segment.act == "advice"]
    return any(len(stems & known) * 2 < len(stems) or not stems for stems in told)


def _small_need(coding: Coding, text: str) -> Need | None:
    """What is no fault, but could do more."""
    if {"greeting", "closing", "apology"} & set(coding.acts):
        return None
    if coding.primary == "closed_question" and coding.confidence >= SURE and "?" in text:
        return Need("open", 3 if set(coding.acts) == {"closed_question"} else 2)
    if coding.primary == "self_disclosure" and len(words(text)) > 6:
        return Need("self", 3)
    return Need("short", 2) if set(coding.acts) == {"minimal"} else None


def reword(
    wanted: Need, coding: Coding, text: str, heard: str, snapshot: ClientSnapshot, *, used: Collection[str] = ()
) -> str:
    """The message said another way, in the language of the conversation; "" where nothing good and unused can be built.

    `used` are the wordings given already.
    """
    if snapshot.language not in LANGUAGES:
        return ""
    book = _book(snapshot.language)
    # An apology said another way is still one.
    if "apology" in coding.acts:
        return apology(text, snapshot, used)
    informal = _is_informal(text, book)
    # What is said back in Spanish is turned to "usted".
    sayable = not informal and snapshot.domain not in BUSINESS
    said = reflection(heard, snapshot.language) if sayable else ""
    style = book.informal if informal else book.formal
    for candidate in _candidates(wanted.name, style, coding, said, snapshot.language):
        if _is_as_meant(candidate, snapshot.language, heard) and candidate.strip() not in {text.strip(), *used}:
            return candidate
    return ""


def apology(text: str, snapshot: ClientSnapshot, used: Collection[str] = ()) -> str:
    """How to say sorry for a message, in the language of the conversation; "" where nothing unused can be said."""
    if snapshot.language not in LANGUAGES:
        return ""
    book = _book(snapshot.language)
    patterns = (book.informal if _is_informal(text, book) else book.formal)["mend"]
    at = crc32(text.encode()) % len(patterns)
    return next((one for one in [*patterns[at:], *patterns[:at]] if one not in {text.strip(), *used}), "")


def reflection(heard: str, language: str) -> str:
    """The sentence of the client's that says most of how they are, turned to them; "" where none does."""
    if language not in LANGUAGES:
        return ""
    book = _book(language)
    best, most = "", 0.0
    for place, sentence in enumerate(sentences(heard)):
        said = turned(sentence, language)
        if not _SHORTEST <= len(words(said)) <= _LONGEST:
            continue
        line = " ".join(words(said))
        if (book.starts and words(said)[0] not in book.starts) or book.passing.search(line):
            continue
        weight = len(set(content_stems(said, language))) + 0.1 * place
        if book.feelings.search(line) and weight > most:
            best, most = said, weight
    return best


def proposes(text: str, language: str) -> bool:
    """Whether a message about a next step proposes one, instead of asking for the client's."""
    return "?" not in text or bool(_book(language).proposes.search(" ".join(words(text))))


def _is_informal(text: str, book: _Book) -> bool:
    return not book.tu.isdisjoint(re.findall(r"\w+", text.lower()))


def _candidates(name: str, style: dict[str, Any], coding: Coding, said: str, language: str) -> Iterator[str]:
    """Wordings from the best to the plainest."""
    if name in {"open", "stack"}:
        yield from _questions_of(name, style, coding, language)
    text = " ".join(segment.text for segment in coding.segments)
    own = next((_short(segment.text) for segment in coding.segments if segment.act == "information"), "")
    patterns = style[name]
    at = crc32(text.encode()) % max(1, len(patterns))
    # What says the client's words back comes first, of the others one or the next.
    for pattern in sorted([*patterns[at:], *patterns[:at]], key=lambda pattern: "{" not in pattern):
        if ("{said}" not in pattern or said) and ("{own}" not in pattern or own):
            yield pattern.format(said=said, own=own)


def _questions_of(name: str, style: dict[str, Any], coding: Coding, language: str) -> Iterator[str]:
    """Of several questions the last open one as it is; else the last one opened."""
    asked = _questions(coding)
    if name == "stack":
        yield from (_capital(text) for text, act in reversed(asked) if act == "open_question" and text.endswith("?"))
    for question, act in reversed(asked):
        if act == "closed_question":
            yield from _opened(question, style, language)


def _opened(question: str, style: dict[str, Any], language: str) -> Iterator[str]:
    """An open question about what a closed one asks; none for what only an office wants to know."""
    line = " ".join(words(question))
    if _book(language).practical.search(line):
        return
    yield from (one["says"] for one in style["opened"] if phrase_pattern(one["phrases"]).search(line))
    person = _book(language).person.search(question.lower())
    if person:
        yield style["person"].format(person=person[1])
    yield from (style["matters"][matter] for matter in matters(question, language) if matter in style["matters"])


def _is_as_meant(candidate: str, language: str, heard: str) -> bool:
    found = code(candidate, language, heard)
    return found.primary in _GOOD and not {"advice", "confrontation", "out_of_role"} & set(found.acts)


def _questions(coding: Coding) -> list[tuple[str, str]]:
    """The questions of a message with their codes."""
    return [(one.text, one.act) for one in coding.segments if one.act in {"open_question", "closed_question"}]


def _short(sentence: str) -> str:
    """A sentence of the student's that can be said alone, or ""."""
    return _capital(sentence) if len(words(sentence)) <= _MOST_QUOTED and sentence.endswith(".") else ""


def _capital(sentence: str) -> str:
    bare = sentence.lstrip("¿ ")
    mark = sentence[: len(sentence) - len(bare)].strip()
    return f"{mark}{bare[:1].upper()}{bare[1:]}"


class _Book(NamedTuple):
    """One language's word lists, compiled; `tu` are the words of who says "tú" and not "usted"."""

    starts: frozenset[str]
    passing: re.Pattern[str]
    feelings: re.Pattern[str]
    proposes: re.Pattern[str]
    practical: re.Pattern[str]
    person: re.Pattern[str]
    formal: dict[str, Any]
    informal: dict[str, Any]
    tu: frozenset[str]


@cache
def _book(language: str) -> _Book:
    data = phrase_lists("coaching", language)
    of_whom = "(?:su|tu)" if language == "es" else "your"
    return _Book(
        starts=frozenset(data["starts"]),
        passing=phrase_pattern(data["passing"]),
        feelings=phrase_pattern(data["feelings"]),
        proposes=phrase_pattern(data["proposes"]),
        practical=phrase_pattern(data["practical"]),
        person=re.compile(rf"\b{of_whom} ({'|'.join(data['people'])})\b"),
        formal=data["formal"],
        informal=data.get("informal", {}),
        tu=frozenset(data.get("tu", ())),
    )
