"""What a whole conversation came to: strengths, goals for the next one, counts, and how it ended. Pure, by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from clients.skills import REFLECTIONS
from clients.snapshot import ClientSnapshot
from clients.topics import facts_of
from clients.vocabulary import BUSINESS
from clients.words import words
from conversations.coaching.records import Step, Talk
from conversations.coaching.remarks import Remark
from conversations.coaching.rewording import SURE, apology
from conversations.coaching.words import SKILL_BY_CODE, Skill

MOST_STRENGTHS, MOST_GOALS = 3, 3
# From here on a conversation is long enough to miss a summary in it, or reflections.
_LONG, _SHORT = 12, 5
_MOST_TALK = 60

_STRENGTHS = {
    "complex_reflection": gettext_noop("You hear what lies behind the words"),
    "simple_reflection": gettext_noop("You listen, and show it"),
    "summary": gettext_noop("You gather what was said"),
    "open_question": gettext_noop("You leave room for an answer"),
    "affirmation": gettext_noop("You see what the other does well"),
    "permission": gettext_noop("You ask before you go on"),
    "apology": gettext_noop("You make good what went wrong"),
    "next_step": gettext_noop("You let the next step be theirs"),
}


class Strength(NamedTuple):
    """What went well: a title, and the message that shows it best."""

    title: str
    step: Step
    note: str


class Goal(NamedTuple):
    """What to try next time: a title, how, and a message of theirs with another wording of it, if there is one."""

    title: str
    how: str
    step: Step | None
    rewording: str


class Count(NamedTuple):
    """How many messages did something, and what training aims at ("" for nothing)."""

    skill: Skill
    number: int
    aim: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a conversation came to. `talk_share` is the student's share of all words in whole percent (None for none).

    `outcome` is a code of Session.Outcome, "" where nothing was said; `untold` how many things the client kept back.
    """

    strengths: tuple[Strength, ...]
    goals: tuple[Goal, ...]
    counts: tuple[Count, ...]
    talk_share: int | None
    outcome: str
    untold: int


def summary(talk: Talk, remarks: Sequence[Remark], snapshot: ClientSnapshot) -> Summary:
    """The summary of a conversation with the remark on each of its steps."""
    steps, client_words = talk.steps, talk.client_words
    said = sum(len(words(step.message.content)) for step in steps)
    share = round(100 * said / (said + client_words)) if said + client_words else None
    last = steps[-1].record if steps else None
    counts = Counter(skill.code for remark in remarks for skill in remark.skills)
    return Summary(
        strengths=_strengths(steps, remarks),
        goals=_goals(talk, remarks, snapshot, counts, share or 0),
        counts=_counts(counts, snapshot),
        talk_share=share,
        outcome=last.outcome if last else "",
        untold=len(facts_of(snapshot)) - len(last.unlocked) if last and snapshot.facts else 0,
    )


def _strengths(steps: Sequence[Step], remarks: Sequence[Remark]) -> tuple[Strength, ...]:
    """For each skill that did good the message that did most, those of the greatest effect first."""
    best: dict[str, tuple[float, Strength]] = {}
    for step, remark in zip(steps, remarks, strict=True):
        record = step.record
        primary = "apology" if record.mended else record.acts[0] if record.acts else ""
        effect = record.change + 4 * len(record.opened) + 6 * record.mended
        if primary not in _STRENGTHS or record.confidence < SURE or effect <= 0 or remark.rewording:
            continue
        if primary not in best or effect > best[primary][0]:
            best[primary] = (effect, Strength(_(_STRENGTHS[primary]), step, remark.note))
    found = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].step.number))
    return tuple(strength for _effect, strength in found[:MOST_STRENGTHS])


def _goals(
    talk: Talk, remarks: Sequence[Remark], snapshot: ClientSnapshot, counts: Counter[str], share: int
) -> tuple[Goal, ...]:
    """At most three goals, the weightiest first; no message and no wording stands for two of them."""
    steps = talk.steps
    goals: list[Goal] = []
    taken: set[int] = set()
    for kind in _wanted(talk, remarks, snapshot, counts, share)[:MOST_GOALS]:
        title, how = _goal_words(kind, snapshot.first_name)
        place = _example(kind, steps, remarks, taken)
        if place is None:
            goals.append(Goal(title, how, None, ""))
            continue
        taken.add(place)
        wording = remarks[place].rewording
        # Making good is saying sorry.
        said = apology(steps[place].message.content, snapshot) if kind == "mend" else wording.text if wording else ""
        goals.append(Goal(title, how, steps[place], said))
    return tuple(goals)


