"""What is said of one message: what it did, what it moved, and how it could be said. Pure, by rule.

Explanations are in the reader's language, wordings in that of the conversation. Of what a client has not told, nothing
is said but that there is something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clients.record import TurnRecord
from clients.skills import Coding, code
from clients.snapshot import ClientSnapshot
from conversations.coaching.records import Step
from conversations.coaching.rewording import SURE, Need, need, proposes, reword
from conversations.coaching.words import SKILL_BY_CODE, Skill


@dataclass(frozen=True, slots=True)
class Rewording:
    """Another way to say a message, why it may work better, and how much it matters (1 to 9)."""

    text: str
    why: str
    weight: int


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said of one message.

    `skills` are what it did, strongest first; `sure` is whether the first of them is, the others are. `note` says what
    was good or what to know about it ("" for nothing), `moved` what it did to the client, a sentence each. `need` is
    what could be said better, by the name that `rewording.need` gives it, "" for nothing.
    """

    skills: tuple[Skill, ...]
    sure: bool
    note: str
    moved: tuple[str, ...]
    rewording: Rewording | None
    need: str


def remarks_on(steps: Iterable[Step], snapshot: ClientSnapshot, language: str) -> list[Remark]:
    """What is said of each message of a conversation, no note and no wording twice."""
    remarks: list[Remark] = []
    used: set[str] = set()
    for step in steps:
        text = step.message.content
        found = remark(step.record, text, step.heard, snapshot, language, over=step.over, used=used)
        used.update([found.note, found.rewording.text if found.rewording else ""])
        remarks.append(found)
    return remarks


def remark(
    record: TurnRecord,
    text: str,
    heard: str,
    snapshot: ClientSnapshot,
    language: str,
    *,
    over: bool = False,
    used: Collection[str] = (),
) -> Remark:
    """What is said of a message that had this record, in the reader's `language`.

    `heard` is what the client had said just before it, `over` whether they had walked out by then, `used` the notes and
    wordings that were given already.
    """
    coding = code(text, snapshot.language, heard)
    wanted = need(coding, text, heard, snapshot)
    with translation.override(language):
        found = reword(wanted, coding, text, heard, snapshot, used=used) if wanted and not over else ""
        return Remark(
            skills=tuple(SKILL_BY_CODE[act] for act in _sure(record, coding)),
            sure=record.confidence >= SURE,
            note=_unused(
                [_no_more(snapshot)] if over else _notes(record, coding, text, snapshot, wanted, reworded=bool(found)),
                text,
                snapshot.first_name,
                used,
            ),
            moved=tuple(_moved(record, snapshot, over=over)),
            rewording=Rewording(found, _why(wanted), wanted.weight) if wanted and found else None,
            need=wanted.name if wanted else "",
        )


