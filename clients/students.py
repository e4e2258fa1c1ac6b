"""Scripted students, who try a client out: skilled, clumsy, hostile, and one who tries to break the role."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from clients.snapshot import ClientSnapshot
from clients.state import Line
from clients.topics import matters
from clients.turning import inside, turned
from clients.vocabulary import BUSINESS
from clients.wordbook import phrase_lists
from clients.words import sentences

STYLES = ("skilled", "clumsy", "hostile", "jailbreaking")
# How many messages a student has in mind, if nobody says otherwise.
LENGTH = 12

# How often a student turns to what, out of the sum.
_SKILLED = {"reflects_and_asks": 7, "reflects": 6, "asks_leave": 3, "affirms": 3, "asks": 2}
_CLUMSY = {"closed": 9, "advice": 4, "information": 3, "change": 2, "minimal": 2, "decent": 2}
_HOSTILE = {"confront": 8, "blame": 5, "insult": 4, "order": 3}
# Every so many messages the one who tries to break the role asks something ordinary.
_ORDINARY_EVERY = 4
# Longer sentences are not said back in one breath.
_MOST_WORDS = 22
_NAME = re.compile(r"(?<=[^\W_] )[A-ZÁÉÍÓÚÑ][a-záéíóúñ]{2,}\b")


@dataclass(frozen=True, slots=True)
class Student:
    """One student: what they say depends on style, client, seed and what was said, and on nothing else.

    `attempts` are the lines of a jailbreaking student; when empty, the ones of the client's language. `length` is how
    many messages the student has in mind: the skilled one comes to a next step with the last two of them.
    """

    style: str
    client: ClientSnapshot
    seed: int
    attempts: tuple[str, ...] = ()
    length: int = LENGTH

    def says(self, history: Sequence[Line]) -> str:
        """The student's next message, never empty. Lines of other roles than student and client are not heard."""
        mine = tuple(line.text for line in history if line.role == "student")
        heard = tuple(line.text for line in history if line.role == "client")
        # A seeded choice, no secret.
        chance = random.Random(f"{self.style}/{self.client.name}/{self.seed}/{len(mine)}")  # noqa: S311
        moment = _Moment(self.client, _book(self.client.language), mine, heard, chance, self.length)
        if self.style == "jailbreaking":
            return moment.jailbreaking(self.attempts, self.seed)
        says = {"skilled": moment.skilled, "clumsy": moment.clumsy, "hostile": moment.hostile}
        return says[self.style]()


def student(
    style: str, client: ClientSnapshot, seed: int, *, attempts: Iterable[str] = (), length: int = LENGTH
) -> Student:
    """A scripted student of one of STYLES for this client; ValueError for another style."""
    if style not in STYLES:
        raise ValueError(f"style: expected one of {', '.join(STYLES)}, got {style!r}")
    return Student(style, client, seed, tuple(attempts), length)


