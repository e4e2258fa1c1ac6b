"""From the database to the plain values that are written: what a person may read of conversations, as they chose."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from clients.snapshot import ClientSnapshot
from conversations.exports.lines import Fact, Judged, Judgement, Line, Talk
from conversations.models import MarginNote, Message, Scoring, ScoringRevision, Session
from conversations.models.session import SessionQuerySet
from conversations.scores import Level
from monitoring.templatetags.money import usd


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes into an export beside what was said; without `names` students are numbered."""

    scoring: bool = False
    notes: bool = False
    figures: bool = False
    names: bool = True

    def within_rights_of(self, by: User) -> "Choice":
        """What is left of it for this person: what a conversation used and cost is not for students."""
        return Choice(self.scoring, self.notes, self.figures and not by.is_student, self.names)


class Place(NamedTuple):
    """A conversation's number in an export, from 1, and that of its student."""

    number: int
    student: int


def exportable(sessions: SessionQuerySet) -> SessionQuerySet:
    """Those of these sessions that can be exported, with all that the script reads beside messages."""
    found = sessions.filter(client__isnull=False)
    return found.select_related("student", "section", "client_version", "assignment", "attempt", "branch_of__session")


def talks(
    sessions: Sequence[Session], *, by: User, choice: Choice, places: Mapping[uuid.UUID, Place] | None = None
) -> list[Talk]:
    """These sessions (from `exportable`, and visible to `by`) as values, in their order; at most five queries.

    All that was said in them is held in memory. `places` must name each session where names are left out.
    """
    choice = choice.within_rights_of(by)
    said: dict[uuid.UUID, list[Message]] = {session.pk: [] for session in sessions}
    # What newer attempts replaced is no part of the conversation.
    rows = Message.objects.filter(session__in=said).exclude(status=Message.Status.SUPERSEDED)
    for message in rows.order_by("session", "sequence"):
        said[message.session_id].append(message)
    notes = _notes(sessions, by, choice) if choice.notes else {}
    scorings = _scorings(sessions, by) if choice.scoring else {}
    found = []
    for session in sessions:
        assert session.client_version is not None  # noqa: S101  for the type checker
        client, place = session.client_version.snapshot, (places or {}).get(session.pk)
        name = session.student.display_name
        if not choice.names and place:
            name = _("Student %(number)s") % {"number": place.student}
        scoring = scorings.get(session.pk)
        lines = [_line(message, name, client, choice, notes.get(message.pk, ())) for message in said[session.pk]]
        data = {"conversation": str(session.pk if choice.names or place is None else place.number), "student": name}
        found.append(
            Talk(
                title=_title(session) % {"name": client.name},
                facts=tuple(_facts(session, name, choice)),
                data=data | _data(session, client, choice, scoring),
                lines=lines,
                scoring=_judgement(scoring) if scoring else None,
            )
        )
    return found


def _title(session: Session) -> str:
    return _("Practice branch with %(name)s") if session.branch_of_id else _("Conversation with %(name)s")


def _facts(session: Session, student: str, choice: Choice) -> list[Fact]:
    """What stands above the conversation."""
    facts = [(_("Student"), student)]
    if session.section:
        facts.append((_("Section"), str(session.section)))
    if session.assignment:
        facts.append((_("Assignment"), session.assignment.title))
    if session.branch_of:
        words = _("practice branch: tries again from a moment of the conversation of %(date)s")
        facts.append((_("Kind"), words % {"date": _moment(session.branch_of.session.started_at)}))
    facts += [(_("Started"), _moment(session.started_at)), (_("State"), str(session.get_status_display()))]
    if session.outcome:
        facts.append((_("Outcome"), str(session.get_outcome_display())))
    if session.ended_at:
        facts.append((_("Ended"), _moment(session.ended_at)))
    facts.append((_("Times"), timezone.get_current_timezone_name()))
    if choice.figures:
        facts += [
            (_("Model"), _("scripted voice") if session.voice == Session.Voice.SCRIPTED else session.model),
            (_("Tokens"), str(session.total_tokens)),
            (_("Cost"), usd(session.cost_microusd)),
        ]
    return facts


