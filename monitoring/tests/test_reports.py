"""Health has a history, what nobody looked at is unknown, and operators are told once of each occasion."""

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import User
from monitoring import health, heartbeats, reports
from monitoring.health import Check
from monitoring.models import Alert, Breaker, HealthReport, Heartbeat, LedgerEntry
from monitoring.tests.conftest import Crowd
from monitoring.tests.ledger import ago, settled

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _own_checks() -> Iterator[None]:
    before = dict(health._checks)
    yield
    health._checks.clear()
    health._checks.update(before)


def said(text: str = "", **how: Any) -> Check:
    return Check("pump", lambda: text, **how)


def age(minutes: float) -> None:
    """Let so much time go by for everything that is written down."""
    by = minutes * MINUTE
    for row in HealthReport.objects.all():
        HealthReport.objects.filter(pk=row.pk).update(since=row.since - by, seen_at=row.seen_at - by)
    for alert in Alert.objects.all():
        Alert.objects.filter(pk=alert.pk).update(created_at=alert.created_at - by)


def minutes(text: str, count: int, **how: Any) -> None:
    """A check says the same for so many minutes."""
    for _ in range(count):
        reports.record(said(**how), text)
        age(1)


def now() -> dict[str, reports.Current]:
    return {one.name: one for one in reports.current()}


def test_while_a_check_says_the_same_there_is_one_row_and_a_new_one_when_it_changes() -> None:
    minutes("", 3)
    minutes("leaks", 2)
    minutes("", 1)
    rows = list(HealthReport.objects.order_by("since"))
    assert [(row.is_ok, row.text, row.is_current) for row in rows] == [
        (True, "", False),
        (False, "leaks", False),
        (True, "", True),
    ]
    assert rows[0].seen_at - rows[0].since >= 2 * MINUTE
    assert str(rows[1]) == "pump leaks"
    assert [row.text for row in reports.history(timezone.now() - 4 * MINUTE, at_most=9)] == ["", "leaks"]
    assert len(reports.history(timezone.now() - MINUTE * 60, at_most=9)) == 3
    assert [row.text for row in reports.history(timezone.now() - MINUTE * 60, at_most=1)] == [""]


def test_a_stretch_that_nobody_looked_at_belongs_to_no_row() -> None:
    minutes("", 1)
    age(30)
    minutes("", 1)
    assert HealthReport.objects.count() == 2


@pytest.mark.several_writers
@pytest.mark.servers
def test_many_who_look_at_once_leave_one_row(crowd: Crowd) -> None:
    def look(number: int) -> bool:
        reports.record(said(), "leaks" if number >= 8 else "")
        return True

    crowd(look, 8)
    assert HealthReport.objects.count() == 1
    crowd(lambda number: look(number + 8), 8)
    assert HealthReport.objects.count() == 2
    assert HealthReport.objects.filter(is_current=True).count() == 1


def test_what_nobody_looked_at_lately_is_unknown_and_not_in_order() -> None:
    assert now()["database"].is_ok is None
    assert now()["database"].seen_at is None
    reports.check_health()
    assert now()["database"].is_ok is True
    assert now()["workers"].is_ok is False
    assert now()["books"].is_ok is None
    age(4)
    assert now()["database"].is_ok is None
    assert now()["database"].seen_at is not None


def test_every_check_that_is_kept_is_looked_at_and_what_one_process_alone_knows_is_not(settings: Any) -> None:
    settings.MODELS, settings.FALLBACK_MODELS = ["claude-haiku-5-5"], []
    health.register("here", lambda: "", kept=False)
    reports.check_health()
    names = set(HealthReport.objects.values_list("name", flat=True))
    assert names >= {
        "database", "cache", "worker", "workers", "schedule", "web", "disk", "channel layer", "first text", "turns",
        "provider: claude-haiku-5-5",
    }  # fmt: skip
    assert not names & {"here", "serving"}
    assert HealthReport.objects.get(name="channel layer").text == "not used"


def test_a_provider_is_described_in_words_that_stay_the_same_while_the_fault_does(settings: Any) -> None:
    settings.MODELS, settings.ANTHROPIC_API_KEY = ["claude-haiku-5-5"], "a-key-of-some-length"
    provider = "api.anthropic.com"
    row = Breaker.objects.create(provider=provider, model="claude-haiku-5-5", state="open", last_fault="overloaded")
    reports.check_health(["provider: claude-haiku-5-5"])
    Breaker.objects.filter(pk=row.pk).update(state="half_open")
    reports.check_health(["provider: claude-haiku-5-5"])
    report = HealthReport.objects.get()
    assert (report.is_ok, report.text) == (False, "does not answer: overloaded")
    waits = timezone.now() + MINUTE
    Breaker.objects.filter(pk=row.pk).update(state="closed", wait_until=waits)
    reports.check_health(["provider: claude-haiku-5-5"])
    assert HealthReport.objects.get(is_current=True).text == "asks everyone to wait"
    assert not Alert.objects.exists()


