"""What one sentence or clause of a student's message does: the rules, in the order in which they are asked. Pure.

A rule answers with a code of clients.skills, or with "reflection", "check" (is that right?) or "missing" (did I miss
anything?), which only their neighbours and the client's words can settle; and with how sure it is: about
as often as such a rule was right on labelled messages that it was not written for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from clients.phrasing import Line
from clients.wordbook import Book, book, content_stems

Act = tuple[str, float]
_NONE: Act = ("", 0.0)

# A comma, a dash or a "but" may part what a sentence does.
_BREAK = re.compile(r"[,;:]\s+|\s+[-–—]+\s+|\s+(?=(?:but|pero)\s)")
# A sentence with more breaks or words than that is a list or a story: it is read as one, which also bounds the work.
_MOST_BREAKS, _MOST_WORDS = 4, 60
# These take what follows them in the same sentence with them.
_WHOLE = frozenset({"summary", "closing", "permission"})
# Statements that go on from one another: a comma between them parts nothing.
TELLING = frozenset({"reflection", "affirmation", "information", "self_disclosure"})


class Heard(NamedTuple):
    """What the client said just before: its line, its stems, and whether it asks something, or asks for advice."""

    text: str
    line: Line
    stems: frozenset[str]
    asks: bool
    wants_advice: bool


class Clause(NamedTuple):
    """One sentence or clause as the rules look at it."""

    text: str
    line: Line
    asked: bool
    book: Book
    heard: Heard

    def has(self, kind: str) -> bool:
        return self.book.phrases[kind].within(self.line)

    def begins(self, kind: str, *, within: int = 0) -> bool:
        """Whether a phrase of a kind stands where it begins, or so many words on."""
        return 0 <= self.book.phrases[kind].find(self.line) <= self.line.first + within

    @property
    def own(self) -> bool:
        """Whether it is the student who speaks: what the client heard, fears or must is neither blame nor advice."""
        return not self.has("heard") and not self.has("plainly")

    @property
    def act(self) -> str:
        return act(self.text, self.book.language, self.heard.text)[0]

    def content(self) -> frozenset[str]:
        return frozenset(content_stems(self.text, self.book.language))

    def echo(self) -> frozenset[str]:
        """The stems of the client's own words in it."""
        return self.heard.stems & self.content()

    def tails(self) -> Iterator[Clause]:
        """What is left of it after each break."""
        for gap in _gaps(self.text):
            part = self.text[gap:]
            yield self._replace(text=part, line=self.book.line(part))


def read(text: str, language: str, heard: str) -> Clause:
    lists = book(language)
    return Clause(text, lists.line(text), "?" in text, lists, _heard(heard, language))


@lru_cache(maxsize=4096)
def _heard(text: str, language: str) -> Heard:
    lists = book(language)
    line = lists.line(text)
    asks, wants = (lists.phrases[kind].within(line) for kind in ("asks", "wants_advice"))
    return Heard(text, line, frozenset(content_stems(text, language)), asks or "?" in text, wants)


def clauses(text: str, language: str, heard: str) -> Iterator[str]:
    """A sentence, or its clauses where they do different things ("I can see the bill, what do you pay?")."""
    gaps = _gaps(text)
    if gaps and act(text, language, heard)[0] not in _WHOLE:
        for gap in reversed(gaps):
            head, tail = text[:gap].strip(), text[gap:]
            if _apart(read(head, language, heard), read(tail, language, heard)):
                yield from clauses(head, language, heard)
                yield tail
                return
    yield text


def _gaps(text: str) -> list[int]:
    gaps = [gap.end() for gap in _BREAK.finditer(text)]
    return gaps if len(gaps) <= _MOST_BREAKS and text.count(" ") <= _MOST_WORDS else []


def _apart(head: Clause, tail: Clause) -> bool:
    """Whether two clauses clearly do different things. After blame or advice, "you …" goes on with it."""
    acts = {head.act, tail.act}
    if len(acts) < 2 or acts & {"", "minimal"} or acts <= TELLING or ("greeting" in acts and acts & TELLING):
        return False
    if (tail.has("joined") and not question_form(tail)) or (head.has("joined") and not head.has("exclaims")):
        return False
    plain_you = any(clause.act == "reflection" and not clause.has("heard") for clause in (head, tail))
    return not (plain_you and acts & {"advice", "confrontation", "offer"})


# Clauses are read before and after a sentence is taken apart.
@lru_cache(maxsize=4096)
def act(text: str, language: str, heard: str) -> Act:
    """What a clause does by its phrases and form, and how sure that is; "" when nothing speaks for anything."""
    clause = read(text, language, heard)
    for rule in (_sounds, _turns, _comforts, _asks, _directs, _says):
        found = rule(clause)
        if found[0]:
            return found
    return _NONE


def _sounds(clause: Clause) -> Act:
    """Checks of what was said back, sounds of listening, hellos and goodbyes."""
    for kind in ("check", "missing"):
        if clause.asked and clause.has(kind):
            return kind, 0.9
    leads_in = clause.book.lead.fullmatch(f"{clause.line.text} ") is not None
    small = leads_in or clause.book.minimal.issuperset(clause.line.words)
    if clause.has("listening") or (small and not (clause.asked and _opening(clause))):
        return "minimal", 0.9
    for kind, longest in (("closing", 16), ("greeting", 24)):
        # "Shall we see each other on Thursday?" asks, it does not end.
        if len(clause.line.words) <= longest and clause.has(kind) and not (clause.asked and clause.has("next_step")):
            return kind, 0.9
    return _NONE


