"""Keyset pages of sessions: the next page starts after a row, not after a count, so that each costs the same."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.utils.http import urlencode

from conversations.models import Session
from conversations.models.session import SessionQuerySet

PAGE_SIZE = 25
Position = tuple[dt.datetime, uuid.UUID]


@dataclass(frozen=True, slots=True)
class Page:
    """Sessions, newest first, and the addresses of the older and the newer page ("" where there is none)."""

    sessions: list[Session]
    next_url: str
    previous_url: str


def page_of(sessions: SessionQuerySet, parameters: Mapping[str, str], chosen: Mapping[str, str]) -> Page:
    """The page that `before` or `after` in the address names, else the first; `chosen` are the filters to keep.

    A position that cannot be read is the first page.
    """
    newest_first = sessions.order_by("-started_at", "-id")
    if after := _position(parameters.get("after", "")):
        at, pk = after
        oldest_first = sessions.filter(Q(started_at__gt=at) | Q(started_at=at, pk__gt=pk)).order_by("started_at", "id")
        rows = list(oldest_first[: PAGE_SIZE + 1])
        # Not a full page and more: then this is the first page, which may have grown meanwhile.
        if len(rows) > PAGE_SIZE:
            rows = rows[PAGE_SIZE - 1 :: -1]
            return Page(rows, _address(chosen, "before", rows[-1]), _address(chosen, "after", rows[0]))
    before = _position(parameters.get("before", ""))
    if before:
        at, pk = before
        newest_first = newest_first.filter(Q(started_at__lt=at) | Q(started_at=at, pk__lt=pk))
    rows = list(newest_first[: PAGE_SIZE + 1])
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
