"""The voice without a model: what a client answers, by rule, from their facts, their script and generic phrases."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from clients.aloud import aloud
from clients.skills import REFLECTIONS, Coding
from clients.snapshot import ClientSnapshot, Fact
from clients.state import FIRM, Line, State, advance, answered, start
from clients.topics import facts_of, matters
from clients.vocabulary import BUSINESS
from clients.voices.phrasebook import Ask, Phrasebook, phrasebook
from clients.wordbook import content_stems, speaks
from clients.words import fingerprint, sentences, words

__all__ = ["Line", "pieces", "reply"]

_SCRIPT_ACT = {
    "out_of_role": "out_of_role",
    "confrontation": "confronted",
    "closing": "closing",
    "permission": "permission",
    "advice": "advised",
    "offer": "offer",
    "affirmation": "affirmed",
    "self_disclosure": "disclosed",
    "information": "informed",
    "summary": "summarised",
    "next_step": "next_step",
    "greeting": "greeting",
    "minimal": "silence",
    "simple_reflection": "reflected",
    "complex_reflection": "reflected",
    "apology": "apology",
    "sympathy": "reflected",
}
# What can be said to anything, when nothing better is left.
_ANYWHERE = ("continue", "reflected", "unclear", "silence", "vague_open", "small_talk")
# Questions that go on from what was just said: the next wording of the fact answers them best.
_GO_ON = frozenset({"why", "mean", "more", "others"})
# Questions that say little themselves: what they are about is the better guide.
_BARE = frozenset({"who", "where", "when", "why", "much"})
_QUESTIONS = frozenset({"open_question", "closed_question", "next_step"})
# Remarks about the weather come in these forms.
_IDLE = REFLECTIONS | {"closed_question", "open_question", "information", "self_disclosure"}
# From this share of common words on two lines are the same line to a listener.
_ALIKE = 0.7


def reply(snapshot: ClientSnapshot, history: Sequence[Line]) -> str:
    """What the client says next, always the same for the same client and history, and never empty.

    Tells a fact only when it is unlocked, and says no line twice (nor nearly twice) before every phrase is used up,
    which takes several hundred turns. Before any student line it is the opening line, or a greeting.
    """
    scene = _Scene.read(snapshot, history)
    for lines in scene.options():
        for line in lines:
            if scene.is_new(line):
                return line
    return scene.last_resort()


def pieces(text: str) -> list[str]:
    """The text in chunks as they may be streamed: words, each with the space after it. Joined they are the text."""
    return re.findall(r"\s*\S+\s*", text) or [text]


@dataclass(frozen=True, slots=True)
class _Scene:
    """One moment of a conversation: the client, what was said, and where the client stands."""

    snapshot: ClientSnapshot
    book: Phrasebook
    state: State
    # Whether the last thing the student said won the client for a next step.
    won: bool
    student: tuple[str, ...]
    said: tuple[frozenset[str], ...]
    prints: frozenset[str]
    seed: int

    @classmethod
    def read(cls, snapshot: ClientSnapshot, history: Sequence[Line]) -> _Scene:
        state, won = start(snapshot), False
        for line in history:
            if line.role == "student":
                agreed, state = state.agreed, advance(state, snapshot, line.text)
                won = state.agreed and not agreed
            elif line.role == "client":
                state = answered(state, snapshot, line.text)
        client = [line.text for line in history if line.role == "client"]
        heard = [part for text in client for part in (text, *sentences(text))]
        key = f"{snapshot.name}/{len(history)}".encode()
        return cls(
            snapshot=snapshot,
            book=phrasebook(snapshot.language),
            state=state,
            won=won,
            student=tuple(line.text for line in history if line.role == "student"),
            said=tuple(frozenset(words(text)) for text in client),
            prints=frozenset(fingerprint(text) for text in heard),
            seed=int.from_bytes(hashlib.sha256(key).digest()[:4]),
        )

    def options(self) -> Iterator[Iterable[str]]:
        """Lists of lines in the order in which they fit, the most fitting first."""
        coding = self.state.last
        if coding is None:
            yield [self.snapshot.opening_line, *self.act("greeting")]
            return
        if self.state.left:
            yield self.act("leaving")
            return
        if self.won:
            yield self.act("agreeing")
        if not speaks(self.student[-1], self.snapshot.language):
            yield self.act("other_language")
        yield from self.to_the_point(coding)
        if coding.primary in _QUESTIONS:
            yield self.vague(coding)
        yield from (self.act(_SCRIPT_ACT[act]) for act in coding.acts if act in _SCRIPT_ACT)
        if coding.question:
            yield self.vague(coding)
        yield from (self.act(act) for act in _ANYWHERE)

    def vague(self, coding: Coding) -> list[str]:
        """An answer to a question about which the client knows nothing."""
        return self.act("vague_open" if "open_question" in coding.acts else "vague_closed")

    def to_the_point(self, coding: Coding) -> Iterator[Iterable[str]]:
        """What answers this very message."""
        aside = self.book.asked(self.student[-1], late=False)
        if aside and (aside.act == "comfort" or (aside.act and coding.primary in _IDLE)):
            yield self.answers(aside)
        if aside and aside.name == "slower" and (coding.primary in _QUESTIONS or len(words(self.student[-1])) <= 8):
            yield from self.other_words()
            yield self.answers(aside)
        if coding.primary in _QUESTIONS:
            yield from self.to_question(coding)
        elif coding.primary == "permission" and (coding.question or _asks_already(coding)):
            yield from self.on_topic()
        elif coding.primary in REFLECTIONS:
            yield from self.to_reflection()
        elif coding.primary in {"self_disclosure", "information"} and self.is_business():
            yield from self.unlocked_facts()

    def is_business(self) -> bool:
        """Whether the student's own situation calls for a fact not told yet: at a counter, over a contract."""
        return (
            self.snapshot.domain in BUSINESS
            and not self.asks("feeling")
            and self.state.grip >= FIRM
            and self.state.now[0] not in self.state.revealed
        )

    def to_question(self, coding: Coding) -> Iterator[Iterable[str]]:
        question = coding.question
        early, late = self.book.asked(question, late=False), self.book.asked(question, late=True)
        if early:
            yield self.answers(early)
        if coding.primary == "next_step":
            if self.asks("scale_asked"):
                yield [line for lines in self.unlocked_facts() for line in lines if self.holds("scale", line)]
            elif self.is_about("future"):
                yield from self.unlocked_facts()
            elif self.is_business():
                yield [line for lines in self.unlocked_facts() for line in lines if self.shares(line)]
            yield self.act("next_step")
        if late and not self.state.grip and late.name not in _GO_ON:
            yield self.cued(late)
            yield self.answers(late)
        yield from self.on_topic()
        if late and late.name == "more":
            yield from self.issue_lines()
        about = [self.mixed(self.book.matters.get(name, ())) for name in matters(question, self.snapshot.language)]
        if late and not (about and late.name in _BARE):
            yield self.answers(late)
        yield from about
        if late:
            yield self.answers(late)
        yield from self.issue_lines()

    def other_words(self) -> Iterator[Iterable[str]]:
        """The last topic once more, in another wording, after a word to say so."""
        place = self.state.topic
        if place is not None and place in self.state.revealed:
            new = [line for line in facts_of(self.snapshot)[place].lines if self.is_new(line)]
            yield [*(f"{lead} {line}" for lead in self.act("repeat") for line in new), *new]

    def is_about(self, matter: str) -> bool:
        """Whether the fact that the message approaches first is about this matter of life."""
        if not self.state.now:
            return False
        fact = facts_of(self.snapshot)[self.state.now[0]]
        return matter in matters(f"{fact.topic}. {'. '.join(fact.keywords)}", self.snapshot.language)

    def cued(self, ask: Ask) -> Iterable[str]:
        """Lines of the fact at hand, if unlocked, that answer a question about the course of something."""
        place = self.state.topic
        if place is None or place not in self.state.unlocked:
            return []
        return [line for line in facts_of(self.snapshot)[place].lines if ask.cues.search(" ".join(words(line)))]

    def on_topic(self) -> Iterator[Iterable[str]]:
        """The facts that the message approaches; or a deflection, when the nearest is not yet earned."""
        if not self.state.now:
            return
        yield from self.unlocked_facts()
        facts = facts_of(self.snapshot)
        locked = [facts[place] for place in self.state.now if place not in self.state.unlocked]
        if locked:
            yield self.act("deflect_mid" if self.state.trust >= max(40, locked[0].unlock - 22) else "deflect_low")
        if fingerprint(self.student[-1]) in {fingerprint(text) for text in self.student[:-1]}:
            yield self.act("again")
        if self.snapshot.facts and not self.only_touches():
            yield self.act("continue")

    def unlocked_facts(self) -> Iterator[Iterable[str]]:
        facts = facts_of(self.snapshot)
        for place in self.state.now:
            if place in self.state.unlocked:
                lines = self.wordings(facts[place])
                yield [line for line in lines if self.shares(line)] if self.only_touches() else lines

    def only_touches(self) -> bool:
        """Whether the message merely touches a fact, by a matter of life about which anybody can say something."""
        touched = matters(self.student[-1], self.snapshot.language)
        return 0 < self.state.grip < FIRM and not self.book.matters.keys().isdisjoint(touched)

    def shares(self, line: str) -> bool:
        """Whether a line has a content word or a matter of life in common with the message."""
        said, language = self.student[-1], self.snapshot.language
        if set(content_stems(said, language)).intersection(content_stems(line, language)):
            return True
        return bool(set(matters(said, language)).intersection(matters(line, language)))

    def to_reflection(self) -> Iterator[Iterable[str]]:
        """A true reflection is what opens the deeper things; otherwise it is taken in.

        At a counter one that ends in a question mark wants the fact it checks.
        """
        facts = facts_of(self.snapshot)
        if self.snapshot.domain in BUSINESS and "?" in self.student[-1] and self.state.grip >= FIRM:
            yield from self.unlocked_facts()
        for place in self.state.now[:1] if self.state.grip >= FIRM else ():
            if place in self.state.unlocked and facts[place].depth == "real":
                yield self.wordings(facts[place])
        yield self.act("reflected")
        yield from self.unlocked_facts()

    def wordings(self, fact: Fact) -> Iterable[str]:
        """A fact's lines in their order, but first the one that shares most with what the student said."""
        language, said = self.snapshot.language, self.student[-1]
        asked, touched = content_stems(said, language), set(matters(said, language))
        stems = {line: set(content_stems(line, language)) for line in fact.lines}
        # A word that stands in every line does not tell them apart.
        spread = Counter(stem for line in fact.lines for stem in stems[line])

        course = self.book.course(said)

        def fit(line: str) -> float:
            # The first word with content is what a question asks for.
            shared = sum((1.5 if stem == asked[0] else 1) / spread[stem] for stem in stems[line].intersection(asked))
            # The canonical line comes first, unless another was plainly asked for.
            first = 0.7 if line == fact.lines[0] else 0.0
            plain_line = " ".join(words(line))
            told = 0.8 * bool(course.search(plain_line))
            return shared + first + told + 0.4 * bool(touched.intersection(matters(line, language)))

        return sorted(fact.lines, key=lambda line: -round(fit(line), 3))

    def answers(self, ask: Ask) -> Iterable[str]:
        """The lines for a known question; a client without facts tells why they come from what the teacher wrote."""
        if ask.act:
            return self.act(ask.act)
        lines = self.mixed(ask.lines)
        if ask.name == "reason" and not self.snapshot.facts:
            return [line for line in (self.reason(), *self.first_issue(), *lines) if line]
        return lines

    def reason(self) -> str:
        """The reason the teacher gave, where it can be said aloud."""
        client = self.snapshot
        return aloud(
            client.reason, name=client.name, pronouns=client.pronouns, gender=client.gender, language=client.language
        )

    def first_issue(self) -> Iterable[str]:
        return next(iter(self.issue_lines()), ())

    def issue_lines(self) -> Iterator[Iterable[str]]:
        """What a client without facts can say about what they came with; deeper lines take more trust."""
        allowed = 2 + self.state.trust // 20
        for issue in () if self.snapshot.facts else self.snapshot.issues:
            yield self.book.issues.get(issue, ())[:allowed]

    def act(self, name: str) -> list[str]:
        """The lines of an act: the client's own first, then generic ones of their style, then those of the language.

        Last come those that presuppose what the student did not say.
        """
        own = self.mixed(self.snapshot.script.get(name, ()))
        own.sort(key=lambda line: -self.nearness(line))
        style = self.mixed(self.book.styles.get(self.snapshot.communication_style, {}).get(name, ()))
        lines = [*own, *style, *self.mixed(self.book.acts.get(name, ()))]
        scale = self.asks("scale_asked")
        return sorted(lines, key=lambda line: (self.presumes(line), scale and not self.holds("scale", line)))

    def nearness(self, line: str) -> int:
        """How many content words and subjects of small talk a line shares with what the student said."""
        if not self.student:
            return 0
        said, language = self.student[-1], self.snapshot.language
        shared = len(set(content_stems(said, language)).intersection(content_stems(line, language)))
        heard, own = " ".join(words(said)), " ".join(words(line))
        return shared + 2 * sum(bool(theme.search(heard) and theme.search(own)) for theme in self.book.themes)

    def presumes(self, line: str) -> bool:
        """Whether a line corrects a feeling that the student did not name, or gives a number nobody asked for."""
        if self.holds("contrast", line) and not self.asks("feeling"):
            return True
        return self.holds("scale", line) and not self.asks("scale_asked")

    def holds(self, cue: str, line: str) -> bool:
        return bool(self.book.cues[cue].search(" ".join(words(line))))

    def asks(self, cue: str) -> bool:
        """Whether the student's message has this cue in it."""
        return bool(self.student) and self.holds(cue, self.student[-1])

    def mixed(self, lines: Sequence[str]) -> list[str]:
        """The lines from a place that depends on the client and the turn on, names and age filled in."""
        if not lines:
            return []
        at = self.seed % len(lines)
        client = self.snapshot
        fill = {"{name}": client.name, "{first}": client.first_name, "{age}": str(client.age)}
        return [_fill(line, fill) for line in (*lines[at:], *lines[:at])]

    def is_new(self, line: str) -> bool:
        """Whether a line differs from all that the client said: no sentence again, and not nearly the same words."""
        if any(fingerprint(part) in self.prints for part in (line, *sentences(line))):
            return False
        own = frozenset(words(line))
        return bool(own) and all(len(own & other) < _ALIKE * len(own | other) for other in self.said)

    def last_resort(self) -> str:
        """Two fragments joined, a pair that was not said yet; when all pairs are used up, the turn's own pair."""
        first, second = self.book.first, self.book.second
        count = len(first) * len(second)
        for step in range(count):
            at = (self.seed + step * (len(second) + 1)) % count
            line = f"{first[at // len(second)]} {second[at % len(second)]}"
            if fingerprint(line) not in self.prints:
                return line
        return f"{first[self.seed % len(first)]} {second[self.seed % len(second)]}"


def _fill(line: str, values: dict[str, str]) -> str:
    for mark, value in values.items():
        line = line.replace(mark, value)
    return line


def _asks_already(coding: Coding) -> bool:
    """Whether a request for permission holds the question itself ("can I ask how your feet are?")."""
    asked = " ".join(segment.text for segment in coding.segments if segment.act == "permission")
    return bool(re.search(_QUESTION_WORD, asked.casefold()))


_QUESTION_WORD = r"\b(?:what|how|why|when|where|who|qué|cómo|cuándo|dónde|quién|cuánto)\b"
