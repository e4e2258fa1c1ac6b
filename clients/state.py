"""The client's state: how trust, feeling and open topics follow, by rule alone, from what the student says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from clients.skills import REFLECTIONS, Coding, code
from clients.snapshot import ClientSnapshot
from clients.topics import approached, facts_of, kin, matters, tells
from clients.wordbook import content_stems, points_back
from clients.words import fingerprint

MAX_GAIN = 10
# From this grip on a message is about a fact, below it only touches it.
FIRM = 1.6
LOWEST_START, HIGHEST_START = 15, 40
# Two good turns mend a rupture, and until then trust grows at most by this.
MENDING_TURNS = 2
MENDING_GAIN = 3
# At so little trust whatever costs more of it hurts.
BOTTOM = 5
# From this trust on a client agrees to a next step, and after so many hurts that nobody made good one walks out.
AGREES = {"gentle": 55, "moderate": 62, "demanding": 67}
_PATIENCE = {"gentle": 6, "moderate": 5, "demanding": 5}
_PATIENCE_BY_TRAIT = {"irritable": -1, "impatient": -1, "hopeful": 1}
LEAST_PATIENCE, MOST_PATIENCE = 4, 6
# Whom two lectures in a row hurt; anybody else they only annoy.
TOUCHY = frozenset({"impatient", "irritable", "proud"})

EMOTIONS = ("angry", "irritated", "tense", "wary", "settled", "warm")

_START = {"gentle": 35, "moderate": 29, "demanding": 23}
_PACE = {"gentle": 1.2, "moderate": 1.15, "demanding": 1.05}
_START_BY_TRAIT = {
    "warm": 5,
    "hopeful": 4,
    "talkative": 3,
    "humorous": 1,
    "guarded": -5,
    "skeptical": -4,
    "withdrawn": -4,
    "irritable": -3,
    "ashamed": -2,
    "proud": -2,
    "stubborn": -2,
    "anxious": -1,
    "impatient": -1,
}
_EMOTION_BY_TRAIT = {
    "irritable": "irritated",
    "impatient": "irritated",
    "anxious": "tense",
    "ashamed": "tense",
    "warm": "settled",
    "hopeful": "settled",
}
_GAIN = {
    "complex_reflection": 7,
    "summary": 6,
    "simple_reflection": 5,
    "permission": 5,
    "apology": 5,
    "open_question": 4,
    "affirmation": 4,
    "greeting": 3,
    "sympathy": 3,
    "next_step": 3,
    "closed_question": 2,
    "information": 1,
    "self_disclosure": 1,
    "offer": 1,
    "minimal": 0,
    "closing": 0,
    "out_of_role": -2,
    "advice": -3,
    "confrontation": -14,
}
_FORM = frozenset({"closed_question", "minimal"})
GOOD_TURNS = REFLECTIONS | {"summary", "permission", "apology", "open_question", "affirmation"}


class Line(NamedTuple):
    """One line of a conversation: role is "student" or "client"."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class State:
    """Where a client stands. Facts are named by their place in `topics.facts_of`.

    `trust` is 0 to 100; `mending` counts the good turns still needed after a rupture. `now` holds the facts that the
    last message approached, best first, and `grip` how firmly (0 when only by going on from the last topic).
    `approached`, `unlocked` and `revealed` hold facts in the order in which it happened; `topic` is the fact last
    talked about. `last` is the student's last message coded, `streak` how often its act came in a row, `heard` the
    client's last line. `ruptures` and `repairs` are counted over the talk, a rupture once until it is mended; `strain`
    is how many hurts nobody made good. `agreed` is whether the client has agreed to a next step, `left` whether they
    have walked out; once they have, nothing brings them back.
    """

    trust: int
    emotion: str
    mending: int = 0
    ruptures: int = 0
    repairs: int = 0
    strain: int = 0
    agreed: bool = False
    left: bool = False
    now: tuple[int, ...] = ()
    grip: float = 0.0
    approached: tuple[int, ...] = ()
    unlocked: tuple[int, ...] = ()
    revealed: tuple[int, ...] = ()
    topic: int | None = None
    turns: int = 0
    last: Coding | None = None
    streak: int = 0
    heard: str = ""

    @property
    def rupture(self) -> bool:
        """Whether the student hurt the client and has not yet made up for it."""
        return self.mending > 0

    @property
    def outcome(self) -> str:
        """How the talk would end if it ended now: walks_out, agrees or ambivalent."""
        return "walks_out" if self.left else "agrees" if self.agreed else "ambivalent"

    @property
    def openness(self) -> str:
        """closed, careful, opening or open: how much the client would say now."""
        if self.rupture or self.trust < 35:
            return "closed"
        return "careful" if self.trust < 55 else "opening" if self.trust < 75 else "open"

    @property
    def stance(self) -> str:
        """What the client is about: guarding, testing, opening, speaking plainly, hurt, agreeing or leaving."""
        if self.left or self.rupture:
            return "leaving" if self.left else "hurt"
        return "agreeing" if self.agreed else _STANCE_BY_OPENNESS[self.openness]


