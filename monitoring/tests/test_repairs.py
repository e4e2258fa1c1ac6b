"""The sums of past days are made again by a job that an operator asks for."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from monitoring import periods, repairs
from monitoring.models import DailyUsage, Job
from monitoring.repairs import RepairRuleError
from monitoring.tests.books import turn
from monitoring.tests.ledger import noon_of, settled

pytestmark = [pytest.mark.django_db]

LIST = "admin:monitoring_dailyusage_changelist"
PAGE = "admin:monitoring_rebuild_days"


def day(days_ago: int) -> dt.date:
    return periods.today() - dt.timedelta(days=days_ago)


def test_days_are_added_up_again_one_a_step(caretaker: User, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 600.0
    settled(noon_of(3))
    wrong = DailyUsage.objects.create(day=day(3), model="m", kind="turn", attempts=9)
    job = turn(repairs.rebuild_days(by=caretaker, days=[day(2), day(3), day(3)]))
    assert (job.state, job.done, job.total) == ("completed", 2, 2)
    assert DailyUsage.objects.get().attempts == 1
    assert not DailyUsage.objects.filter(pk=wrong.pk).exists()


@pytest.mark.parametrize("numbers", [[], [-1], range(repairs.DAYS_AT_MOST + 1)], ids=["none", "to come", "too many"])
def test_days_that_cannot_be_are_refused(caretaker: User, numbers: list[int]) -> None:
    with pytest.raises(RepairRuleError):
        repairs.rebuild_days(by=caretaker, days=[day(number) for number in numbers])


def test_the_days_of_chosen_rows_or_of_a_range_become_a_job_that_can_be_followed(
    client: Browser, caretaker: User
) -> None:
    client.force_login(caretaker)
    row = DailyUsage.objects.create(day=day(1), model="m", kind="turn")
    assert "Add up days again" in client.get(reverse(LIST)).text
    page = client.post(reverse(LIST), {"action": "rebuild", "_selected_action": [row.pk]}, follow=True).text
    first = Job.objects.get()
    assert first.input == {"days": [day(1).isoformat()]}
    assert first.get_absolute_url() in page
    assert client.get(reverse(PAGE)).status_code == 200
    wrong = client.post(reverse(PAGE), {"first": day(0), "last": day(-3)})
    assert "Choose no day to come." in wrong.text
    turned = client.post(reverse(PAGE), {"first": day(0), "last": day(1)})
    assert turned.text.count("no last day before the first one") == 1
    assert client.post(reverse(PAGE), {"first": day(4), "last": day(2)}).status_code == 302
    assert Job.objects.order_by("created_at").last().total == 3  # type: ignore[union-attr]


def test_who_only_reads_rebuilds_nothing(client: Browser, auditor: User) -> None:
    client.force_login(auditor)
    assert "Add up days again" not in client.get(reverse(LIST)).text
    assert client.post(reverse(PAGE), {"first": day(1), "last": day(0)}).status_code == 403
    with pytest.raises(PermissionDenied):
        repairs.rebuild_days(by=auditor, days=[day(1)])
    assert not Job.objects.exists()
