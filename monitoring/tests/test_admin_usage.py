"""The operator reads the usage of each day and cannot change it."""

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from monitoring.models import DailyUsage

pytestmark = pytest.mark.django_db


def test_the_usage_of_days_can_be_read_and_nobody_changes_it(client: Browser, operator: User) -> None:
    now = timezone.now()
    row = DailyUsage.objects.create(day=now.date(), model="claude-haiku-5-5", kind="turn", attempts=3)
    assert str(row) == f"{now:%Y-%m-%d} claude-haiku-5-5"
    client.force_login(operator)
    page = client.get(reverse("admin:monitoring_dailyusage_changelist"))
    assert "claude-haiku-5-5" in page.content.decode()
    assert client.get(reverse("admin:monitoring_dailyusage_add")).status_code == 403
    changed = client.post(reverse("admin:monitoring_dailyusage_change", args=[row.pk]), {"attempts": 9})
    assert changed.status_code == 403
    assert client.post(reverse("admin:monitoring_dailyusage_delete", args=[row.pk])).status_code == 403