_STANCE_BY_OPENNESS = {"closed": "guarding", "careful": "testing", "opening": "opening", "open": "speaking plainly"}


def start(snapshot: ClientSnapshot) -> State:
    """The state before the first word: trust 15 to 40 by difficulty and traits."""
    trust = _START.get(snapshot.difficulty, _START["moderate"]) + sum(
        _START_BY_TRAIT.get(trait, 0) for trait in snapshot.traits
    )
    emotion = next((_EMOTION_BY_TRAIT[trait] for trait in snapshot.traits if trait in _EMOTION_BY_TRAIT), "wary")
    return State(trust=max(LOWEST_START, min(HIGHEST_START, trust)), emotion=emotion, heard=snapshot.opening_line)


def advance(state: State, snapshot: ClientSnapshot, student_text: str) -> State:
    """The state after a student's message: trust, rupture, emotion by one step, topics unlocked, and outcome.

    To a client who has left a student may talk on, which changes nothing.
    """
    coding = code(student_text, snapshot.language, state.heard)
    if state.left:
        return replace(state, now=(), grip=0.0, turns=state.turns + 1, last=coding)
    change = _change(state, snapshot, coding, student_text)
    trust = max(0, min(100, state.trust + change))
    hurt = _hurts(state, snapshot, coding, change)
    good = coding.primary in GOOD_TURNS and change > 0
    mending = MENDING_TURNS if hurt else max(0, state.mending - good)
    topics, grip = _topics(state, snapshot, coding, student_text, trust)
    facts = facts_of(snapshot)
    opened = tuple(
        place
        for place in topics
        if place not in state.unlocked
        and trust >= facts[place].unlock
        and (not mending or facts[place].depth == "surface")
    )
    after = replace(
        state,
        trust=trust,
        mending=mending,
        ruptures=state.ruptures + (hurt and not state.rupture),
        repairs=state.repairs + (state.rupture and not mending),
        strain=state.strain + 1 if hurt else max(0, state.strain - good),
        left=hurt and on_the_edge(state, snapshot),
        emotion=_emotion(state.emotion, trust, change, ruptured=mending > 0),
        now=topics,
        grip=grip,
        approached=_latest(state.approached, topics),
        unlocked=state.unlocked + opened,
        topic=topics[0] if topics and (grip >= FIRM or not grip) else state.topic,
        turns=state.turns + 1,
        last=coding,
        streak=state.streak + 1 if state.last and state.last.primary == coding.primary else 1,
    )
    return replace(after, agreed=not mending and (state.agreed or _agrees(state, after, snapshot)))


def answered(state: State, snapshot: ClientSnapshot, client_text: str) -> State:
    """The state after a client's line: which unlocked facts it told, so that the talk goes on from there."""
    facts = facts_of(snapshot)
    told = tuple(place for place in state.unlocked if tells(facts[place], client_text, snapshot.language))
    topic = told[-1] if told and state.topic not in told else state.topic
    return replace(state, revealed=_latest(state.revealed, told), topic=topic, heard=client_text)


def replay(snapshot: ClientSnapshot, lines: Iterable[Line], since: State | None = None) -> State:
    """The state after a whole transcript, or after more lines `since` one.

    Lines of other roles than student and client change nothing.
    """
    state = since or start(snapshot)
    for line in lines:
        if line.role == "student":
            state = advance(state, snapshot, line.text)
        elif line.role == "client":
            state = answered(state, snapshot, line.text)
    return state


