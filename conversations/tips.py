"""Tips: what a student is told of each thing they say while they talk, where the assignment says so."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from clients.models import ClientVersion
from clients.record import TurnRecord
from clients.snapshot import ClientSnapshot
from clients.voices.memory import record
from conversations.coaching.live import live_words
from conversations.models import Assignment, Message, Session, Turn
from conversations.turns.accept import ClaimedTurn


@dataclass(frozen=True, slots=True)
class Tip:
    """One message of the student that has been answered, and what is needed to say what it did."""

    message_id: uuid.UUID
    record: TurnRecord
    text: str
    heard: str
    snapshot: ClientSnapshot

    @property
    def words(self) -> str:
        """What the student reads, in the active language; "" where nothing is worth saying."""
        return live_words(self.record, self.text, self.heard, self.snapshot)


def has_tips(session: Session) -> bool:
    """Whether the student of this session is told while they talk."""
    return bool(session.assignment and session.assignment.feedback == Assignment.Feedback.LIVE)


def tip_of(claimed: ClaimedTurn) -> Tip:
    """The tip for a turn that this process has answered, without the database."""
    snapshot, history = claimed.request.snapshot, claimed.request.history
    assert isinstance(snapshot, ClientSnapshot)  # noqa: S101  assignments are with clients
    heard = next((line.text for line in reversed(history[:-1]) if line.role == "client"), snapshot.opening_line)
    return Tip(claimed.message_id, record(snapshot, history), history[-1].text, heard, snapshot)


def tips_of(session_id: uuid.UUID, message_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Tip]:
    """The tips for those of these messages that have been answered, by message. One query."""
    client = Message.objects.spoken().filter(role=Message.Role.CLIENT, session=OuterRef("session"))
    before = client.filter(sequence__lt=OuterRef("message__sequence")).order_by("-sequence")
    turns = Turn.objects.filter(session=session_id, message__in=message_ids).exclude(status__in=Turn.RUNNING)
    rows = turns.order_by("accepted_at").annotate(heard=Subquery(before.values("content")[:1]))
    fields = ("message", "state", "message__content", "heard", "session__client_version")
    found = {}
    for message_id, state, text, heard, version in rows.values_list(*fields):
        if state:
            snapshot = ClientVersion.frozen(version).snapshot
            said = snapshot.opening_line if heard is None else heard
            found[message_id] = Tip(message_id, TurnRecord.from_json(state), text, said, snapshot)
    return found
