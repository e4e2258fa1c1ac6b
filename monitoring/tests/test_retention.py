"""Retention: nothing goes without a saved rule that was counted by; what goes, goes in batches and is written down."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from conftest import make_user
from conversations.tests.pages import signed_in, words
from monitoring import audit, figures, jobs, periods, retention, rollups, tasks
from monitoring.models import (
    AdminReading,
    ErrorEntry,
    HourlyLatency,
    HourlyUsage,
    Job,
    JobFile,
    JobProblem,
    RetentionRule,
    RetentionRun,
    RolledUp,
)
from monitoring.retention import RetentionError, own, run
from monitoring.retention.registry import bounded
from monitoring.tests.ledger import ago, noon_of, settled

pytestmark = [pytest.mark.django_db, pytest.mark.servers]

PAGE = "admin:monitoring_retentionrule_changelist"


@pytest.fixture
def keeper(db: None) -> User:
    """An operator."""
    return make_user("keeper", User.Role.OPERATOR)


@pytest.fixture
def errors(db: None) -> None:
    """Five errors of long ago, and one of today."""
    ErrorEntry.objects.bulk_create(ErrorEntry(kind="old", at=ago(days=100)) for _number in range(5))
    ErrorEntry.objects.create(kind="new")


def ended(job: Job | None) -> Job:
    assert job
    while not job.is_ended:
        jobs.work(job.pk, job.fence)
        job.refresh_from_db()
    assert job.state == "completed", job.error
    return job


def counted(by: User, **days: int | None) -> RetentionRun:
    """The finished trial of these rules."""
    retention.save_rules(by=by, days=days)
    ended(retention.begin(by=by, trial=True))
    return RetentionRun.objects.latest("pk")


def test_a_trial_counts_and_changes_nothing(keeper: User, errors: None) -> None:
    trial = counted(keeper, errors=90, jobs=90)
    assert trial.is_trial
    assert trial.by == keeper
    assert {name: count["found"] for name, count in trial.counts.items()} == {"errors": 5, "jobs": 0}
    assert trial.counts["errors"]["days"] == 90
    assert ErrorEntry.objects.count() == 6


def test_what_was_counted_is_deleted_and_written_down(keeper: User, errors: None) -> None:
    counted(keeper, errors=90)
    job = ended(retention.begin(by=keeper, trial=False))
    assert list(ErrorEntry.objects.values_list("kind", flat=True)) == ["new"]
    record = RetentionRun.objects.latest("pk")
    assert (record.is_trial, record.by, record.counts["errors"]["deleted"], job.done) == (False, keeper, 5, 5)
    assert record.finished_at


def test_nothing_is_deleted_before_the_same_rules_were_counted_within_the_hour(keeper: User, errors: None) -> None:
    retention.save_rules(by=keeper, days={"errors": 90})
    with pytest.raises(RetentionError, match="Count first"):
        retention.begin(by=keeper, trial=False)
    counted(keeper, errors=90)
    retention.save_rules(by=keeper, days={"errors": 91})
    with pytest.raises(RetentionError, match="Count first"):
        retention.begin(by=keeper, trial=False)
    trial = counted(keeper, errors=91)
    RetentionRun.objects.filter(pk=trial.pk).update(finished_at=ago(minutes=61))
    with pytest.raises(RetentionError, match="Count first"):
        retention.begin(by=keeper, trial=False)


def test_without_a_rule_there_is_nothing_to_do_and_two_runs_are_not_at_work_at_once(keeper: User, errors: None) -> None:
    with pytest.raises(RetentionError, match="No kind has a rule"):
        retention.begin(by=keeper, trial=True)
    counted(keeper, errors=90)
    retention.begin(by=keeper, trial=False)
    with pytest.raises(RetentionError, match="at work already"):
        retention.begin(by=keeper, trial=False)
    tasks.retain()
    assert Job.objects.filter(kind=retention.KIND, finished_at=None).count() == 1


def test_a_batch_is_one_transaction_and_a_crash_in_between_loses_no_count(
    keeper: User, errors: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(run, "AT_ONCE", 2)
    settings.JOB_SLICE_SECONDS = 0.0
    counted(keeper, errors=90)
    job = retention.begin(by=keeper, trial=False)
    jobs.work(job.pk, job.fence)
    assert ErrorEntry.objects.count() == 4
    job.refresh_from_db()
    with transaction.atomic():
        retention.step(job)
        assert ErrorEntry.objects.count() == 2
        transaction.set_rollback(True)
    assert ErrorEntry.objects.count() == 4
    ended(job)
    assert ErrorEntry.objects.count() == 1
    assert RetentionRun.objects.latest("pk").counts["errors"]["deleted"] == 5


def test_the_same_batch_twice_at_once_deletes_once(keeper: User, errors: None, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 0.0
    counted(keeper, errors=90)
    job = retention.begin(by=keeper, trial=False)
    jobs.work(job.pk, job.fence)
    jobs.work(job.pk, job.fence)
    ended(Job.objects.get(pk=job.pk))
    assert RetentionRun.objects.latest("pk").counts["errors"]["deleted"] == 5


def test_the_night_applies_rules_that_somebody_has_counted_by(keeper: User, errors: None) -> None:
    tasks.retain()
    assert not Job.objects.exists()
    retention.save_rules(by=keeper, days={"errors": 90})
    tasks.retain()
    assert not Job.objects.exists()
    counted(keeper, errors=90)
    RetentionRun.objects.update(started_at=ago(days=9), finished_at=ago(days=9))
    retention.save_rules(by=keeper, days={"admin_readings": 5})
    AdminReading.objects.create(what="x", read_at=ago(days=99))
    tasks.retain()
    job = ended(Job.objects.latest("created_at"))
    assert (job.owner, ErrorEntry.objects.count(), AdminReading.objects.count()) == (None, 1, 1)
    assert RetentionRun.objects.latest("started_at").by is None


def test_a_rule_is_saved_by_who_may_and_each_change_is_in_the_history(keeper: User) -> None:
    assert retention.save_rules(by=keeper, days={"errors": 90, "jobs": None, "nothing_such": 5}) == 1
    assert retention.save_rules(by=keeper, days={"errors": 90}) == 0
    assert retention.save_rules(by=keeper, days={"errors": None}) == 1
    assert retention.rules() == {}
    told = LogEntry.objects.order_by("pk").values_list("object_id", "change_message")
    assert list(told) == [("errors", "for ever → 90 days"), ("errors", "90 days → for ever")]
    with pytest.raises(RetentionError, match="from 1 to"):
        retention.save_rules(by=keeper, days={"errors": 0})
    support = make_user("support", User.Role.SUPPORT)
    with pytest.raises(PermissionDenied):
        retention.save_rules(by=support, days={"errors": 1})
    with pytest.raises(PermissionDenied):
        retention.begin(by=support, trial=True)


def test_a_rule_of_a_kind_that_is_gone_says_nothing(keeper: User, errors: None) -> None:
    RetentionRule.objects.create(kind="gone", days=5)
    trial = counted(keeper, errors=90)
    assert set(trial.counts) == {"errors"}


def test_counting_stops_where_it_says_enough(errors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.retention.registry.COUNT_AT_MOST", 3)
    assert bounded(ErrorEntry.objects.all()) == 4


# --- Kinds ------------------------------------------------------------------------------------------------------------


def deleted(keeper: User, name: str, days: int) -> int:
    """How many rows of this kind a run deletes."""
    counted(keeper, **{name: days})
    ended(retention.begin(by=keeper, trial=False))
    number: int = RetentionRun.objects.latest("pk").counts[name]["deleted"]
    return number


@pytest.mark.django_db(transaction=True)
def test_jobs_go_with_their_files_and_problems(keeper: User, media: Path) -> None:
    old, new = (
        Job.objects.create(kind="test.x", label="x", language="en", state="completed", finished_at=moment)
        for moment in (ago(days=91), timezone.now())
    )
    for job in (old, new):
        jobs.attach(job=job, name="a", content=ContentFile(b"words"))
        JobProblem.objects.create(job=job, message="m")
    assert deleted(keeper, "jobs", 90) == 1
    assert JobFile.objects.get().job == new
    assert JobProblem.objects.get().job == new
    assert len([path for path in media.rglob("*") if path.is_file()]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_step_that_is_given_up_has_lost_no_file(media: Path) -> None:
    job = Job.objects.create(kind="test.x", label="x", language="en", state="completed", finished_at=ago(days=91))
    kept = jobs.attach(job=job, name="a", content=ContentFile(b"words"))

    def cancelled() -> None:
        with transaction.atomic():
            own._delete_jobs(timezone.now(), 1_000, None)
            assert not JobFile.objects.exists()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        cancelled()
    assert Path(JobFile.objects.get().content.path).read_text() == "words"
    with transaction.atomic():
        own._delete_jobs(timezone.now(), 1_000, None)
    assert not Path(kept.content.path).exists()


def test_old_hours_go_and_the_days_stay_and_every_figure_with_them(keeper: User) -> None:
    for days in (6, 3):
        settled(noon_of(days), first_text_ms=300)
        rollups.rebuild_day(periods.today() - dt.timedelta(days=days))
    first, last = periods.today() - dt.timedelta(days=9), periods.today()
    before = (figures.usage_between(first, last, "day"), figures.latency_by_day(first, last))
    # The day of the third was added up so early that somebody will do it again.
    RolledUp.objects.filter(period="day", starts_at__gt=ago(days=4)).update(rolled_at=ago(days=9))
    assert deleted(keeper, "hourly_sums", 1) == 1
    assert HourlyUsage.objects.get().starts_at > ago(days=4)
    assert HourlyLatency.objects.count() == 1
    assert (figures.usage_between(first, last, "day"), figures.latency_by_day(first, last)) == before
    assert audit.check_rollups().breaches == []
    rollups.roll_up()
    assert HourlyUsage.objects.count() == 1


# --- The page ---------------------------------------------------------------------------------------------------------


def record_of(by: User) -> str:
    """The page of the last run."""
    last = RetentionRun.objects.latest("pk")
    return signed_in(by).get(reverse("admin:monitoring_retentionrun_change", args=[last.pk])).text


def press(by: User, button: str, **fields: Any) -> Any:
    return signed_in(by).post(reverse(PAGE), {"do": button, **fields})


def test_an_operator_saves_counts_and_deletes_on_one_page(keeper: User, errors: None) -> None:
    press(keeper, "save", errors="90")
    assert retention.rules() == {"errors": 90}
    page = words(signed_in(keeper).get(reverse(PAGE)))
    assert "not counted yet" in page
    assert 'value="ask"' not in page
    assert press(keeper, "ask").url == reverse(PAGE)
    assert press(keeper, "delete").url == reverse(PAGE)
    answer = press(keeper, "count")
    job = Job.objects.get()
    assert answer.url == reverse("job", args=[job.pk])
    assert job.label in words(signed_in(keeper).get(reverse(PAGE)))
    ended(job)
    page = words(signed_in(keeper).get(reverse(PAGE)))
    assert 'value="ask"' in page
    assert 'data-label="Old enough at the last count"> 5' in page
    assert "errors: 5 (kept 90 days)<br>" in record_of(keeper)
    assert '<td data-label="Rows">5</td>' in words(press(keeper, "ask"))
    assert ErrorEntry.objects.count() == 6
    press(keeper, "delete")
    ended(Job.objects.latest("created_at"))
    assert ErrorEntry.objects.count() == 1
    assert "errors: 5 (kept 90 days)<br>" in record_of(keeper)


def test_more_than_was_counted_is_said_so(keeper: User, errors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.retention.registry.COUNT_AT_MOST", 3)
    monkeypatch.setattr(run, "COUNT_AT_MOST", 3)
    counted(keeper, errors=90)
    assert "more than 3" in words(signed_in(keeper).get(reverse(PAGE)))
    assert "more than 3 (kept 90 days)" in record_of(keeper)


def test_suggestions_fill_only_what_has_no_rule(keeper: User) -> None:
    press(keeper, "save", errors="30")
    press(keeper, "suggest")
    rules = retention.rules()
    assert (rules["errors"], rules["jobs"], rules["hourly_sums"]) == (30, 90, 730)
    assert "conversations" not in rules


def test_wrong_days_are_said_beside_their_field(keeper: User) -> None:
    page = words(press(keeper, "save", errors="0"))
    assert "greater than or equal to 1" in page
    assert retention.rules() == {}


def test_who_may_only_look_gets_no_button_and_support_no_page(keeper: User, django_assert_max_num_queries: Any) -> None:
    auditor = signed_in(make_user("auditor", User.Role.AUDITOR))
    page = words(auditor.get(reverse(PAGE)))
    assert "Errors" in page
    assert 'name="do"' not in page
    assert auditor.post(reverse(PAGE), {"do": "count"}).status_code == 403
    assert signed_in(make_user("support", User.Role.SUPPORT)).get(reverse(PAGE)).status_code == 403
    RetentionRule.objects.create(kind="errors", days=5)
    browser = signed_in(keeper)
    assert browser.get(reverse("admin:monitoring_retentionrule_change", args=["errors"]))["Location"] == reverse(PAGE)
    with django_assert_max_num_queries(12):
        browser.get(reverse(PAGE))