def _change(state: State, snapshot: ClientSnapshot, coding: Coding, text: str) -> int:
    """What a message does to trust: its first act whole, one more kind act by half; never more than MAX_GAIN."""
    first, *others = [
        # What may be said because it was asked for is news, not a lecture.
        _GAIN["information" if act == "advice" and not _lectures(state.last, coding) else act]
        for act in coding.acts
    ]
    if first < 0:
        return min([first, *others])
    gain: float = first
    gain += 0.5 * max(others, default=0) + min([0, *others])
    if coding.confidence < 0.6:
        gain *= 0.7
    # One closed question after another is a form being filled in.
    if set(coding.acts) <= _FORM and state.last and state.last.primary == coding.primary:
        gain = min(gain, 0)
    # What may be said to anybody closes a talk, kindly meant or not.
    if coding.comforts:
        gain = min(gain, 0)
    # The same move again and again is a technique, not interest.
    if state.last and state.last.primary == coding.primary and state.streak >= 3:
        gain *= 0.5
    if state.last and _said_before(state.last, text):
        gain = min(gain, 0)
    if gain > 0:
        # The last steps are the slowest.
        gain *= _PACE.get(snapshot.difficulty, 1.0) * (1 - state.trust / 140)
    return min(round(gain), MENDING_GAIN if state.rupture else MAX_GAIN)


def _said_before(last: Coding, text: str) -> bool:
    return fingerprint(" ".join(segment.text for segment in last.segments)) == fingerprint(text)


def _lectures(last: Coding | None, coding: Coding) -> bool:
    """Whether a message gives advice without leave, asked for in it or in the message before."""
    return "advice" in coding.acts and not any(said and "permission" in said.acts for said in (last, coding))


def _hurts(state: State, snapshot: ClientSnapshot, coding: Coding, change: int) -> bool:
    """Whether a message hurts: blame always, a lecture while hurt, at the bottom of trust, or after another one."""
    if "confrontation" in coding.acts:
        return True
    again = state.last is not None and _lectures(None, state.last) and not TOUCHY.isdisjoint(snapshot.traits)
    return _lectures(state.last, coding) and change < 0 and (state.rupture or state.trust <= BOTTOM or again)


def on_the_edge(state: State, snapshot: ClientSnapshot) -> bool:
    """Whether one more hurt makes the client leave: angry already, and hurt as often as their patience bears."""
    patience = _PATIENCE.get(snapshot.difficulty, _PATIENCE["moderate"]) + sum(
        _PATIENCE_BY_TRAIT.get(trait, 0) for trait in snapshot.traits
    )
    bears = max(LEAST_PATIENCE, min(MOST_PATIENCE, patience)) - 1
    return state.rupture and state.emotion == "angry" and state.strain >= bears


def _agrees(before: State, after: State, snapshot: ClientSnapshot) -> bool:
    """Whether the last message wins the client for a next step: asked for one, or offered a plan with leave."""
    acts = set(after.last.acts if after.last else ())
    leave = "permission" in acts or (before.last is not None and "permission" in before.last.acts)
    if not ("next_step" in acts or (leave and acts & {"advice", "offer"})):
        return False
    real = {place for place, fact in enumerate(facts_of(snapshot)) if fact.depth == "real"}
    heard = not real or not real.isdisjoint(after.unlocked)
    return heard and after.trust >= AGREES.get(snapshot.difficulty, AGREES["moderate"])