def chosen(remarks: Sequence[Remark]) -> frozenset[int]:
    """The places of the rewordings that are worth showing at once: the weightiest, for at most every other message."""
    places = [place for place, one in enumerate(remarks) if one.rewording]
    places.sort(key=lambda place: (-_weight(remarks[place]), place))
    return frozenset(places[: max(1, len(remarks) // 2)])


def _weight(one: Remark) -> int:
    return one.rewording.weight if one.rewording else 0


def _sure(record: TurnRecord, coding: Coding) -> list[str]:
    """What a message did first of all, and what else it surely did. Drafts count the rest too (`evaluation.counts`)."""
    sure = {segment.act for segment in coding.segments if segment.confidence >= SURE}
    return [act for place, act in enumerate(record.acts) if not place or act in sure]


def _no_more(snapshot: ClientSnapshot) -> str:
    return _("%(client)s has broken off. What is said now no longer reaches them.")


def _notes(
    record: TurnRecord, coding: Coding, text: str, snapshot: ClientSnapshot, wanted: Need | None, *, reworded: bool
) -> Sequence[str]:
    """What was good about a message, or what to know about it, in several ways to say it; none for nothing."""
    if wanted and wanted.weight >= 5:
        return _weak(wanted)
    if coding.risk and coding.primary in {"open_question", "closed_question"}:
        return (_("You asked about risk plainly. That is good practice; stay with the answer."),)
    if record.mended:
        return (_("You stayed with it until it was good again. Conversations survive a mistake that is made good."),)
    if coding.comforts:
        return (
            _("Meant kindly, but it may close the talk: it says what could be said to anybody."),
            _("Comfort like this may close the talk. What %(client)s feels has not been said yet."),
        )
    if coding.again:
        return (_("You asked to hear it again. That is honest, and better than a guess."),)
    # The reason of a wording says it better, and what is no question is none, whatever its code.
    asks = coding.primary == "closed_question" and (reworded or "?" not in text)
    return () if asks or record.confidence < SURE else _plain(record, text, snapshot.language)


def _weak(wanted: Need) -> Sequence[str]:
    notes = {
        "blame": (
            _("%(client)s hears blame or a correction here, whatever you meant."),
            _("This puts %(client)s in the wrong. People then defend themselves, or go quiet."),
        ),
        "advice": (
            _("This tells %(client)s what to do. Nobody had asked yet, so it is easy to turn down."),
            _("Advice before it was asked for. %(client)s has probably thought of it, and says why not."),
        ),
        "stack": (_("Several questions at once. People answer the last one or the easiest, and the others are lost."),),
        "dump": (_("Much at once. What %(client)s already knows, and what they want to know, is still open."),),
    }
    return notes[wanted.name]


def _plain(record: TurnRecord, text: str, language: str) -> Sequence[str]:
    """What may be said of the first thing that a message did."""
    primary = record.acts[0] if record.acts else "minimal"
    if primary == "next_step" and proposes(text, language):
        return (_("You proposed a next step. Whether it suits %(client)s, only they can say."),)
    notes = {
        "complex_reflection": (
            _("You said what lies behind the words. %(client)s can go on from there."),
            _("You went a step beyond the words. If it fits, %(client)s goes deeper; if not, they put it right."),
        ),
        "simple_reflection": (
            _("You gave back what you heard. It shows that you listened, without steering."),
            _("%(client)s hears their own words come back, and can go on."),
        ),
        "summary": (_("You gathered what was said. %(client)s can put right what is missing."),),
        "affirmation": (_("You named something that %(client)s does well. Specific words like these are believed."),),
        "open_question": (
            _("An open question: %(client)s decides where to begin."),
            _("You asked without steering the answer."),
            _("This leaves room: the answer is up to %(client)s."),
        ),
        "permission": (_("You asked first. That leaves %(client)s in charge of what is talked about."),),
        "apology": (_("You owned it. Said without a “but”, that is how trust comes back."),),
        "next_step": (_("You asked about a next step. One that is their own is more likely to be taken."),),
        "greeting": (_("A plain beginning: %(client)s knows who is there."),),
        "closing": (_("You brought it to an end openly, so that nobody is left guessing."),),
        "out_of_role": (_("Here you spoke to the program. %(client)s can only answer as a person."),),
        "offer": (_("You offered something. Has %(client)s said yet what they would want from you?"),),
        "information": (
            _("You explained something. Short pieces, with a question after each, are kept best."),
            _("A piece of information. What %(client)s makes of it, only they can say."),
        ),
        "self_disclosure": (_("You spoke of yourself. Kept short, that can bring you closer."),),
        "closed_question": (
            _("A closed question gets one fact. It is right where you need exactly that."),
            _("One word can answer this. For the story behind it, ask what or how."),
            _("A question for a fact."),
        ),
        "minimal": (_("A short word leaves the floor to %(client)s. Several in a row can sound absent."),),
    }
    return notes.get(primary, ())


def _unused(notes: Sequence[str], text: str, name: str, used: Collection[str]) -> str:
    """One of several ways to say it that was not used yet, "" for none; which one is settled by the message."""
    at = crc32(text.encode()) % max(1, len(notes))
    said = [note % {"client": name} for note in [*notes[at:], *notes[:at]]]
    return next((note for note in said if note not in used), "")


def _moved(record: TurnRecord, snapshot: ClientSnapshot, *, over: bool) -> list[str]:
    """What a message did to trust, topics and the bond, a sentence each."""
    name = snapshot.first_name
    said = [_trust(record)]
    if record.outcome == "walks_out" and not over:
        said.append(_("After this %(client)s broke off the conversation.") % {"client": name})
    elif record.ruptured:
        said.append(_("It hurt %(client)s. It takes two good messages to make up for it.") % {"client": name})
    if record.mended:
        said.append(_("What had hurt %(client)s is made good.") % {"client": name})
    # What it unlocked may stay untold, so nothing is named.
    if record.opened and record.change > 0:
        said.append(_("%(client)s is ready to talk about more.") % {"client": name})
    # What comes first is what the message was about.
    if record.approached and record.approached[0] not in record.unlocked:
        said.append(_("You came near something that %(client)s does not tell yet.") % {"client": name})
    return said


def _trust(record: TurnRecord) -> str:
    values = {"by": abs(record.change), "now": record.trust}
    by = values["by"]
    if record.change > 0:
        words = ngettext(
            "Trust rose by %(by)d point, to %(now)d %%.", "Trust rose by %(by)d points, to %(now)d %%.", by
        )
        return words % values
    if record.change < 0:
        words = ngettext(
            "Trust fell by %(by)d point, to %(now)d %%.", "Trust fell by %(by)d points, to %(now)d %%.", by
        )
        return words % values
    return _("Trust stayed at %(now)d %%.") % values


def _why(wanted: Need) -> str:
    reasons = {
        "blame": _("Asking how they see it lowers the guard; blame raises it."),
        "advice": _("Asked for, the same idea has a chance. First comes what they have thought of themself."),
        "stack": _("One question, then silence. The others can wait."),
        "dump": _("Ask, offer one thing, ask what they make of it: people keep what they take part in."),
        "open": _("It cannot be answered with yes or no, so you learn what matters to them."),
        "self": _("It brings the talk back to them."),
        "short": _("A few of their own words show that you listened, and they go on by themselves."),
    }
    return reasons[wanted.name]
