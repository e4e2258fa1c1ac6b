"""Sums of hours and days are what the ledger says, however often, late, and by however many they are made."""

import datetime as dt
import threading
import uuid
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model, Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from monitoring import audit, figures, periods, rollups
from monitoring.models import (
    NOBODY,
    DailyUsage,
    DailyUserUsage,
    HourlyLatency,
    HourlyUsage,
    RolledUp,
)
from monitoring.tasks import roll_up as roll_up_task
from monitoring.tests.ledger import SECTION, ago, noon_of, school_in, settled

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.usefixtures("noon")]
KEPT: tuple[type[Model], ...] = (HourlyUsage, DailyUsage, DailyUserUsage, HourlyLatency)


def kept() -> list[tuple[Any, ...]]:
    """Every row that is kept, without its number."""
    rows: list[tuple[Any, ...]] = []
    for model in KEPT:
        names = [field.name for field in model._meta.fields if field.name != "id"]
        rows += [(model.__name__, *row) for row in model._default_manager.values_list(*names)]
    return sorted(rows, key=str)


def forget() -> None:
    """Throw away everything that is kept."""
    for model in KEPT:
        model._default_manager.all().delete()
    RolledUp.objects.all().delete()


def breaches() -> list[str]:
    """What the auditor says of hours and days."""
    return audit.check_rollups().breaches


def test_an_hour_and_its_day_are_the_sums_of_what_was_settled_in_them() -> None:
    for outcome in ("complete", "failed", "interrupted"):
        settled(noon_of(1), outcome=outcome, section_uuid=SECTION, estimated=outcome == "interrupted")
    settled(noon_of(1), cache_read_tokens=7, cache_write_tokens=3)
    settled(noon_of(1) + dt.timedelta(hours=2), section_uuid=SECTION)
    settled(noon_of(1), kind="trial")
    assert rollups.roll_up()
    hour = HourlyUsage.objects.get(section_uuid=SECTION, starts_at=noon_of(1))
    assert (hour.attempts, hour.failures, hour.estimated) == (3, 2, 1)
    assert (hour.input_tokens, hour.output_tokens, hour.cost_microusd, hour.total_ms) == (300, 30, 15, 2_700)
    day = DailyUsage.objects.get(section_uuid=SECTION)
    assert (day.attempts, day.cost_microusd) == (4, 20)
    other = DailyUsage.objects.get(kind="turn", section_uuid=NOBODY)
    assert (other.cache_read_tokens, other.cache_write_tokens) == (7, 3)
    assert DailyUsage.objects.filter(kind="trial").exists()


def test_a_conversation_and_a_reply_count_once_where_their_first_attempt_was_settled() -> None:
    talk, reply = uuid.uuid4(), uuid.uuid4()
    settled(noon_of(1), session_uuid=talk, message_uuid=reply, outcome="failed")
    settled(noon_of(1), session_uuid=talk, message_uuid=reply, model="other")
    settled(noon_of(1) + dt.timedelta(hours=1), session_uuid=talk, message_uuid=uuid.uuid4())
    settled(noon_of(0) - dt.timedelta(hours=11), session_uuid=talk, message_uuid=uuid.uuid4())
    rollups.roll_up()
    of_first_hour = HourlyUsage.objects.filter(starts_at=noon_of(1)).aggregate(Sum("sessions"), Sum("messages"))
    assert set(of_first_hour.values()) == {1}
    totals = DailyUsage.objects.aggregate(sessions=Sum("sessions"), messages=Sum("messages"))
    shown = figures.usage_between(periods.today() - dt.timedelta(days=1), periods.today())[()]
    assert (totals["sessions"], shown["sessions"], shown["messages"], shown["attempts"]) == (1, 1, 3, 4)


def test_people_have_their_sums_by_day_and_nobody_those_of_nobody(student: User) -> None:
    settled(noon_of(1), user=student)
    settled(noon_of(1), user=student)
    settled(noon_of(1))
    settled(ago(seconds=1), user=student)
    rollups.roll_up()
    rows = dict(DailyUserUsage.objects.values_list("user_uuid", "cost_microusd"))
    assert rows == {student.pk: 10, NOBODY: 5}
    shown = figures.usage_between(periods.today() - dt.timedelta(days=1), periods.today(), "user_uuid")
    assert {key[0]: row["cost_microusd"] for key, row in shown.items()} == {student.pk: 15, NOBODY: 5}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"])
