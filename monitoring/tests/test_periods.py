"""Days, months and terms are those of the school, through both clock changes."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import periods

ZONES = ["UTC", "America/Chicago", "America/Santiago", "Europe/Madrid", "Asia/Kolkata", "Asia/Beirut", "Pacific/Apia"]
TERMS = [dt.date(2026, 1, 12), dt.date(2026, 8, 24)]
days = st.dates(dt.date(2010, 1, 1), dt.date(2040, 12, 31))
zones = st.sampled_from(ZONES)


def term_start(day: dt.date) -> dt.date | None:
    return max((start for start in TERMS if start <= day), default=None)


def next_term_start(day: dt.date) -> dt.date | None:
    return min((start for start in TERMS if start > day), default=None)


@pytest.fixture(autouse=True)
def own_calendar() -> Iterator[None]:
    """A calendar for the test, and the school's again after it."""
    kept = periods._calendar
    periods._calendar = periods._Calendar()
    yield
    periods._calendar = kept


def live_in(zone: str) -> None:
    periods.register(zone=lambda: ZoneInfo(zone))


def hours(day: dt.date) -> float:
    begins, ends = periods.bounds(day)
    return (ends - begins).total_seconds() / 3600


def test_a_day_is_23_hours_long_in_spring_25_in_autumn_and_24_otherwise() -> None:
    live_in("America/Chicago")
    assert hours(dt.date(2026, 3, 8)) == 23
    assert hours(dt.date(2026, 11, 1)) == 25
    assert hours(dt.date(2026, 11, 2)) == 24
    assert periods.bounds(dt.date(2026, 3, 8)) == (
        dt.datetime(2026, 3, 8, 6, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 9, 5, tzinfo=dt.UTC),
    )


def test_a_day_whose_midnight_the_clocks_skip_begins_when_they_change() -> None:
    live_in("America/Santiago")
    assert periods.bounds(dt.date(2026, 9, 6))[0] == dt.datetime(2026, 9, 6, 4, tzinfo=dt.UTC)
    assert hours(dt.date(2026, 9, 6)) == 23


@given(days, zones)
def test_days_follow_each_other_without_a_gap_and_without_an_overlap(day: dt.date, zone: str) -> None:
    live_in(zone)
    begins, ends = periods.bounds(day)
    assert begins <= ends == periods.bounds(day + dt.timedelta(days=1))[0]
    assert begins.utcoffset() == dt.timedelta(0)


@given(st.integers(1_262_304_000, 2_240_524_800).map(lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC)), zones)
def test_every_moment_belongs_to_the_one_day_whose_bounds_hold_it(moment: dt.datetime, zone: str) -> None:
    live_in(zone)
    begins, ends = periods.bounds(periods.day_of(moment))
    assert begins <= moment < ends


def test_today_is_the_schools_day_and_not_that_of_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: dt.datetime(2026, 11, 21, 3, tzinfo=dt.UTC))
    assert periods.today() == dt.date(2026, 11, 21)
    live_in("America/Chicago")
    assert periods.today() == dt.date(2026, 11, 20)


@given(days, st.sampled_from([*ZONES, "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Helsinki"]), st.integers(17, 27))
def test_what_is_asked_every_hour_finds_each_hour_of_the_night_once_a_day(day: dt.date, zone: str, minute: int) -> None:
    live_in(zone)
    asked = [dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) + n * periods.HOUR for n in range(-24, 48)]
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for moment in asked:
            patch.setattr("django.utils.timezone.now", lambda now=moment + dt.timedelta(minutes=minute): now)
            found.append((periods.today(), periods.hour_of_day()))
    # Samoa once had no such day.
    assert [found.count((day, hour)) for hour in (3, 4)] == ([1, 1] if periods.hours(day) else [0, 0])


@given(days, st.sampled_from(["day", "month", "term"]), st.booleans())
def test_a_period_begins_by_its_days_and_ends_before_the_next(day: dt.date, period: str, terms: bool) -> None:
    if terms:
        periods.register(zone=lambda: periods.UTC, term_start=term_start, next_term_start=next_term_start)
    else:
        live_in("UTC")
    start, following = periods.start_of(period, day), periods.next_start(period, day)
    assert start <= day
    assert periods.start_of(period, start) == start
    if following:
        assert day < following
        assert periods.start_of(period, following) == following
        assert periods.start_of(period, following - dt.timedelta(days=1)) == start


def test_a_term_lasts_until_the_next_one_and_is_half_a_year_before_the_first() -> None:
    assert periods.start_of("term", dt.date(2026, 6, 30)) == dt.date(2026, 1, 1)
    assert periods.next_start("term", dt.date(2026, 7, 1)) == dt.date(2027, 1, 1)
    periods.register(zone=lambda: periods.UTC, term_start=term_start, next_term_start=next_term_start)
    assert periods.start_of("term", dt.date(2026, 7, 15)) == TERMS[0]
    assert periods.next_start("term", dt.date(2026, 7, 15)) == TERMS[1]
    assert periods.next_start("term", dt.date(2026, 9, 1)) is None
    assert periods.start_of("term", dt.date(2026, 1, 5)) == dt.date(2026, 1, 1)
    assert periods.next_start("term", dt.date(2026, 1, 5)) == TERMS[0]


def test_an_unknown_period_is_refused() -> None:
    with pytest.raises(ValueError, match="week"):
        periods.start_of("week", dt.date(2026, 1, 1))
    with pytest.raises(ValueError, match="week"):
        periods.next_start("week", dt.date(2026, 1, 1))