def _topics(
    state: State, snapshot: ClientSnapshot, coding: Coding, text: str, trust: int
) -> tuple[tuple[int, ...], float]:
    """The facts that a message approaches, best first, and how firmly: 0 when it only goes on with the last topic."""
    if coding.primary in {"minimal", "out_of_role", "closing", "greeting"}:
        return (), 0.0
    question = coding.question
    # What is said in greeting is no topic.
    text = " ".join(segment.text for segment in coding.segments if segment.act != "greeting") or text
    # "What's the story behind it?" needs the sentence before it.
    alone = question and not points_back(question, snapshot.language)
    found = approached(snapshot, question if alone else text, aside=text if question else "")
    found = found or approached(snapshot, text)
    if found:
        if (question or coding.primary == "permission") and facts_of(snapshot)[found[0].place].unlock > trust:
            # Asked about what is locked, a client does not answer with something else nearby.
            found = found[:1]
        return tuple(match.place for match in found), found[0].score
    asks = coding.primary in {"open_question", "closed_question"} | REFLECTIONS
    if asks and state.topic is not None and follows_up(question or text, snapshot.language):
        locked = facts_of(snapshot)[state.topic].unlock > trust
        return (state.topic, *(() if locked else kin(snapshot, state.topic)[:2])), 0.0
    return (), 0.0


def follows_up(text: str, language: str) -> bool:
    """Whether a message only makes sense with what was said before: hardly a content word, or "it" and few."""
    content = len(content_stems(text, language))
    if points_back(text, language):
        return content <= 3
    return content == 0 or (content == 1 and not matters(text, language))


def _latest(before: tuple[int, ...], now: tuple[int, ...]) -> tuple[int, ...]:
    """Places in the order in which they last came up."""
    return tuple(place for place in before if place not in now) + tuple(reversed(now))


def _emotion(now: str, trust: int, change: int, *, ruptured: bool) -> str:
    """One step from the present feeling towards the one that trust and this turn call for."""
    if change <= -MAX_GAIN or (ruptured and change <= 0):
        target = 0
    elif change < 0 or ruptured:
        target = 1
    else:
        target = 2 if trust < 30 else 3 if trust < 50 else 4 if trust < 72 else 5
    place = EMOTIONS.index(now)
    return EMOTIONS[place + (target > place) - (target < place)]


_STANCE = {
    "guarding": "Keep your distance. Answer what is harmless, avoid the rest, do not warm up quickly.",
    "testing": "You are testing the student. Give a little, hold back what hurts.",
    "opening": "You begin to talk, with hesitation and corrections.",
    "speaking plainly": "You speak plainly now, even where it hurts, in your own way.",
    "hurt": "The student hurt you. Pull back, be short, until it is made good.",
    "agreeing": "You can agree to one small next step; say it once, in your own words, with doubt.",
    "leaving": "You have had enough. You end the talk and go now, whatever is said. Say so in one short sentence, "
    "angry or cold, and nothing else.",
}
_EDGE = "You are about to leave: one more such remark and you go. Let it show."
_TRUST_WORDS = ((25, "hardly any"), (40, "little"), (55, "some"), (75, "a fair amount of"), (101, "a good deal of"))
_LENGTH = {
    "brief": "one short sentence",
    "blunt": "one or two short sentences",
    "rambling": "two to four sentences",
    "storytelling": "two to four sentences",
}
_BLOCK_WORDS = 120
# More than a block and the wrapping of a request can have; reservations go by it.
BLOCK_TOKENS = 400


def block(state: State, snapshot: ClientSnapshot) -> str:
    """The state for a model, about 120 words at most: stance, feeling, trust, what may be spoken of now, length.

    Only unlocked facts stand in it, by their canonical line, those that came up last first.
    """
    amount = next(words for limit, words in _TRUST_WORDS if state.trust < limit)
    head = f"Now: you feel {state.emotion} and have {amount} trust in the student. {_STANCE[state.stance]}"
    if state.left:
        return head
    if on_the_edge(state, snapshot):
        head += f" {_EDGE}"
    length = _LENGTH.get(snapshot.communication_style, "one or two sentences")
    tail = f"Anything else about your life stays with you: deflect. Answer in {length}."
    room = _BLOCK_WORDS - len(f"{head} {tail}".split()) - 8
    return "\n".join([head, *_speakable(state, snapshot, room), tail])


def _speakable(state: State, snapshot: ClientSnapshot, room: int) -> list[str]:
    facts = facts_of(snapshot)
    recent = [place for place in reversed(state.approached) if place in state.unlocked]
    lines = []
    for place in recent:
        line = f"- {facts[place].lines[0]}"
        room -= len(line.split())
        if room < 0:
            break
        lines.append(line)
    return ["If it fits, you may speak of:", *lines] if lines else []
