"""The school's time zone and terms, for whoever counts by school days; read once in a few seconds."""

import datetime as dt
import time
from bisect import bisect_right
from functools import lru_cache
from zoneinfo import ZoneInfo

from accounts.models import School, Term

# How long a process goes on with what it read: an operator's change is seen everywhere within this time.
KEPT_SECONDS = 5


@lru_cache(maxsize=1)
def _read(tick: int) -> tuple[ZoneInfo, list[dt.date]]:
    return ZoneInfo(School.current().time_zone), list(
        Term.objects.order_by("starts_on").values_list("starts_on", flat=True)
    )


def _kept() -> tuple[ZoneInfo, list[dt.date]]:
    return _read(int(time.monotonic() / KEPT_SECONDS))


def zone() -> ZoneInfo:
    """The school's time zone."""
    return _kept()[0]


def term_start(day: dt.date) -> dt.date | None:
    """The first day of the newest term that has begun by this day; None before the first."""
    starts = _kept()[1]
    begun = bisect_right(starts, day)
    return starts[begun - 1] if begun else None


def next_term_start(day: dt.date) -> dt.date | None:
    """The first day of the next term after this day; None when it is not written down."""
    starts = _kept()[1]
    begun = bisect_right(starts, day)
    return starts[begun] if begun < len(starts) else None


def forget() -> None:
    """Read anew the next time."""
    _read.cache_clear()
