"""Day figures are what the ledger says, however often and by however many they are derived."""

import datetime as dt
import threading
import uuid
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring import figures, periods, pricing
from monitoring.models import NOBODY, DailyUsage, LedgerEntry, Reservation
from monitoring.tasks import tally as tally_task

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
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
    return timezone.now() - dt.timedelta(**time)


def rows() -> list[tuple[Any, ...]]:
    """The day rows without their moment, which moves on."""
    named = ("day", "model", "kind", "section_uuid", *figures.COUNTED)
    return sorted(DailyUsage.objects.values_list(*named))


def noon_of(days_ago: int) -> dt.datetime:
    return periods.bounds(periods.today() - dt.timedelta(days=days_ago))[0] + NOON


def test_a_day_row_is_the_sum_of_what_was_settled_on_that_day() -> None:
    for outcome in ("complete", "failed", "interrupted"):
        settled(noon_of(1), outcome=outcome, section_uuid=SECTION, estimated=outcome == "interrupted")
    settled(noon_of(1), cache_read_tokens=7, cache_write_tokens=3)
    settled(noon_of(1), kind="trial")
    assert figures.tally() == 3
    row = DailyUsage.objects.get(section_uuid=SECTION)
    assert (row.attempts, row.failures, row.estimated) == (3, 2, 1)
    assert (row.input_tokens, row.output_tokens, row.cost_microusd, row.total_ms) == (300, 30, 15, 2_700)
    assert row.through == periods.bounds(row.day)[1]
    other = DailyUsage.objects.get(kind="turn", section_uuid=NOBODY)
    assert (other.cache_read_tokens, other.cache_write_tokens) == (7, 3)


