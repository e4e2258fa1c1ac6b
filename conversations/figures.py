"""Figures of conversations and replies: the sums of their ledger entries, found wrong and put right."""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from django.db import transaction
from django.db.models import F, Model, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from conversations.models import Message, Session
from monitoring import periods
from monitoring.models import LedgerEntry

Row = TypeVar("Row", bound=Model)

BATCH = 500
_INPUT = F("input_tokens") + F("cache_write_tokens") + F("cache_read_tokens")
# What each figure is the sum of; a message calls what was written its tokens.
_OF_SESSION: dict[str, Combinable] = {
    "input_tokens": _INPUT,
    "output_tokens": F("output_tokens"),
    "cost_microusd": F("cost_microusd"),
}
_OF_REPLY: dict[str, Combinable] = {
    "input_tokens": _INPUT,
    "token_count": F("output_tokens"),
    "cost_microusd": F("cost_microusd"),
}
# What is no reply, such as an opening line, was paid for by nobody; its tokens are an estimate.
_OF_UNPAID = {"input_tokens": 0, "cost_microusd": 0}
_TO_SESSION = [("session_uuid", Q())]
# Entries older than `LedgerEntry.message_uuid` are found by the turn that reserved for them.
_TO_REPLY = [("message_uuid", Q()), ("reservation__turn__reply_id", Q(message_uuid=None))]


def wrong_sessions() -> QuerySet[Session]:
    """Sessions whose figures are not the sums of their entries."""
    return _differing(Session.objects.all(), _OF_SESSION, _TO_SESSION)


def wrong_replies() -> QuerySet[Message]:
    """Replies whose figures are not the sums of their entries."""
    return _differing(Message.objects.filter(reply_to__isnull=False), _OF_REPLY, _TO_REPLY)


def wrong_unpaid() -> QuerySet[Message]:
    """Messages that are no replies and yet have a cost."""
    return Message.objects.filter(~Q(**_OF_UNPAID), reply_to=None)


def rebuild(since: dt.date | None = None) -> Iterator[int]:
    """Put right the figures of the sessions that went on since that day (of all without it), and of their messages.

    Yields how many sessions each step looked at.
    """
    sessions = Session.objects.order_by("pk")
    if since:
        sessions = sessions.filter(last_activity_at__gte=periods.bounds(since)[0])
    batch = list(sessions.values_list("pk", flat=True)[:BATCH])
    while batch:
        _put_right(batch)
        yield len(batch)
        batch = list(sessions.filter(pk__gt=batch[-1]).values_list("pk", flat=True)[:BATCH])


def _put_right(batch: Sequence[uuid.UUID]) -> None:
    wrong = set(wrong_sessions().filter(pk__in=batch).values_list("pk", flat=True))
    for messages in (wrong_replies(), wrong_unpaid()):
        wrong |= set(messages.filter(session__in=batch).values_list("session_id", flat=True))
    if not wrong:
        return
    with transaction.atomic():
        # Locked before the sums are made: a reply that ends meanwhile waits, and adds to what is right.
        rows = Session.objects.select_for_update().filter(pk__in=wrong).order_by("pk")
        locked = list(rows.values_list("pk", flat=True))
        wrong_sessions().filter(pk__in=locked).update(**_sums(_OF_SESSION, _TO_SESSION))
        wrong_replies().filter(session__in=locked).update(**_sums(_OF_REPLY, _TO_REPLY))
        wrong_unpaid().filter(session__in=locked).update(**_OF_UNPAID)


def _differing(rows: QuerySet[Row], figures: Mapping[str, Combinable], ways: Sequence[tuple[str, Q]]) -> QuerySet[Row]:
    due = {f"due_{name}": total for name, total in _sums(figures, ways).items()}
    return rows.alias(**due).filter(~Q(**{name: F(f"due_{name}") for name in figures}))


def _sums(figures: Mapping[str, Combinable], ways: Sequence[tuple[str, Q]]) -> dict[str, Coalesce]:
    """What each figure ought to be: the sum of the entries that the first way with any leads to, else zero."""
    entries = [
        LedgerEntry.objects.filter(found, **{path: OuterRef("pk")}).order_by().values(path) for path, found in ways
    ]
    return {
        name: Coalesce(*(Subquery(rows.annotate(sum=Sum(part)).values("sum")) for rows in entries), Value(0))
        for name, part in figures.items()
    }
