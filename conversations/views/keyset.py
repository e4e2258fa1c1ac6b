"""Keyset pages of sessions: the next page starts after a row, not after a count, so that each costs the same."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.utils.http import urlencode

from conversations.models import Session
from conversations.models.found import Order
from conversations.models.session import SessionQuerySet

PAGE_SIZE = 25
NEWEST_FIRST: Order = ("-started_at", "-id")
OLDEST_FIRST: Order = ("started_at", "id")
Position = tuple[dt.datetime, uuid.UUID]
# How the first so many of these sessions in this order are read.
Reader = Callable[[SessionQuerySet, Order, int], list[Session]]


@dataclass(frozen=True, slots=True)
class Page:
    """Sessions, newest first, and the addresses of the older and the newer page ("" where there is none)."""

    sessions: list[Session]
    next_url: str
    previous_url: str


def _read(found: SessionQuerySet, order: Order, most: int) -> list[Session]:
    return list(found.order_by(*order)[:most])


def page_of(
    sessions: SessionQuerySet, parameters: Mapping[str, str], chosen: Mapping[str, str], read: Reader = _read
) -> Page:
    """The page that `before` or `after` in the address names, else the first; `chosen` are the filters to keep.

    A position that cannot be read is the first page.
    """
    if after := _position(parameters.get("after", "")):
        at, pk = after
        newer_ones = sessions.filter(Q(started_at__gt=at) | Q(pk__gt=pk), started_at__gte=at)
        rows = read(newer_ones, OLDEST_FIRST, PAGE_SIZE + 1)
        # Not a full page and more: then this is the first page, which may have grown meanwhile.
        if len(rows) > PAGE_SIZE:
            rows = rows[PAGE_SIZE - 1 :: -1]
            return Page(rows, _address(chosen, "before", rows[-1]), _address(chosen, "after", rows[0]))
    before = _position(parameters.get("before", ""))
    if before:
        # Said so that an index is entered at the position, not read up to it.
        at, pk = before
        sessions = sessions.filter(Q(started_at__lt=at) | Q(pk__lt=pk), started_at__lte=at)
    rows = read(sessions, NEWEST_FIRST, PAGE_SIZE + 1)
    older = _address(chosen, "before", rows[PAGE_SIZE - 1]) if len(rows) > PAGE_SIZE else ""
    newer = ""
    if before:
        newer = _address(chosen, "after", rows[0]) if rows else f"?{urlencode(chosen)}"
    return Page(rows[:PAGE_SIZE], older, newer)


def _address(chosen: Mapping[str, str], side: str, row: Session) -> str:
    return "?" + urlencode({**chosen, side: f"{row.started_at.isoformat()}_{row.pk}"})


def _position(text: str) -> Position | None:
    at, _separator, pk = text.partition("_")
    try:
        moment, key = dt.datetime.fromisoformat(at), uuid.UUID(pk)
        return (moment.astimezone(dt.UTC), key) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