def _data(session: Session, client: ClientSnapshot, choice: Choice, scoring: ScoringRevision | None) -> dict[str, Any]:
    """The same for machines, under names that no language changes."""
    attempt = getattr(session, "attempt", None)
    data: dict[str, Any] = {"email": session.student.email} if choice.names else {}
    data |= {
        "section": str(session.section or ""),
        "assignment": session.assignment.title if session.assignment else "",
        "attempt": attempt.number if attempt else None,
        "client": client.name,
        "kind": "branch" if session.branch_of_id else session.kind,
        "state": session.status,
        "outcome": session.outcome,
        "started_at": _iso(session.started_at),
        "ended_at": _iso(session.ended_at) if session.ended_at else "",
        "exchanges": session.exchanges,
    }
    if choice.figures:
        data |= {"model": session.model, "tokens": session.total_tokens, "cost_microusd": session.cost_microusd}
    if choice.scoring:
        data["score_percent"] = str(scoring.total.percent) if scoring and scoring.total else ""
    return data


def _line(message: Message, student: str, client: ClientSnapshot, choice: Choice, notes: Sequence[Fact]) -> Line:
    names = {Message.Role.STUDENT.value: student, Message.Role.CLIENT.value: client.name}
    whole = message.status == Message.Status.COMPLETE
    return Line(
        who=names.get(message.role, _("Note")),
        when=_moment(message.created_at),
        text=message.content,
        remark="" if whole else _remark(message, client),
        number=message.sequence,
        role=message.role,
        at=_iso(message.created_at),
        status=message.status,
        tokens=message.total_tokens if choice.figures else None,
        response_ms=message.response_ms if choice.figures else None,
        notes=tuple(notes),
    )


def _remark(message: Message, client: ClientSnapshot) -> str:
    """Why a message is not whole; a line that stood in for a reply is named as such."""
    if message.status == Message.Status.ASIDE:
        who = _("only the student, their teachers and the people who run this portal see this")
        return who + "; " + _("%(name)s did not hear it") % {"name": client.name}
    if message.status == Message.Status.FAILED and message.content:
        return _("not a reply: %(name)s could not answer, and this line stood in") % {"name": client.name}
    return str(message.get_status_display())


def _notes(sessions: Sequence[Session], by: User, choice: Choice) -> dict[uuid.UUID, list[Fact]]:
    """Notes in the margin by message, oldest first: all for staff, shared ones for the student."""
    rows = MarginNote.objects.filter(message__session__in=sessions).select_related("author")
    if not by.looks_after_students:
        rows = rows.filter(shared=True)
    notes: dict[uuid.UUID, list[Fact]] = {}
    for note in rows.order_by("written_at", "pk"):
        notes.setdefault(note.message_id, []).append((note.author.display_name if choice.names else "", note.text))
    return notes


def _scorings(sessions: Sequence[Session], by: User) -> dict[uuid.UUID, ScoringRevision]:
    """The state of each scoring that is released; where none is, for staff the draft."""
    visible = ScoringRevision.objects.visible_to(by).filter(scoring__session__in=sessions)
    rows = Scoring.objects.filter(session__in=sessions).values_list("session", "released", "latest")
    wanted = {session: released or (latest if by.looks_after_students else None) for session, released, latest in rows}
    found = visible.filter(pk__in=[key for key in wanted.values() if key])
    revisions = {one.pk: one for one in found.select_related("version").prefetch_related("marks")}
    return {session: revisions[key] for session, key in wanted.items() if key in revisions}


def _judgement(revision: ScoringRevision) -> Judgement:
    total = revision.total
    released = revision.released_at and not revision.withdrawn_at
    return Judgement(
        rubric=revision.version.value.name,
        state=_("released") if released else _("draft, not released"),
        total=_("%(mean)s of 4, %(percent)s %%") % {"mean": total.mean, "percent": total.percent} if total else "",
        percent=str(total.percent) if total else "",
        comment=revision.comment,
        rows=tuple(
            Judged(
                criterion=row.criterion.name,
                level=str(Level(row.mark.level).label) if row.mark.level else _("not chosen"),
                number=row.mark.level,
                comment=row.mark.comment,
            )
            for row in revision.rows()
        ),
    )


def _moment(moment: dt.datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
