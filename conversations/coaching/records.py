"""What each message of a conversation did: as it was kept with its turn, else worked out again."""

from collections.abc import Iterable
from dataclasses import dataclass

from clients import state
from clients.record import TurnRecord
from clients.snapshot import ClientSnapshot
from clients.words import words
from conversations.models import Message, Session


@dataclass(frozen=True, slots=True)
class Step:
    """One message of the student: its number among theirs (from 1), what the client had said before it, what it did.

    `over` is whether the client had walked out before it.
    """

    number: int
    message: Message
    heard: str
    record: TurnRecord
    over: bool


@dataclass(frozen=True, slots=True)
class Talk:
    """Every message that the student said to the client, in order, and how many words the client said.

    `ended` is whether it came to its end, and was not left or is still going on.
    """

    steps: tuple[Step, ...]
    client_words: int
    ended: bool


def talk_of(session: Session, snapshot: ClientSnapshot) -> Talk:
    """What was said in a session and what it did. Two queries.

    Messages from before the client's state was kept, and those that a branch copied, are worked out from the whole
    conversation.
    """
    states = session.turns.states()
    spoken = list(session.messages.spoken().exclude(role=Message.Role.SYSTEM))
    whole = all(states.get(row.pk) for row in spoken if row.role == Message.Role.STUDENT)
    again = {} if whole else _replayed(spoken, snapshot)
    steps: list[Step] = []
    heard, client_words = snapshot.opening_line, 0
    for row in spoken:
        if row.role == Message.Role.CLIENT:
            heard = row.content
            client_words += len(words(heard))
        else:
            record = TurnRecord.from_json(states[row.pk]) if states.get(row.pk) else again[row.sequence]
            over = bool(steps) and steps[-1].record.outcome == "walks_out"
            steps.append(Step(len(steps) + 1, row, heard, record, over))
    return Talk(tuple(steps), client_words, ended=session.status == Session.Status.COMPLETED)


def _replayed(spoken: Iterable[Message], snapshot: ClientSnapshot) -> dict[int, TurnRecord]:
    """The record of each student message by its number in the conversation."""
    found: dict[int, TurnRecord] = {}
    now = state.start(snapshot)
    for row in spoken:
        before = now
        now = state.replay(snapshot, [state.Line(row.role, row.content)], before)
        if row.role == Message.Role.STUDENT:
            found[row.sequence] = TurnRecord.of(before, now)
    return found