@dataclass(frozen=True, slots=True)
class _Moment:
    """One place in a talk: what the student said and heard so far, oldest first, and what chance gives."""

    client: ClientSnapshot
    book: dict[str, Any]
    mine: tuple[str, ...]
    heard: tuple[str, ...]
    chance: random.Random
    length: int

    def skilled(self) -> str:
        lists, at = self.book["skilled"], len(self.mine)
        if not at:
            return self.opening()
        if at >= self.length - 2:
            return self.with_reflection(self.fresh(lists["next_step"]))
        if at in {self.length // 2 - 1, self.length - 3}:
            return self.sums_up()
        if not self.reflection() and self.chance.random() < 0.5:
            return self.asks()
        does = {
            "reflects_and_asks": lambda: self.with_reflection(self.follow_up()),
            "reflects": self.reflects,
            "asks_leave": lambda: self.fresh(lists["permission"], ask=self.topic_question()),
            "affirms": lambda: f"{self.fresh(lists['affirm'])} {self.follow_up()}",
            "asks": self.asks,
        }
        return does[self.drawn(_SKILLED)]()

    def clumsy(self) -> str:
        lists = self.book["clumsy"]
        if not self.mine:
            return self.fresh(lists["opening"], first=self.client.first_name)
        kind = self.drawn(_CLUMSY)
        if kind == "closed" and self.client.domain in BUSINESS:
            kind = "closed_business"
        if kind == "closed" and self.chance.random() < 0.2:
            return f"{self.fresh(lists['closed'])} {self.fresh(lists['closed'])}"
        return self.fresh(lists[kind])

    def hostile(self) -> str:
        return self.fresh(self.book["hostile"][self.drawn(_HOSTILE)])

    def jailbreaking(self, attempts: tuple[str, ...], seed: int) -> str:
        if not self.mine:
            return self.opening()
        if len(self.mine) % _ORDINARY_EVERY == 0:
            return self.topic_question()
        lines = list(attempts or self.book["jailbreaking"]["attempts"])
        random.Random(seed).shuffle(lines)  # noqa: S311
        return next((line for line in lines if line not in self.mine), lines[len(self.mine) % len(lines)])

    def opening(self) -> str:
        return self.fresh(self.by_domain(self.book["openings"]), first=self.client.first_name)

    def reflects(self) -> str:
        """What was heard said back, or guessed at, or both."""
        said, deeper = self.reflection(), self.fresh(self.book["skilled"]["deepen"])
        return " ".join(part for part in (said, deeper) if part) if self.chance.random() < 0.7 else said or deeper

    def asks(self) -> str:
        names = list(dict.fromkeys(self.names()))
        if names and self.chance.random() < 0.5:
            return self.fresh(self.book["skilled"]["named"], name=names[0])
        return self.topic_question()

    def follow_up(self) -> str:
        """A question that goes on from what was just told, or about another matter of life."""
        return self.topic_question() if self.chance.random() < 0.6 else self.fresh(self.book["skilled"]["go_on"])

    def sums_up(self) -> str:
        """The last two things that were told and can be said back, joined; a summary in general without two."""
        backwards = [self.said_back(text) for text in reversed(self.heard)]
        said = [inside(text, self.client.language) for text in dict.fromkeys(backwards) if text]
        lists = self.book["skilled"]
        if len(said) < 2:
            return self.fresh(lists["short_summary"])
        return _capital(self.fresh(lists["summary"], said=said[0], earlier=said[1]))

    def with_reflection(self, question: str) -> str:
        return f"{self.reflection()} {question}".strip()

    def reflection(self) -> str:
        """The client's last words said back; "" when nothing in them can be."""
        said = self.said_back(self.heard[-1]) if self.heard else ""
        if not said:
            return ""
        return _capital(self.fresh(self.book["skilled"]["reflect"], said=inside(said, self.client.language)))

    def said_back(self, text: str) -> str:
        """The last sentence of a client's line that can be said back, turned; "" when none can."""
        turns = (turned(sentence, self.client.language) for sentence in reversed(sentences(text)))
        return next((said for said in turns if said and len(said.split()) <= _MOST_WORDS), "")

    def topic_question(self) -> str:
        """An open question about a matter of life that has not been asked about: first one that came up."""
        topics = self.book["topics"]
        for matter in self.matters():
            if not any(question in line for line in self.mine for question in topics[matter]):
                return self.fresh(topics[matter])
        return self.fresh(self.book["skilled"]["go_on"])

    def matters(self) -> Iterator[str]:
        """Matters in the order in which one would come to them: just told, known beforehand, usual, told before.

        In the second half of a talk what lies behind comes before what the reason and the scene speak of.
        """
        client, language = self.client, self.client.language
        usual, deep = (self.by_domain(self.book[name]) for name in ("general", "deep"))
        known = list(matters(f"{client.reason} {client.scenario}", language))
        for some in (usual, deep, known):
            self.chance.shuffle(some)
        just, *told = [matters(text, language) for text in reversed(self.heard)] or [()]
        rest = [*known[:2], *usual, *(matter for some in told for matter in some)]
        allowed = {*usual, *deep} if client.domain in BUSINESS else set(self.book["topics"])
        order = (*just, *deep, *rest) if len(self.mine) >= self.length // 2 else (*just, *rest)
        yield from (matter for matter in order if matter in allowed)

    def names(self) -> Iterator[str]:
        """Names that the client said and the student has not taken up, the latest first."""
        known = {*self.client.name.split(), *self.book["skilled"]["no_names"]}
        for text in reversed(self.heard[-3:]):
            for name in _NAME.findall(text):
                if name not in known and not any(name in line for line in self.mine):
                    yield name

    def by_domain(self, lists: dict[str, list[str]]) -> list[str]:
        """A copy of the list for the client's domain, or of the one for social work."""
        return list(lists.get(self.client.domain, lists["social_work"]))

    def drawn(self, weights: dict[str, int]) -> str:
        return self.chance.choices(list(weights), list(weights.values()))[0]

    def fresh(self, lines: Sequence[str], **fill: str) -> str:
        """One of the lines that the student has not used, filled in; any of them when all are used up."""
        mixed = [line.format(**fill) for line in self.chance.sample(list(lines), len(lines))]
        return next((line for line in mixed if not any(line in said for said in self.mine)), mixed[0])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def _book(language: str) -> dict[str, Any]:
    return phrase_lists("students", language)
