"""Settlements for tests of what is derived from the ledger."""

import datetime as dt
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from monitoring import periods, pricing
from monitoring.models import LedgerEntry, Reservation

SECTION = uuid.UUID(int=7)
NOON = dt.timedelta(hours=12)


def settled(at: dt.datetime, **fields: Any) -> LedgerEntry:
    """An entry settled then, of 100 + 10 tokens for 5 micro-dollars by default."""
    values = {"kind": "turn", "model": "m", "input_tokens": 100, "output_tokens": 10, "cost_microusd": 5}
    values |= {"outcome": "complete", "total_ms": 900, **fields}
    price = pricing.free(str(values["model"])).to_json()
    reservation = Reservation.objects.create(kind="turn", price=price, amount_microusd=0, state="settled")
    entry = LedgerEntry.objects.create(reservation=reservation, **values)
    LedgerEntry.objects.filter(pk=entry.pk).update(settled_at=at)
    entry.refresh_from_db()
    return entry


def ago(**time: float) -> dt.datetime:
    """The moment so long before now."""
    return timezone.now() - dt.timedelta(**time)


def noon_of(days_ago: int) -> dt.datetime:
    """Twelve hours after the beginning of the school day that was so many days ago."""
    return periods.bounds(periods.today() - dt.timedelta(days=days_ago))[0] + NOON


def school_in(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """Let the school's clock be that of this time zone."""
    monkeypatch.setattr(periods._calendar, "zone", lambda: ZoneInfo(zone))