def _wanted(
    talk: Talk, remarks: Sequence[Remark], snapshot: ClientSnapshot, counts: Counter[str], share: int
) -> list[str]:
    """The kinds of goals that a conversation calls for, the weightiest first."""
    steps = talk.steps
    needs = Counter(remark.need for remark in remarks)
    reflections = sum(counts[code] for code in REFLECTIONS)
    # Who may have reflected is not told to begin.
    maybe = sum(not REFLECTIONS.isdisjoint(step.record.acts) for step in steps)
    hurt = sum(step.record.ruptured for step in steps)
    mended = sum(step.record.mended for step in steps)
    listens = snapshot.domain not in BUSINESS
    misses_summary = listens and len(steps) >= _LONG and not counts["summary"]
    calls = {
        "blame": needs["blame"] > 0,
        "mend": hurt > mended,
        "advice": needs["advice"] > 0,
        "open": listens and counts["closed_question"] >= 3 and counts["closed_question"] > counts["open_question"],
        "reflect": listens and len(steps) >= _SHORT and maybe * 4 < len(steps),
        "stack": needs["stack"] > 0,
        "dump": needs["dump"] > 0,
        "talk": len(steps) >= _SHORT and share > _MOST_TALK,
        "deeper": listens and reflections >= 4 and counts["complex_reflection"] * 5 < reflections * 2,
        "summary": misses_summary,
        "end": talk.ended and bool(steps) and not misses_summary and _breaks_off(steps, counts),
    }
    return [kind for kind, is_called_for in calls.items() if is_called_for]


def _breaks_off(steps: Sequence[Step], counts: Counter[str]) -> bool:
    """Whether the student ended it without a closing word and without a summary."""
    return steps[-1].record.outcome != "walks_out" and not counts["closing"] and not counts["summary"]


def _example(kind: str, steps: Sequence[Step], remarks: Sequence[Remark], taken: Collection[int]) -> int | None:
    """The place of the message, none of those `taken`, that shows best what a goal is about."""
    free = [place for place in range(len(steps)) if place not in taken]
    if kind in {"blame", "advice", "open", "stack", "dump"}:
        shown = [place for place in free if remarks[place].need == kind]
        return next((place for place in shown if remarks[place].rewording), shown[0] if shown else None)
    if kind == "mend":
        return next((place for place in free if steps[place].record.ruptured), None)
    if kind == "deeper":
        return next((place for place in free if steps[place].record.acts[:1] == ("simple_reflection",)), None)
    if kind == "talk":
        return max(free, key=lambda place: len(words(steps[place].message.content)), default=None)
    return None


def _goal_words(kind: str, name: str) -> tuple[str, str]:
    texts = {
        "blame": (
            _("Say what you hear before you say what you think"),
            _("When you disagree, first say back what %(client)s said. Then ask how they see it."),
        ),
        "mend": (
            _("Make it good when something hurt"),
            _("Say in one sentence what went wrong, without a “but”. Then stay with what %(client)s feels."),
        ),
        "advice": (
            _("Ask before you advise"),
            _("Ask what %(client)s has thought of, then whether they want to hear an idea. One idea, not three."),
        ),
        "open": (
            _("Begin more questions with what or how"),
            _("Before you send a question, look at whether yes or no would answer it. If so, turn it round."),
        ),
        "reflect": (
            _("Say back what you heard before the next question"),
            _("After every second answer of %(client)s, say in a few words what you understood, and wait."),
        ),
        "stack": (
            _("One question at a time"),
            _("Choose the question that matters most and stop there. Silence is an invitation."),
        ),
        "dump": (
            _("Explain in small pieces"),
            _("Ask what %(client)s knows, offer one thing, then ask what they make of it."),
        ),
        "talk": (
            _("Leave %(client)s more room"),
            _("Keep your messages to two sentences, and end them where %(client)s can take over."),
        ),
        "deeper": (
            _("Go one step beyond their words"),
            _("You say back well what was said. Try once or twice to name what it may mean or feel like."),
        ),
        "summary": (
            _("Sum up once on the way"),
            _("Halfway through, gather three things you heard, and ask what is missing."),
        ),
        "end": (
            _("End with a short summary and what happens next"),
            _("Before you leave, say in two sentences what you heard, and agree with %(client)s on what comes next."),
        ),
    }
    title, how = texts[kind]
    return title % {"client": name}, how % {"client": name}


def _counts(counts: Counter[str], snapshot: ClientSnapshot) -> tuple[Count, ...]:
    """Messages by what they did, those that were made; with what training aims at where that is known."""
    listens = snapshot.domain not in BUSINESS
    asked = counts["open_question"] + counts["closed_question"]
    reflected = sum(counts[code] for code in REFLECTIONS)
    aims: dict[str, str] = {}
    if listens and asked:
        percent = round(100 * counts["open_question"] / asked)
        aims["open_question"] = _("%(percent)d %% of your questions; an aim is half or more") % {"percent": percent}
    if listens and reflected:
        percent = round(100 * counts["complex_reflection"] / reflected)
        aims["complex_reflection"] = _("%(percent)d %% of your reflections; an aim is 40 %% or more") % {
            "percent": percent
        }
    if listens:
        aims |= {"advice": _("an aim is none, or asked for"), "confrontation": _("an aim is none")}
    return tuple(
        Count(skill, counts[code], aims.get(code, "")) for code, skill in SKILL_BY_CODE.items() if counts[code]
    )
