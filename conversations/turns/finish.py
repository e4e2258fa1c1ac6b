"""Finishing: under the session's lock, while the fence holds, the reply, its status and its settlement are written."""

import uuid
from dataclasses import dataclass

from django.utils import timezone

from conversations.models import Message, Session, Turn
from monitoring import pricing
from monitoring.models import LedgerEntry, Reservation
from monitoring.prepared import Select, insert, together, update
from monitoring.services import settle


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: its status, the text that arrived, what it used, and how long it took in milliseconds.

    `fault` is the provider's fault, if that ended it; `error` the reason for operators; `calls` those to the provider.
    `fell_back`: another model was asked before, whose cost has a ledger entry of its own.
    """

    status: Turn.Status
    text: str
    usage: pricing.Usage
    first_text_ms: int | None = None
    total_ms: int = 0
    error: str = ""
    fault: str = ""
    calls: int = 1
    fell_back: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """A stored reply, its session's revision after it, and whether the client has walked out with these words."""

    reply: Message
    revision: int
    walked_out: bool = False


# In the order of the model's fields.
_SESSION = (
    "id", "status", "last_sequence", "revision", "said_tokens", "exchanges", "input_tokens", "output_tokens",
    "cost_microusd",
)  # fmt: skip
_ENDING = ("status", "ended_at", "outcome", "paused_by", "paused_at")
_RESERVATION = ("id", "kind", "user_id", "scopes", "price", "amount_microusd", "state")
_session = Select(
    lambda turn: (
        Session.objects.select_for_update()
        .filter(pk__in=Turn.objects.filter(pk=turn).values("session"))
        .order_by()
        .values_list(*_SESSION)
    )
)
_turn = Select(
    lambda turn: (
        Turn.objects.running()
        .filter(pk=turn)
        .order_by()
        .values_list("fence", "reply_id", "message_id", "state", *(f"reservation__{name}" for name in _RESERVATION))
    )
)


@together()
def finish(turn_id: uuid.UUID, fence: int, outcome: Outcome) -> Finished | None:
    """End the turn if it still runs under this fence; None when it was ended or taken by another.

    Every ended turn has a reply row, even an empty one; it gets its number here.
    """
    # The session first, as in accepting: one lock order everywhere.
    session_row, turn_row = _session.ask(turn_id), _turn.ask(turn_id)
    locked, running = session_row.first, turn_row.first
    if locked is None or running is None or running[0] != fence:
        return None
    session = Session.from_db("default", _SESSION, locked)
    _fence, reply_id, message_id, state, *reserved = running
    now = timezone.now()
    turn = Turn(pk=turn_id, status=outcome.status, error=outcome.error, finished_at=now, partial_text="")
    update(turn, "status", "error", "finished_at", "partial_text")
    session.last_sequence += 1
    session.revision += 1
    session.said_tokens += pricing.most_tokens_of_prose(outcome.text)
    answered = outcome.status in (Turn.Status.COMPLETE, Turn.Status.TRUNCATED)
    session.exchanges += answered
    session.last_activity_at = now
    reservation = Reservation.from_db("default", _RESERVATION, reserved)
    cost = reservation.frozen_price.cost(outcome.usage)
    before = _spent_before(reply_id) if outcome.fell_back else pricing.Spent()
    reply = Message(
        pk=reply_id,
        session_id=session.pk,
        sequence=session.last_sequence,
        role=Message.Role.CLIENT,
        status=outcome.status,
        content=outcome.text,
        fault=outcome.fault,
        reply_to_id=message_id,
        created_at=now,
        token_count=outcome.usage.output + before.output_tokens,
        input_tokens=outcome.usage.total_input + before.input_tokens,
        cost_microusd=cost + before.cost_microusd,
        first_text_ms=outcome.first_text_ms,
        response_ms=outcome.total_ms,
    )
    insert(reply)
    session.input_tokens += outcome.usage.total_input
    session.output_tokens += outcome.usage.output
    session.cost_microusd += cost
    # Whether the client leaves was decided when the student spoke; they are gone once they have said so.
    walks_out = answered and session.is_open and state.get("outcome") == Session.Outcome.WALKS_OUT
    if walks_out:
        session.status, session.ended_at, session.outcome = Session.Status.COMPLETED, now, Session.Outcome.WALKS_OUT
        session.paused_by = session.paused_at = None
    update(session, *_SESSION[2:], "last_activity_at", *(_ENDING if walks_out else ()))
    # Late, as all that locks budgets.
    settle(
        reservation=reservation,
        usage=outcome.usage,
        outcome=outcome.status,
        first_text_ms=outcome.first_text_ms,
        total_ms=outcome.total_ms,
        calls=outcome.calls,
    )
    return Finished(reply, session.revision, walks_out)


def _spent_before(reply_id: uuid.UUID) -> pricing.Spent:
    """What other models used for this reply before they failed."""
    entries = LedgerEntry.objects.filter(message_uuid=reply_id)
    return pricing.Spent(
        input_tokens=sum(entry.total_input for entry in entries),
        output_tokens=sum(entry.output_tokens for entry in entries),
        cost_microusd=sum(entry.cost_microusd for entry in entries),
    )