def test_days_are_those_of_the_school(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoneinfo import ZoneInfo

    monkeypatch.setattr(periods._calendar, "zone", lambda: ZoneInfo("Pacific/Auckland"))
    start, end = periods.bounds(periods.today() - dt.timedelta(days=1))
    for moment in (start - dt.timedelta(microseconds=1), start, end - dt.timedelta(microseconds=1)):
        settled(moment)
    figures.tally()
    assert DailyUsage.objects.get(day=periods.today() - dt.timedelta(days=1)).attempts == 2
    assert sum(row.attempts for row in DailyUsage.objects.all()) == 3


def test_what_was_settled_a_moment_ago_waits_for_the_next_tally_and_shows_all_the_same() -> None:
    settled(timezone.now())
    assert figures.tally() == 0
    assert figures.today_so_far()["attempts"] == 1


def test_a_tally_after_a_long_pause_catches_up_on_every_day() -> None:
    settled(noon_of(9))
    settled(noon_of(6))
    figures.tally()
    assert DailyUsage.objects.count() == 2
    settled(noon_of(6), section_uuid=SECTION)
    settled(noon_of(5))
    figures.tally()
    assert DailyUsage.objects.count() == 4
    assert figures.tally() == 1, "days that were counted to their end are left alone"


def test_what_is_shown_is_exact_to_the_last_settlement() -> None:
    settled(noon_of(1))
    settled(noon_of(1), section_uuid=SECTION)
    figures.tally()
    today = periods.today()
    DailyUsage.objects.filter(section_uuid=NOBODY).update(through=noon_of(1))
    settled(noon_of(1) + dt.timedelta(hours=1))
    settled(noon_of(1) + dt.timedelta(hours=1), model="other")
    settled(timezone.now(), section_uuid=SECTION)
    yesterday = today - dt.timedelta(days=1)
    by_day = figures.usage_between(yesterday, today, "day")
    assert {key: row["attempts"] for key, row in by_day.items()} == {(yesterday,): 4, (today,): 1}
    by_scope = figures.usage_between(yesterday, today, "section_uuid", "model")
    expected = {(NOBODY, "m"): 2, (SECTION, "m"): 2, (NOBODY, "other"): 1}
    assert {key: row["attempts"] for key, row in by_scope.items()} == expected
    assert figures.usage_between(yesterday, yesterday)[()]["cost_microusd"] == 20
    assert figures.usage_between(yesterday - dt.timedelta(days=5), yesterday - dt.timedelta(days=1)) == {}
    assert figures.today_so_far()["output_tokens"] == 10


def test_without_any_use_figures_are_zero() -> None:
    assert figures.tally() == 0
    assert list(figures.rebuild()) == [0]
    assert set(figures.today_so_far().values()) == {0}


def test_a_rebuild_puts_right_whatever_was_changed() -> None:
    for days in (40, 3, 1):
        settled(noon_of(days))
    figures.tally()
    right = rows()
    assert len(right) == 3
    old, new = periods.today() - dt.timedelta(days=40), periods.today() - dt.timedelta(days=1)
    DailyUsage.objects.filter(day=old).update(cost_microusd=1)
    DailyUsage.objects.filter(day=new).delete()
    for day in (old - dt.timedelta(days=1), old, periods.today() + dt.timedelta(days=2)):
        DailyUsage.objects.create(day=day, model="nobody's", kind="turn", attempts=3, through=timezone.now())
    list(figures.rebuild(since=new))
    assert len(rows()) == 5
    list(figures.rebuild())
    assert rows() == right


def test_the_task_of_beat_tallies(settings: Any) -> None:
    settled(noon_of(1))
    tally_task()
    assert len(rows()) == 1
    beat = settings.CELERY_BEAT_SCHEDULE["tally"]
    assert (beat["task"], beat["options"]["expires"]) == ("monitoring.tally", settings.TALLY_SECONDS)


def test_the_command_rebuilds_and_says_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    settled(noon_of(1))
    call_command("rebuild_figures")
    assert "days: 1 rows" in capsys.readouterr().out
    call_command("rebuild_figures", "--since", str(periods.today()))
    assert "days: 0 rows" in capsys.readouterr().out
    assert len(rows()) == 1


def test_the_command_counts_up_where_a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    settled(noon_of(1))
    screen = Terminal()
    call_command("rebuild_figures", stdout=screen, no_color=True)
    assert "days: 1\r" in screen.getvalue()


ENTRIES = st.lists(
    st.tuples(
        st.just(0.0) | st.floats(60, 4 * 86_400),
        st.sampled_from(["m", "n"]),
        st.sampled_from([None, SECTION]),
        st.integers(0, 1_000_000),
        st.sampled_from(["complete", "failed"]),
    ),
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, half=st.integers(0, 12))
def test_twice_or_in_halves_a_tally_comes_to_the_same_rows_and_their_sums_are_the_ledgers(
    entries: list[tuple[float, str, uuid.UUID | None, int, str]], half: int
) -> None:
    oldest_first = sorted(entries, key=lambda entry: -entry[0])
    with transaction.atomic():
        for part in (oldest_first[:half], oldest_first[half:]):
            for seconds, model, section, cost, outcome in part:
                settled(ago(seconds=seconds), model=model, section_uuid=section, cost_microusd=cost, outcome=outcome)
            figures.tally(days=5)
        once = rows()
        figures.tally(days=5)
        assert rows() == once
        DailyUsage.objects.all().delete()
        figures.tally(days=5)
        assert rows() == once
        today = periods.today()
        shown = figures.usage_between(today - dt.timedelta(days=5), today).get((), {})
        assert shown.get("cost_microusd", 0) == sum(entry[3] for entry in entries)
        assert shown.get("attempts", 0) == len(entries)
        assert shown.get("failures", 0) == sum(entry[4] == "failed" for entry in entries)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_tallies_at_once_leave_the_same_rows_as_one() -> None:
    for number in range(30):
        settled(noon_of(1), model=f"m{number % 10}", section_uuid=uuid.UUID(int=number % 3 + 1))
        settled(ago(minutes=2), model=f"m{number % 10}")
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _round in range(3):
                tally_task()
        except Exception as failure:  # noqa: BLE001  (the test tells of it)
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    together = rows()
    DailyUsage.objects.all().delete()
    figures.tally()
    assert together == rows()