def test_hours_and_days_are_those_of_the_school(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    school_in(monkeypatch, zone)
    yesterday = periods.today() - dt.timedelta(days=1)
    start, end = periods.bounds(yesterday)
    for moment in (start - dt.timedelta(microseconds=1), start, end - dt.timedelta(microseconds=1)):
        settled(moment)
    rollups.roll_up()
    assert DailyUsage.objects.get(day=yesterday).attempts == 2
    assert sum(row.attempts for row in DailyUsage.objects.all()) == 3
    assert HourlyUsage.objects.filter(starts_at=start).exists()


def test_the_open_hour_comes_from_the_ledger_and_shows_at_once() -> None:
    settled(timezone.now())
    rollups.roll_up()
    assert not HourlyUsage.objects.exists()
    assert figures.today_so_far()["attempts"] == 1


def test_figures_are_right_where_no_worker_ever_ran() -> None:
    settled(noon_of(9), first_text_ms=400)
    settled(noon_of(1), model="other", section_uuid=SECTION, first_text_ms=40)
    settled(ago(seconds=1), first_text_ms=4_000_000)
    first, last = periods.today() - dt.timedelta(days=30), periods.today()
    by_day = figures.usage_between(first, last, "day", "model")
    by_hour = figures.usage_by_hour(periods.bounds(first)[0], periods.bounds(last)[1], "section_uuid")
    waits = figures.latency_by_day(first, last)
    assert not RolledUp.objects.exists()
    rollups.roll_up()
    assert RolledUp.objects.exists()
    assert figures.usage_between(first, last, "day", "model") == by_day
    assert figures.usage_by_hour(periods.bounds(first)[0], periods.bounds(last)[1], "section_uuid") == by_hour
    assert figures.latency_by_day(first, last) == waits
    assert [sum(counts.values()) for counts in waits.values()] == [1, 1, 1]


def test_what_was_settled_late_is_added_by_a_second_look_at_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = noon_of(1)
    settled(moment)
    monkeypatch.setattr(timezone, "now", lambda: moment + dt.timedelta(hours=1, minutes=1))
    rollups.roll_up()
    settled(moment + dt.timedelta(minutes=59))
    rollups.roll_up()
    assert HourlyUsage.objects.get().attempts == 1
    monkeypatch.setattr(timezone, "now", lambda: moment + dt.timedelta(hours=1, minutes=11))
    assert rollups.roll_up() == 1
    assert HourlyUsage.objects.get().attempts == 2
    assert rollups.roll_up() == 0, "what has been added up for good is left alone"


def test_after_a_long_pause_everything_is_caught_up_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    settled(noon_of(9))
    settled(noon_of(6))
    monkeypatch.setattr(rollups, "RUN_SECONDS", 0.0)
    runs = 0
    while rollups.roll_up():
        runs += 1
    assert runs == 10, "a day each, the last one first, from the first settlement to today"
    assert DailyUsage.objects.count() == 2
    assert not breaches()


def test_a_rebuild_puts_right_whatever_was_changed() -> None:
    for days in (12, 3, 1):
        settled(noon_of(days), first_text_ms=100)
    rollups.roll_up()
    right = kept()
    old, new = periods.today() - dt.timedelta(days=12), periods.today() - dt.timedelta(days=1)
    DailyUsage.objects.filter(day=old).update(cost_microusd=1)
    DailyUsage.objects.filter(day=new).delete()
    HourlyUsage.objects.filter(starts_at=noon_of(3)).update(attempts=9)
    HourlyLatency.objects.filter(starts_at=noon_of(3)).delete()
    for day in (old - dt.timedelta(days=1), old, periods.today() + dt.timedelta(days=2)):
        DailyUsage.objects.create(day=day, model="nobody's", kind="turn", attempts=3)
    HourlyUsage.objects.create(starts_at=noon_of(-1), model="nobody's", kind="turn")
    assert breaches()
    rollups.rebuild_day(new)
    assert DailyUsage.objects.get(day=new).attempts == 1
    assert DailyUsage.objects.get(day=old, model="m").cost_microusd == 1
    list(rollups.rebuild())
    assert kept() == right
    assert not breaches()


def test_without_any_use_figures_are_zero() -> None:
    assert rollups.roll_up() == 0
    assert list(rollups.rebuild())
    assert set(figures.today_so_far().values()) == {0}
    assert figures.usage_between(periods.today(), periods.today() - dt.timedelta(days=3)) == {}


def test_only_what_is_asked_for_is_counted() -> None:
    settled(noon_of(1), session_uuid=uuid.uuid4())
    day = periods.today() - dt.timedelta(days=1)
    assert figures.usage_between(day, day, only=["attempts"]) == {(): {"attempts": 1}}
    assert figures.usage_between(day, day, "kind", only=["sessions"]) == {("turn",): {"sessions": 1}}


def test_the_auditor_names_an_hour_and_a_day_that_differ_from_the_ledger(student: User) -> None:
    settled(noon_of(1), user=student)
    rollups.roll_up()
    assert not breaches()
    HourlyUsage.objects.update(cost_microusd=6)
    assert len(breaches()) == 2, "the hour, and the day that is not the sum of its hours any more"
    HourlyUsage.objects.update(cost_microusd=5)
    DailyUserUsage.objects.all().delete()
    (missing,) = breaches()
    assert str(student.pk) in missing
    assert missing.endswith("is missing")
    list(rollups.rebuild())
    HourlyUsage.objects.create(starts_at=noon_of(1), model="more", kind="turn")
    assert any("should not be" in breach for breach in breaches())


def test_the_task_of_beat_rolls_up(settings: Any) -> None:
    settled(noon_of(1))
    roll_up_task()
    assert DailyUsage.objects.count() == 1
    assert settings.CELERY_BEAT_SCHEDULE["roll-up"]["task"] == "monitoring.roll_up"


def test_the_command_rebuilds_and_says_how_much(capsys: pytest.CaptureFixture[str]) -> None:
    settled(noon_of(1))
    call_command("rebuild_figures", "--since", str(periods.today() - dt.timedelta(days=1)))
    assert "hours and days: " in capsys.readouterr().out
    assert DailyUsage.objects.count() == 1


ENTRIES = st.lists(
    st.tuples(
        st.just(0.0) | st.floats(60, 4 * 86_400),
        st.sampled_from(["m", "n"]),
        st.sampled_from([None, SECTION]),
        st.integers(0, 1_000_000),
        st.sampled_from(["complete", "failed"]),
        st.sampled_from([uuid.UUID(int=1), uuid.UUID(int=2), None]),
    ),
    max_size=12,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(entries=ENTRIES, half=st.integers(0, 12))
def test_twice_or_in_halves_it_comes_to_the_same_rows_and_their_sums_are_the_ledgers(
    entries: list[tuple[float, str, uuid.UUID | None, int, str, uuid.UUID | None]], half: int
) -> None:
    oldest_first = sorted(entries, key=lambda entry: -entry[0])
    with transaction.atomic():
        for part in (oldest_first[:half], oldest_first[half:]):
            for seconds, model, section, cost, outcome, talk in part:
                settled(
                    ago(seconds=seconds),
                    model=model,
                    section_uuid=section,
                    cost_microusd=cost,
                    outcome=outcome,
                    session_uuid=talk,
                )
            list(rollups.rebuild())
        once = kept()
        list(rollups.rebuild())
        assert kept() == once
        forget()
        rollups.roll_up()
        assert kept() == once
        assert not breaches()
        today = periods.today()
        shown = figures.usage_between(today - dt.timedelta(days=5), today).get((), {})
        assert shown.get("cost_microusd", 0) == sum(entry[3] for entry in entries)
        assert shown.get("attempts", 0) == len(entries)
        assert shown.get("failures", 0) == sum(entry[4] == "failed" for entry in entries)
        assert shown.get("sessions", 0) == len({entry[5] for entry in entries if entry[5]})
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_delivered_many_times_at_once_the_task_leaves_the_same_rows_as_once() -> None:
    for number in range(30):
        settled(noon_of(1), model=f"m{number % 10}", section_uuid=uuid.UUID(int=number % 3 + 1))
        settled(ago(minutes=2), model=f"m{number % 10}")
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _round in range(3):
                roll_up_task()
                rollups.rebuild_day(periods.today() - dt.timedelta(days=1))
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
    together = kept()
    forget()
    rollups.roll_up()
    assert together == kept()
