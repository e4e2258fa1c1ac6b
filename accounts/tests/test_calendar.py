"""The school's time zone and terms reach whoever counts by school days."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts import calendar
from accounts.models import School, Term
from monitoring import periods

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A monotonic clock that the test sets."""
    now = [1_000.0]
    monkeypatch.setattr("accounts.calendar.time.monotonic", lambda: now[0])
    return now


def test_a_school_day_is_counted_in_the_schools_time_zone(school: School) -> None:
    School.objects.update(time_zone="Asia/Kolkata")
    assert periods.bounds(dt.date(2026, 5, 2))[0] == dt.datetime(2026, 5, 1, 18, 30, tzinfo=dt.UTC)


def test_before_the_school_is_set_up_days_are_those_of_utc() -> None:
    assert periods.today() == timezone.now().date()


def test_a_changed_time_zone_is_seen_within_seconds_without_reading_it_for_each_message(
    school: School, clock: list[float], django_assert_num_queries: Any
) -> None:
    moment = dt.datetime(2026, 5, 1, 20, tzinfo=dt.UTC)
    with django_assert_num_queries(2):
        assert periods.day_of(moment) == periods.day_of(moment) == dt.date(2026, 5, 1)
    School.objects.update(time_zone="Asia/Kolkata")
    clock[0] += calendar.KEPT_SECONDS
    assert periods.day_of(moment) == dt.date(2026, 5, 2)


def test_a_term_begins_when_the_school_says(school: School) -> None:
    Term.objects.create(name="Spring", starts_on=dt.date(2026, 1, 12), ends_on=dt.date(2026, 5, 29))
    Term.objects.create(name="Autumn", starts_on=dt.date(2026, 8, 24), ends_on=dt.date(2026, 12, 18))
    assert periods.start_of("term", dt.date(2026, 7, 1)) == dt.date(2026, 1, 12)
    assert periods.next_start("term", dt.date(2026, 7, 1)) == dt.date(2026, 8, 24)
    assert periods.start_of("term", dt.date(2026, 8, 24)) == dt.date(2026, 8, 24)
    assert periods.next_start("term", dt.date(2026, 8, 24)) is None
    assert periods.start_of("term", dt.date(2026, 1, 11)) == dt.date(2026, 1, 1)
