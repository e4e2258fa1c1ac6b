"""A client's sentence said back to them: "I'm tired of it" as "You're tired of it", in English and Spanish."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from clients.wordbook import carries_topic, phrase_lists
from clients.words import sentences

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
# "Dígame", "siéntate": said to the listener.
_REQUEST = re.compile(r"\w*[áéíóú]\w*(?:me|te|se|le|lo|la)$")
# Longer ones are not said back in one breath.
MOST_WORDS = 24


class _Book(NamedTuple):
    """One language's words: `words` as they turn, `verbs` from first person to polite second, both lower case."""

    pattern: re.Pattern[str]
    words: dict[str, str]
    verbs: dict[str, str]
    never: re.Pattern[str]
    lead: re.Pattern[str]
    requests: frozenset[str]
    articles: frozenset[str]
    nouns: frozenset[str]
    still: frozenset[str]
    before_verb: frozenset[str]


@lru_cache(maxsize=4096)
def turned(text: str, language: str) -> str:
    """The last sentence of a text that can be said back, with its person turned and a full stop; "" when none can.

    Questions, sentences that address the listener, and ones that a rule may get wrong are left out. Spanish is turned
    to "usted". Languages without word lists are read as English.
    """
    book = _book(language)
    parts = [part for part in sentences(text.replace("’", "'")) if not part.rstrip("\"'”) ").endswith(("?", "…"))]
    return next((said for said in (_turn(part, book) for part in reversed(parts)) if said), "")


def inside(said: str, language: str) -> str:
    """A turned sentence as it stands inside another one: without full stop, small unless it begins with a name."""
    first = said.split(" ", 1)[0].rstrip(",").lower()
    small = not carries_topic(first, language) or first in _book(language).verbs.values()
    return (said[0].lower() + said[1:] if small else said).rstrip(".")


def _turn(sentence: str, book: _Book) -> str:
    bare = sentence.strip(" \"'“”¡!¿.,;:—-")
    line = bare.lower()
    while found := book.lead.match(line):
        bare, line = bare[found.end() :], line[found.end() :]
    if not 3 <= len(bare.split()) <= MOST_WORDS or book.never.search(line) or any(mark in bare for mark in '"“”{}*'):
        return ""
    if _WORD.findall(line)[0] in book.requests:
        return ""
    if not book.pattern.search(line) or (book.verbs and _has_unknown_verb(line, book)):
        return ""
    said = _persons(bare, book)
    return f"{said[0].upper()}{said[1:]}."


def _persons(text: str, book: _Book) -> str:
    """The text with every word of the first person turned, in one pass, so that nothing turns twice."""

    def turn(match: re.Match[str]) -> str:
        word = match[0].lower()
        if word in book.words:
            return book.words[word]
        before = _WORD.findall(text[: match.start()].lower())[-1:]
        if word == "me":
            after = (_WORD.findall(text[match.end() :].lower()) or [""])[0]
            return "se" if after in book.verbs else "le"
        noun = word in book.nouns and before and before[0] in book.articles
        return match[0] if noun else book.verbs[word]

    return book.pattern.sub(turn, text)


def _has_unknown_verb(line: str, book: _Book) -> bool:
    """Whether a Spanish line has what looks like a first person that the list lacks: "reñí", "fuimos", "yo no obligo".

    Also what looks like the client's word to the listener: "me cuentas", "siéntate".
    """
    words = _WORD.findall(line)
    unsure = [word for word in words if word.endswith(("é", "í", "mos", "zco"))]
    for before, word in pairwise(words):
        if before in book.before_verb and word.endswith("o"):
            unsure.append(word)
        if before in {"me", "no"} and len(word) > 3 and word.endswith(("as", "es")):
            return True
    return any(word not in book.verbs and word not in book.still for word in unsure) or any(map(_REQUEST.match, words))


@cache
def _book(language: str) -> _Book:
    data = phrase_lists("turning", language)
    verbs = data.get("verbs", {})
    turning = [*data["words"], *verbs, *(["me"] if verbs else [])]
    return _Book(
        pattern=_any_of(turning),
        words=data["words"],
        verbs=verbs,
        never=_any_of(data["never"]),
        lead=re.compile(rf"(?:{'|'.join(sorted(map(re.escape, data['lead']), key=len, reverse=True))})\b[\s,.]+"),
        requests=frozenset(data["requests"]),
        articles=frozenset(data.get("articles", ())),
        nouns=frozenset(data.get("nouns", ())),
        still=frozenset(data.get("still", ())),
        before_verb=frozenset(data.get("before_verb", ())),
    )


def _any_of(phrases: list[str]) -> re.Pattern[str]:
    words = "|".join(sorted(map(re.escape, phrases), key=len, reverse=True))
    return re.compile(rf"(?<![\w'])(?:{words})(?![\w'])", re.IGNORECASE)
