"""Days, months and terms as the school counts them; the apps above say which time zone and which terms."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import timezone

DAY, MONTH, TERM = "day", "month", "term"
UTC = ZoneInfo("UTC")
HOUR = dt.timedelta(hours=1)


def _no_term(day: dt.date) -> dt.date | None:
    return None


@dataclass(slots=True)
class _Calendar:
    zone: Callable[[], ZoneInfo] = lambda: UTC
    term_start: Callable[[dt.date], dt.date | None] = _no_term
    next_term_start: Callable[[dt.date], dt.date | None] = _no_term


_calendar = _Calendar()


def register(
    *,
    zone: Callable[[], ZoneInfo],
    term_start: Callable[[dt.date], dt.date | None] = _no_term,
    next_term_start: Callable[[dt.date], dt.date | None] = _no_term,
) -> None:
    """Say at start-up how the school counts time; until then days are those of UTC, and there are no terms.

    term_start: the first day of the newest term that has begun by that day, None before the first one.
    next_term_start: the first day of the next term after that day, None when nobody has written it down yet.
    They are asked for each message, so whoever registers keeps what they read for a few seconds.
    """
    _calendar.zone, _calendar.term_start, _calendar.next_term_start = zone, term_start, next_term_start


def day_of(moment: dt.datetime) -> dt.date:
    """The school day that this moment (aware) belongs to."""
    return moment.astimezone(_calendar.zone()).date()


def today() -> dt.date:
    """The school day that it is now."""
    return day_of(timezone.now())


def start_of(period: str, day: dt.date) -> dt.date:
    """The first day of the day, month or term that this day belongs to.

    A term lasts until the next one begins, holidays included, so that no day is without a budget. Before the first
    term, and where a school wrote down none, a term is a half of the year: it begins on 1 January or 1 July.
    """
    if period == DAY:
        return day
    if period == MONTH:
        return day.replace(day=1)
    if period == TERM:
        return _calendar.term_start(day) or _half_year(day)
    raise ValueError(f"Unknown period: {period}")


def next_start(period: str, day: dt.date) -> dt.date | None:
    """The first day of the period after the one that this day belongs to; None when the next term is not known."""
    if period == DAY:
        return day + dt.timedelta(days=1)
    if period == MONTH:
        return (day.replace(day=1) + dt.timedelta(days=31)).replace(day=1)
    if period == TERM:
        following = _calendar.next_term_start(day)
        if _calendar.term_start(day):
            return following
        half = _half_year(_half_year(day) + dt.timedelta(days=190))
        return min(following, half) if following else half
    raise ValueError(f"Unknown period: {period}")


def bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """When this school day begins and ends, in aware UTC: 23 or 25 hours apart where the clocks change."""
    return _midnight(day), _midnight(day + dt.timedelta(days=1))


def hours(day: dt.date) -> list[tuple[dt.datetime, dt.datetime]]:
    """When each hour of this school day begins and ends, in aware UTC, counted from the school's midnight.

    There are 24 of them, 23 or 25 where the clocks change; where they change by half an hour, the last one is short.
    """
    start, end = bounds(day)
    found = []
    while start < end:
        following = min(start + HOUR, end)
        found.append((start, following))
        start = following
    return found


def hour_of_day() -> int:
    """Which of the `hours` of this school day it is now, from 0: each comes once, also where the clocks change."""
    now = timezone.now()
    return (now - bounds(day_of(now))[0]) // HOUR


def zone_name() -> str:
    """By which time zone days are counted now."""
    return _calendar.zone().key


def _half_year(day: dt.date) -> dt.date:
    return day.replace(month=1 if day.month < 7 else 7, day=1)


def _midnight(day: dt.date) -> dt.datetime:
    # Where the clocks skip midnight, fold 0 reads it by the hour before: that is the moment of the change itself.
    return dt.datetime.combine(day, dt.time(), _calendar.zone()).astimezone(dt.UTC)
