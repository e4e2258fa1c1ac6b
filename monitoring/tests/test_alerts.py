"""Operators are told of each occasion once."""

import datetime as dt
import smtplib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from conftest import make_user
from monitoring import alerts, tasks
from monitoring.alerts import raise_alert
from monitoring.models import Alert


def tell(key: str = "budget:1:90") -> bool:
    return raise_alert(key=key, kind="budget", severity="warning", text="Section A has spent 90%.")


@pytest.fixture
def mailing(settings: Any, operator: User) -> User:
    """A mail server is configured, and one operator reads."""
    settings.MAIL_CONFIGURED, settings.SITE_URL = True, "https://rapport.school.example"
    return operator


@pytest.mark.django_db
def test_an_occasion_is_told_once_and_the_next_one_again() -> None:
    assert [tell(), tell(), tell("budget:1:100")] == [True, False, True]
    assert Alert.objects.count() == 2


@pytest.mark.django_db
def test_a_known_occasion_leaves_the_transaction_around_it_intact() -> None:
    tell()
    with transaction.atomic():
        assert not tell()
        assert tell("another")
    assert Alert.objects.count() == 2


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_of_many_who_tell_the_same_at_once_one_is_new() -> None:
    def one(_number: int) -> bool:
        try:
            return tell()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(24))) == 1
    assert Alert.objects.count() == 1


@pytest.mark.django_db
def test_a_new_alert_asks_the_worker_to_mail_it_after_commit(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("monitoring.alerts.current_app.send_task", lambda name, **_: sent.append(name))
    with django_capture_on_commit_callbacks(execute=True):
        tell()
        tell()
        assert sent == []
    assert sent == ["monitoring.mail_alerts"]


@pytest.mark.django_db
def test_a_broker_that_is_away_loses_no_alert(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    def away(_name: str, **_: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("monitoring.alerts.current_app.send_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        assert tell()
    assert Alert.objects.filter(mailed_at=None).count() == 1


@pytest.mark.django_db
def test_every_active_operator_gets_one_mail_with_a_link(mailing: User, teacher: User, caretaker: User) -> None:
    for role in (User.Role.ADMIN, User.Role.SUPPORT, User.Role.AUDITOR):
        make_user(f"lesser-{role}", role)
    make_user("former", User.Role.OPERATOR, is_active=False)
    User.objects.create_superuser("gone@example.com", "secret-word-1", is_active=False)
    tell()
    tasks.mail_alerts()
    tasks.mail_alerts()
    (message,) = mail.outbox
    assert message.to == sorted([mailing.email, caretaker.email])
    assert message.subject == "Rapport, warning: budget"
    assert "Section A has spent 90%." in str(message.body)
    assert f"https://rapport.school.example/admin/monitoring/alert/{Alert.objects.get().pk}/change/" in str(
        message.body
    )


@pytest.mark.django_db
def test_nothing_is_mailed_or_marked_without_a_mail_server_or_a_reader(settings: Any) -> None:
    tell()
    assert alerts.mail_unsent() == 0
    settings.MAIL_CONFIGURED = True
    assert alerts.mail_unsent() == 0
    assert Alert.objects.get().mailed_at is None


@pytest.mark.django_db
def test_a_mail_that_was_refused_is_tried_again(mailing: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise smtplib.SMTPServerDisconnected

    tell()
    with monkeypatch.context() as patch:
        patch.setattr(alerts, "send_mail", refused)
        assert alerts.mail_unsent() == 0
    assert alerts.mail_unsent() == 1


@pytest.mark.django_db
def test_what_another_delivery_mails_meanwhile_is_not_mailed_again(
    mailing: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*message: Any) -> int:
        monkeypatch.setattr(alerts, "send_mail", mail.send_mail)
        assert alerts.mail_unsent() == 1
        return mail.send_mail(*message)

    tell()
    tell("budget:1:100")
    monkeypatch.setattr(alerts, "send_mail", slow)
    assert alerts.mail_unsent() == 1
    assert len(mail.outbox) == 2


@pytest.mark.django_db
def test_old_alerts_are_not_mailed_when_a_mail_server_comes_later(mailing: User) -> None:
    tell()
    Alert.objects.update(created_at=timezone.now() - dt.timedelta(days=2))
    assert alerts.mail_unsent() == 0


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_a_task_delivered_many_times_at_once_mails_once(mailing: User) -> None:
    tell()

    def deliver(_number: int) -> None:
        try:
            tasks.mail_alerts()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, range(16)))
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_who_saw_to_an_alert_first_is_kept(operator: User, teacher: User) -> None:
    tell()
    tell("another")
    first, second = Alert.objects.all()
    with pytest.raises(PermissionDenied):
        alerts.acknowledge(by=teacher, alerts=[first])
    assert alerts.acknowledge(by=operator, alerts=[first]) == 1
    other = make_user("other-operator", User.Role.OPERATOR, is_staff=True)
    assert alerts.acknowledge(by=other, alerts=[first, second]) == 1
    first.refresh_from_db()
    assert first.acknowledged_by == operator
    assert first.acknowledged_at
