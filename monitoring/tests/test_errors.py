"""What went wrong is written down without secrets, and a burst of it is told."""

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from monitoring.errors import acknowledge, grouped, record
from monitoring.models import Alert, ErrorEntry, ErrorKind, Severity
from monitoring.redaction import BLANK, without_secrets

KEY = "sk-ant-api03-AbC_dEf-123456"


@pytest.mark.django_db
def test_an_error_keeps_its_kind_place_session_and_the_beginning_of_its_detail() -> None:
    session = uuid.uuid4()
    record(kind="provider.overloaded", source="turn 7", detail="x" * 9_000, session_uuid=session)
    entry = ErrorEntry.objects.get()
    assert (entry.kind, entry.source, entry.session_uuid) == ("provider.overloaded", "turn 7", session)
    assert entry.severity == Severity.ERROR
    assert entry.detail == "x" * 4_000


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY} refused",
        f"x-api-key: {KEY}",
        '{"x-api-key": "another-kind-of-secret"}',
        "('X-Api-Key', 'another-kind-of-secret')",
        "authorization: Bearer another-kind-of-secret",
        "the key is another-kind-of-secret",
    ],
)
def test_no_key_is_ever_written_down(settings: Any, text: str) -> None:
    settings.ANTHROPIC_API_KEY = "another-kind-of-secret"
    kept = without_secrets(text)
    assert "secret" not in kept.replace("secrets", "")
    assert KEY not in kept
    assert BLANK in kept


@pytest.mark.django_db
def test_a_key_that_the_cut_would_halve_leaves_no_half() -> None:
    record(kind="k", detail="x " * 1_995 + KEY)
    assert "sk-ant" not in ErrorEntry.objects.get().detail


@given(st.text())
def test_what_is_kept_can_be_stored_by_any_database(text: str) -> None:
    kept = without_secrets(text)
    assert "\x00" not in kept
    kept.encode("utf-8")


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_a_burst_of_errors_is_told_once_however_many_write_at_once(settings: Any) -> None:
    settings.ERROR_BURST_COUNT = 10

    def one(_number: int) -> None:
        try:
            record(kind="provider.server", detail="a\x00b \ud800")
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(9)))
        assert not Alert.objects.exists()
        list(pool.map(one, range(12)))
    alert = Alert.objects.get()
    assert alert.kind == Alert.Kind.ERRORS
    assert "10 errors within 300 seconds" in alert.text


@pytest.mark.django_db(transaction=True)
def test_a_burst_that_goes_on_is_told_again_in_the_next_stretch(settings: Any) -> None:
    settings.ERROR_BURST_COUNT = 3
    for _ in range(5):
        record(kind="k")
    stretch = dt.timedelta(seconds=301)
    Alert.objects.update(created_at=timezone.now() - stretch, key="errors:1")
    record(kind="k")
    assert Alert.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_warnings_and_old_errors_are_no_burst(settings: Any) -> None:
    settings.ERROR_BURST_COUNT = 3
    for _ in range(4):
        record(kind="k", severity=Severity.WARNING)
    record(kind="k")
    record(kind="k")
    ErrorEntry.objects.update(at=timezone.now() - dt.timedelta(seconds=301))
    record(kind="k")
    assert not Alert.objects.exists()


@pytest.mark.django_db
def test_errors_are_grouped_by_kind_with_the_worst_and_the_newest_of_them(django_assert_num_queries: Any) -> None:
    record(kind="mail.refused", severity=Severity.WARNING, detail="old")
    record(kind="provider.server", severity=Severity.ERROR, source="a model", detail="first")
    record(kind="provider.server", severity=Severity.CRITICAL, detail="second")
    record(kind="provider.server", severity=Severity.WARNING, source="turn 7", detail="third")
    long_ago = timezone.now() - dt.timedelta(days=3)
    ErrorEntry.objects.filter(detail__in=["old", "first"]).update(at=long_ago)
    with django_assert_num_queries(2):
        groups = grouped(long_ago - dt.timedelta(days=1))
    assert [(g.kind, g.count, g.severity, g.source, g.detail) for g in groups] == [
        ("provider.server", 3, Severity.CRITICAL, "turn 7", "third"),
        ("mail.refused", 1, Severity.WARNING, "", "old"),
    ]
    assert groups[0].first_at == long_ago
    assert groups[0].last_at > long_ago
    assert [g.count for g in grouped(long_ago + dt.timedelta(days=1))] == [2]
    assert grouped(timezone.now()) == []


@pytest.mark.django_db
def test_a_kind_that_was_seen_to_is_open_again_when_another_error_comes(operator: User) -> None:
    since = timezone.now() - dt.timedelta(hours=1)
    record(kind="mail.refused")
    (group,) = grouped(since)
    assert group.is_open
    assert acknowledge(by=operator, kinds=["mail.refused", "mail.refused"]) == 1
    (group,) = grouped(since)
    assert not group.is_open
    assert ErrorKind.objects.get().acknowledged_by == operator
    record(kind="mail.refused")
    (group,) = grouped(since)
    assert group.is_open
    acknowledge(by=operator, kinds=["mail.refused"])
    assert not grouped(since)[0].is_open


@pytest.mark.django_db
def test_who_does_not_run_the_portal_sees_to_no_errors(teacher: User) -> None:
    with pytest.raises(PermissionDenied):
        acknowledge(by=teacher, kinds=["mail.refused"])
    assert not ErrorKind.objects.exists()


@pytest.mark.django_db
def test_a_kind_that_was_seen_to_is_called_by_its_name() -> None:
    assert str(ErrorKind(kind="mail.refused")) == "mail.refused"
