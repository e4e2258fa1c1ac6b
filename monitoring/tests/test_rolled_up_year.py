"""A whole year of sums is that of the ledger, by any clock; once for all databases, since it takes its time."""

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Sum
from django.utils import timezone

from monitoring import audit, figures, periods, rollups
from monitoring.models import DailyUsage, DailyUserUsage, LedgerEntry
from monitoring.tests.ledger import SECTION, school_in, settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def test_a_year_in_any_zone_adds_up_to_the_micro_dollar_with_both_clock_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(20_261)
    school_in(monkeypatch, "Europe/Madrid")
    now = timezone.now()
    year = dt.timedelta(days=366)
    moments = [now - year * chance.random() for _ in range(60)]
    changes = [
        dt.datetime(
            now.year - back, month, 31 - (dt.date(now.year - back, month, 31).weekday() + 1) % 7, 1, tzinfo=dt.UTC
        )
        for back in (0, 1)
        for month in (3, 10)
    ]
    around = [dt.timedelta(seconds=seconds) for seconds in (-3_601, -1, 0, 1_800, 3_599, 3_600)]
    moments += [at + by for at in changes for by in around if now - year < at + by < now]
    for moment in moments:
        cost = chance.randrange(1_000_000_000)
        settled(moment, cost_microusd=cost, section_uuid=chance.choice([None, SECTION]), first_text_ms=cost % 90_000)
    total = LedgerEntry.objects.aggregate(sum=Sum("cost_microusd"))["sum"]
    monkeypatch.setattr(rollups, "RUN_SECONDS", 600.0)
    for zone in ("Europe/Madrid", "Asia/Kathmandu"):
        school_in(monkeypatch, zone)
        first, last = periods.day_of(now - year), periods.today()
        from_ledger = figures.usage_between(first, last, "day")
        # Of another zone nothing that is kept is used, until it was added up anew.
        assert sum(row["cost_microusd"] for row in from_ledger.values()) == total
        rollups.roll_up()
        by_day = figures.usage_between(first, last, "day")
        assert by_day == from_ledger
        by_hour = figures.usage_by_hour(periods.bounds(first)[0], periods.bounds(last)[1])
        assert sum(row["cost_microusd"] for row in by_hour.values()) == total
        of_days: dict[dt.date, int] = {}
        for (starts_at,), row in by_hour.items():
            day = starts_at.astimezone(ZoneInfo(zone)).date()
            of_days[day] = of_days.get(day, 0) + row["cost_microusd"]
        assert of_days == {day: row["cost_microusd"] for (day,), row in by_day.items()}
        kept_days = DailyUsage.objects.filter(day__lt=last).aggregate(sum=Sum("cost_microusd"))["sum"]
        today = by_day.get((last,), {"cost_microusd": 0})["cost_microusd"]
        assert kept_days + today == total
        people = DailyUserUsage.objects.filter(day__lt=last).aggregate(sum=Sum("cost_microusd"))["sum"]
        assert people == kept_days
    assert not audit.check_rollups().breaches
