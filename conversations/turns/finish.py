"""Finishing: one compare-and-set on the fence writes the reply, its status, and the one settlement."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from conversations.models import Message, Session, Turn
from monitoring import pricing
from monitoring.services import settle


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: its status, the text that arrived, what it used, and how long it took in milliseconds."""

    status: Turn.Status
    text: str
    usage: pricing.Usage
    first_text_ms: int | None = None
    total_ms: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A stored reply and its session as they are after the finish."""

    reply: Message
    session: Session


@transaction.atomic
def finish(turn_id: uuid.UUID, fence: int, outcome: Outcome) -> Finished | None:
    """End the turn if it still runs under this fence; None when it was ended or taken by another.

    Every ended turn has a reply row, even an empty one; it gets its number here.
    """
    # The session first, as in accepting: one lock order everywhere.
    session = Session.objects.select_for_update().filter(turns__pk=turn_id).first()
    turn = Turn.objects.held(turn_id, fence).select_related("reservation").first()
    if session is None or turn is None:
        return None
    now = timezone.now()
    entry = settle(
        reservation=turn.reservation,
        usage=outcome.usage,
        outcome=outcome.status,
        first_text_ms=outcome.first_text_ms,
        total_ms=outcome.total_ms,
    )
    reply = Message.objects.create(
        pk=turn.reply_id,
        session=session,
        sequence=session.last_sequence + 1,
        role=Message.Role.CLIENT,
        status=outcome.status,
        content=outcome.text,
        reply_to_id=turn.message_id,
        created_at=now,
        token_count=outcome.usage.output,
        input_tokens=outcome.usage.total_input,
        cost_microusd=entry.cost_microusd,
        first_text_ms=outcome.first_text_ms,
        response_ms=outcome.total_ms,
    )
    turn.status, turn.error, turn.finished_at, turn.partial_text = outcome.status, outcome.error, now, ""
    turn.save(update_fields=["status", "error", "finished_at", "partial_text"])
    session.last_sequence += 1
    session.revision += 1
    session.exchanges += outcome.status in (Turn.Status.COMPLETE, Turn.Status.TRUNCATED)
    session.input_tokens += outcome.usage.total_input
    session.output_tokens += outcome.usage.output
    session.cost_microusd += entry.cost_microusd
    session.last_activity_at = now
    counted = ["exchanges", "input_tokens", "output_tokens", "cost_microusd"]
    session.save(update_fields=["last_sequence", "revision", "last_activity_at", *counted])
    return Finished(reply, session)