def test_operators_are_told_when_something_does_not_answer_for_more_than_three_minutes() -> None:
    minutes("leaks", 3)
    assert not Alert.objects.exists()
    minutes("leaks badly", 3)
    alert = Alert.objects.get()
    assert (alert.kind, alert.severity) == ("health", "error")
    assert alert.text.startswith("pump: leaks badly. It has been so since 20")


def test_an_occasion_is_told_once_until_all_was_well_for_ten_minutes() -> None:
    minutes("leaks", 6)
    minutes("", 5)
    minutes("leaks", 6)
    assert Alert.objects.count() == 1
    minutes("", 12)
    minutes("leaks", 3)
    assert Alert.objects.count() == 1
    minutes("leaks", 2)
    assert Alert.objects.count() == 2


def test_without_worker_or_schedule_a_web_process_tells_and_mails_the_operators(operator: User, settings: Any) -> None:
    settings.MAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    reports.check_background()
    assert not Alert.objects.exists()
    age(1.5)
    reports.check_background()
    assert set(Alert.objects.values_list("kind", flat=True)) == {"worker"}
    assert Alert.objects.count() == 2
    assert len(mail.outbox) == 2
    assert "docs/runbook.md, section “worker”" in mail.outbox[0].body
    for kind in (Heartbeat.Kind.WORKER, Heartbeat.Kind.BEAT):
        heartbeats.beat(uuid.uuid4(), kind)
    reports.check_background()
    assert {row.is_ok for row in HealthReport.objects.filter(is_current=True)} == {True}


def slow(seconds: float, count: int = 20) -> None:
    """So many replies of the last hour, and none else."""
    LedgerEntry.objects.all().delete()
    for _ in range(count):
        settled(ago(minutes=5), first_text_ms=round(seconds * 1_000))


def test_replies_are_slow_when_one_in_twenty_is_and_well_again_only_well_below_the_limit(settings: Any) -> None:
    settings.SLOW_FIRST_TEXT_SECONDS = 4.0
    check = health._checks["first text"]
    slow(9, count=19)
    assert health.check_first_text() == ""
    slow(9)
    assert health.check_first_text() == "one reply in twenty takes longer than 4 seconds to begin"
    slow(3.6)
    assert health.check_first_text() == ""
    reports.record(check, "slow")
    assert health.check_first_text() != ""
    slow(1)
    assert health.check_first_text() == ""
    assert check.alert == Alert.Kind.SLOW


def test_a_disk_that_is_nearly_full_is_not_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))
    for total, free, ok in ((10**12, 10**11, True), (10**12, 4 * 10**10, False), (10**10, 9 * 10**8, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, t=total, f=free: usage(t, t - f, f))
        assert (health.check_disk() == "") is ok


def test_books_that_do_not_agree_are_told_at_once_and_once() -> None:
    entry = settled(ago(minutes=5), cost_microusd=0)
    reports.audit_books()
    assert now()["books"].is_ok is True
    LedgerEntry.objects.filter(pk=entry.pk).delete()
    reports.audit_books()
    reports.audit_books()
    alert = Alert.objects.get()
    assert (alert.kind, alert.severity) == ("books", "critical")
    assert "settlements: reservation" in alert.text
    age(60)
    assert now()["books"].is_ok is False


def test_books_that_agreed_for_one_night_are_told_again_when_they_do_not() -> None:
    reports.record(reports.BOOKS, "a reservation has no entry")
    age(24 * 60)
    reports.record(reports.BOOKS, "")
    age(24 * 60)
    reports.record(reports.BOOKS, "an entry costs too much")
    told = Alert.objects.order_by("created_at").values_list("text", flat=True)
    assert [text.split(". ")[0] for text in told] == [
        "books: a reservation has no entry", "books: an entry costs too much",
    ]  # fmt: skip


def test_processes_that_died_long_ago_are_forgotten() -> None:
    dead, old = uuid.uuid4(), uuid.uuid4()
    for process in (dead, old):
        heartbeats.beat(process, Heartbeat.Kind.WEB)
    Heartbeat.objects.filter(pk=dead).update(beat_at=timezone.now() - 60 * MINUTE)
    Heartbeat.objects.filter(pk=old).update(beat_at=timezone.now() - dt.timedelta(days=2))
    assert heartbeats.clear_old() == 1
    assert Heartbeat.objects.get().pk == dead
