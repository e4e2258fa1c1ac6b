"""What a student does in a message, coded by rule: questions, reflections, advice and the rest, from word lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from clients.clauses import TELLING, act, adds, by_person, clauses, comforts, question_form, read
from clients.wordbook import content_stems
from clients.words import sentences, words

# Every code and what it means. What stands higher decides what a message is above all, when its sentences differ.
SKILLS = (
    "out_of_role",  # Speaks to the program, or about it, instead of to the client.
    "confrontation",  # Blames, shames, doubts, threatens, argues or is sarcastic, in the dress of a question too.
    "closing",  # Ends the talk, says goodbye.
    "permission",  # Asks leave to ask, to tell or to suggest something.
    "next_step",  # Asks about goals, readiness or what to do next; counts as an open or closed question as well.
    "open_question",  # Leaves the answer free: what, how, "tell me about", with or without a question mark.
    "closed_question",  # Can be answered with yes, no, one fact, a number, or one of the choices given.
    "offer",  # Offers help, a service, a price; or a suggestion that was asked for, or for which leave was just asked.
    "advice",  # Tells the client what to do without being asked: an order, a hint, "have you tried".
    "summary",  # Draws together several things said so far; what is in it does not count as reflections.
    "apology",  # Says sorry for what the student said or did.
    "greeting",  # Says hello, or who the student is.
    "complex_reflection",  # Says back what the client meant, felt or is torn about, but did not say.
    "simple_reflection",  # Says back what the client said, in the same words or near them.
    "affirmation",  # Values something in the client: an effort, a strength, an intention, their trust.
    "sympathy",  # Says sorry for what happened to the client.
    "self_disclosure",  # Tells of the student's own life or feeling.
    "information",  # Explains a fact, a service, an illness, a product, or how this talk goes.
    "minimal",  # Shows that one listens, and no more.
)
REFLECTIONS = frozenset({"simple_reflection", "complex_reflection"})

_ASKING = frozenset({"open_question", "closed_question"})
_STATEMENTS = REFLECTIONS | {"affirmation", "self_disclosure", "information", "sympathy"}
# A check after so many words with so many breaks in them is one of a summary.
_LONG, _BREAKS = 10, 2


class Segment(NamedTuple):
    """One sentence or clause of a message, what it does, and how sure that is (0 to 1)."""

    text: str
    act: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Coding:
    """A coded message: what it does first of all, everything it does in order of weight, and sentence by sentence.

    `confidence` is that of the clearest sentence that does what the message does first of all: how often such a
    sentence was coded right in labelled messages. `risk` is whether it asks about suicide, self-harm or safety,
    straight out or after speaking of others; `comforts` whether it holds a platitude or false reassurance; `again`
    whether it asks to hear something again or more slowly.
    """

    primary: str
    acts: tuple[str, ...]
    confidence: float
    segments: tuple[Segment, ...]
    risk: bool = False
    comforts: bool = False
    again: bool = False

    @property
    def question(self) -> str:
        """The last sentence that asks something, or "" when none does."""
        asking = ("open_question", "closed_question", "next_step")
        return next((segment.text for segment in reversed(self.segments) if segment.act in asking), "")


@lru_cache(maxsize=4096)
def code(text: str, language: str, heard: str = "") -> Coding:
    """Code a student's message. `heard` is what the client said just before, of which a reflection says something back.

    Languages without word lists are read with the English ones. Any text gives a coding; one without words is minimal.
    """
    parts = [part for whole in sentences(text) for part in clauses(whole, language, heard)]
    segments = _together([_segment(part, language, heard) for part in parts], language)
    if not segments:
        return Coding("minimal", ("minimal",), 0.9, ())
    found = {segment.act for segment in segments}
    if "confrontation" in found:
        # What is said back to hurt shows no listening.
        found -= REFLECTIONS
    # What is asked about a next step is a question all the same.
    steps = [read(segment.text, language, heard) for segment in segments if segment.act == "next_step"]
    found |= {question_form(step) or "closed_question" for step in steps if step.asked or question_form(step)}
    acts = sorted(found, key=SKILLS.index)
    if _only_checks(segments, language):
        acts.sort(key=lambda act: act in _ASKING)
    if acts[0] in _STATEMENTS:
        # Of plain statements the clearest counts, and of equally clear ones the last.
        clearest = max(reversed(segments), key=lambda segment: segment.confidence * (segment.act in _STATEMENTS))
        acts.sort(key=lambda act: act != clearest.act)
    confidence = max(segment.confidence for segment in segments if segment.act == acts[0])
    read_parts = [read(segment.text, language, heard) for segment in segments]
    return Coding(
        acts[0],
        tuple(acts),
        confidence,
        segments,
        risk=any(_asks_risk(segments, place, language) for place in range(len(segments))),
        comforts=any(comforts(part) for part in read_parts),
        again=any(part.has("again") for part in read_parts),
    )


def _segment(text: str, language: str, heard: str) -> Segment:
    does, confidence = act(text, language, heard)
    clause = read(text, language, heard)
    if not does:
        does, confidence = by_person(clause)
    if does == "reflection":
        does = "complex_reflection" if adds(clause) else "simple_reflection"
    return Segment(text, does, confidence)


def _together(segments: list[Segment], language: str) -> tuple[Segment, ...]:
    """The segments as they belong together: a check goes with what it checks, a summary holds its reflections."""
    acts = [segment.act for segment in segments]
    for place, segment in enumerate(segments):
        if segment.act in _ASKING or not _asks_risk(segments, place, language) or segment.act == "confrontation":
            continue
        # A question about risk is no advice, nor is what leads up to one.
        if "?" in segment.text:
            acts[place] = "closed_question"
        else:
            acts[place], acts[place + 1] = "information", _asking(segments[place + 1], language)
    for place, does in enumerate(acts):
        before = acts[place - 1] if place else ""
        text = segments[place].text
        if does == "missing":
            acts[place] = _asking(segments[place], language)
        elif does == "check":
            sums = before in TELLING | REFLECTIONS and _lists(segments[place - 1].text)
            acts[place] = "summary" if sums else before if before in REFLECTIONS | {"summary"} else "closed_question"
        elif does == "advice" and "permission" in acts[:place]:
            acts[place] = "offer"
        elif does == "closed_question" and before == "permission" and len(words(text)) <= 4:
            acts[place] = before
    if "summary" in acts or any(segment.act == "missing" for segment in segments):
        acts = ["summary" if does in REFLECTIONS else does for does in acts]
    return tuple(segment._replace(act=does) for segment, does in zip(segments, acts, strict=True))


def _asking(segment: Segment, language: str) -> str:
    return question_form(read(segment.text, language, "")) or "closed_question"


def _asks_risk(segments: Sequence[Segment], place: int, language: str) -> bool:
    """Whether a segment asks about risk, or speaks of it for the question after it ("some people … do you too?")."""
    here = read(segments[place].text, language, "")
    if not here.has("safety_question"):
        return False
    if here.asked or segments[place].act in _ASKING:
        return True
    return here.has("others") and place + 1 < len(segments) and "?" in segments[place + 1].text


def _lists(text: str) -> bool:
    """Whether a sentence lists several things."""
    return len(words(text)) >= _LONG and len(re.findall(r"[,;] |\b(?:and|y|e)\b", text)) >= _BREAKS


def _only_checks(segments: tuple[Segment, ...], language: str) -> bool:
    """Whether the questions only ask for a yes to the summary or offer before them ("would you like that?")."""
    if not {"summary", "offer"} & {segment.act for segment in segments}:
        return False
    return all(len(content_stems(segment.text, language)) <= 1 for segment in segments if segment.act in _ASKING)