def _turns(clause: Clause) -> Act:
    """What a phrase alone tells, in a question or not."""
    for kind in ("out_of_role", "permission", "summary", "apology", "sympathy"):
        if clause.has(kind):
            return kind, 0.9
    return ("confrontation", 0.7) if clause.has("confrontation") and not clause.has("heard") else _NONE


def comforts(clause: Clause) -> bool:
    """Whether it comforts with what may be said to anybody, or claims to feel the same; not what the client thinks."""
    return not clause.asked and (clause.has("same") or (clause.has("comfort") and not clause.has("heard")))


def _comforts(clause: Clause) -> Act:
    """Platitudes and false reassurance, which say nothing back; an order among them stays advice."""
    if not comforts(clause) or (clause.own and _advises(clause)):
        return _NONE
    return ("self_disclosure", 0.5) if clause.has("same") else ("information", 0.4)


def _asks(clause: Clause) -> Act:
    """What has the form of a question; one may still advise, offer or ask about a next step."""
    form = question_form(clause)
    # Whoever asks to hear something again says nothing of the client.
    if clause.has("again"):
        return "closed_question", 0.85
    if clause.has("safety_question") and (form or clause.asked):
        return form or "closed_question", 0.85
    if not form:
        return _NONE
    if clause.begins("hint"):
        return "advice", 0.85
    if not clause.has("plainly"):
        for kind in ("offer", "next_step"):
            if clause.has(kind):
                return kind, 0.7
    return form, 0.85


def question_form(clause: Clause) -> str:
    """open_question or closed_question by how a clause begins, or its part behind a comma; "" for neither."""
    form = _opening(clause)
    if form or not clause.asked or clause.has("tag"):
        return form
    return next((form for part in clause.tails() if (form := _opening(part))), "")


def _opening(clause: Clause) -> str:
    asked = clause.asked
    if not asked and clause.has("exclaims"):
        return ""
    if clause.has("counting"):
        return "closed_question"
    if clause.has("telling") or clause.has("open_question") or (asked and clause.has("asked_open")):
        return "open_question"
    return "closed_question" if clause.has("closed_question") or (asked and clause.has("auxiliary")) else ""


def _directs(clause: Clause) -> Act:
    """Advice, blame by what might have been, offers, plans, what the student tells of themself, and praise."""
    own = clause.own
    if (clause.asked and clause.begins("hint")) or (own and _advises(clause)):
        return ("offer" if clause.heard.wants_advice else "advice"), 0.85
    if own and clause.has("reproach") and not clause.asked:
        return "confrontation", 0.7
    if own and clause.has("offer"):
        return "offer", 0.7
    # A statement about a next step is one when the student takes part in it ("let's make a plan").
    if own and clause.has("next_step") and clause.line.words[clause.line.first] in clause.book.we:
        return "next_step", 0.7
    if clause.has("self_disclosure"):
        return "self_disclosure", 0.65
    return ("affirmation", 0.8) if clause.has("affirmation") and not clause.has("unpraised") else _NONE


def _advises(clause: Clause) -> bool:
    """Whether a statement tells the client what to do. A duty that the client spoke of is only said back."""
    lists, line = clause.book, clause.line
    if clause.has("advice") or clause.has("order"):
        return True
    # "When you get home, call her", but not "you go home, make dinner, call her".
    if line.words[line.first] not in lists.subject and any(part.has("order") and part.own for part in clause.tails()):
        return True
    if not clause.has("duty") or not lists.so.isdisjoint(line.words[: line.first]):
        return False
    theirs = lists.phrases["owed"].within(clause.heard.line)
    return not (theirs and 2 * len(clause.echo()) >= len(clause.content()))


def _says(clause: Clause) -> Act:
    """Reflection or information by their phrases."""
    if clause.asked and not clause.has("tag"):
        if clause.has("asking") and not clause.begins("reflection", within=1):
            return "open_question", 0.7
        return ("reflection", 0.7) if clause.has("heard") else _NONE
    # An answer to what the client asked explains, unless it says what they feel.
    if clause.heard.asks and not clause.has("heard") and not means(clause):
        return "information", 0.6
    if clause.begins("reflection", within=1):
        return "reflection", 0.7
    if clause.has("information"):
        return "information", 0.6
    return ("reflection", 0.6) if clause.has("reflection") else _NONE


def by_person(clause: Clause) -> Act:
    """What a clause without telling phrases does, by its mark, its pronouns and the client's own words in it."""
    lists, words = clause.book, clause.line.words
    first = words[clause.line.first]
    if clause.asked and not clause.has("tag"):
        return "closed_question", 0.7
    if clause.text.endswith(",") and len(words) <= 2:
        return "minimal", 0.5
    if clause.begins("thanks"):
        return "minimal", 0.6
    persons = Counter("you" if word in lists.you else "me" if word in lists.me else "" for word in words)
    if persons["me"] > persons["you"] or (persons["me"] and first in lists.me):
        return "self_disclosure", 0.5
    about_them = clause.echo() or not lists.back.isdisjoint(words)
    if persons["you"] or first in lists.your or (about_them and first not in lists.we):
        return "reflection", 0.6 if persons["you"] else 0.5
    return "information", 0.4


def means(clause: Clause) -> bool:
    """Whether a clause has a kind of meaning that the client's words have not."""
    return any(kind.within(clause.line) and not kind.within(clause.heard.line) for kind in clause.book.meanings)


def adds(clause: Clause) -> bool:
    """Whether a reflection says more than the client did: another meaning, or mostly new words."""
    spoken = len(clause.echo())
    new = len(clause.content()) - spoken
    return means(clause) or (bool(clause.heard.text) and new >= (4 if spoken else 2) and new > 2 * spoken)
