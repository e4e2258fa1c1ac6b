"""People are told once, where they wish to be told, and by mail never twice."""

import datetime as dt
import smtplib
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notification, User
from accounts.services.notification_mail import LOST_AFTER, MAIL_WITHIN, mail_waiting
from accounts.services.notifications import Ways, choose_ways, mark_all_read, tell
from conftest import make_user
from monitoring.models import ErrorEntry

Kind = Notification.Kind

pytestmark = pytest.mark.django_db


def told(*people: User, about: str = "assignment:1", kind: Kind = Kind.PUBLISHED, path: str = "/help/") -> None:
    names = {"assignment": "First talk", "section": "SW 101", "client": "Maria", "due": "2026-11-22T09:30:00+00:00"}
    tell(users=people, kind=kind, about=about, names=names, path=path)


@pytest.fixture
def mailing(settings: Any) -> Any:
    """A mail server is configured."""
    settings.MAIL_CONFIGURED, settings.SITE_URL = True, "https://rapport.school.example"
    return settings


@pytest.fixture
def browser(client: Browser, student: User) -> Browser:
    """The student's browser."""
    client.force_login(student)
    return client


def bell(browser: Browser) -> str:
    return browser.get("/notifications/").content.decode().partition('aria-label="Notifications')[2].partition('"')[0]


def test_the_same_thing_is_told_once_and_the_next_one_again(student: User, other_student: User) -> None:
    told(student, other_student)
    told(student)
    told(student, about="assignment:2")
    assert Notification.objects.filter(user=student).count() == 2
    assert Notification.objects.filter(user=other_student).count() == 1


def test_the_bell_counts_what_one_has_not_opened(browser: Browser, student: User, other_student: User) -> None:
    assert bell(browser) == ""
    told(student, other_student)
    told(student, about="assignment:2")
    assert bell(browser) == ", 2 unread"
    browser.post("/notifications/read/")
    assert bell(browser) == ""
    assert Notification.objects.filter(user=other_student, read_at=None).exists()


def test_opening_one_marks_it_and_leads_to_what_it_is_about(browser: Browser, student: User) -> None:
    told(student)
    row = Notification.objects.get()
    assert browser.get(f"/notifications/{row.pk}/")["Location"] == "/help/"
    assert bell(browser) == ""


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", ""]
)
def test_one_that_does_not_lead_into_the_portal_leads_to_the_list(browser: Browser, student: User, path: str) -> None:
    told(student, path=path)
    assert browser.get(f"/notifications/{Notification.objects.get().pk}/")["Location"] == "/notifications/"


def test_another_ones_notification_is_not_there(browser: Browser, student: User, other_student: User) -> None:
    told(other_student)
    assert browser.get(f"/notifications/{Notification.objects.get().pk}/").status_code == 404
    assert "First talk" not in browser.get("/notifications/").content.decode()
    assert Notification.objects.get().read_at is None


@pytest.mark.usefixtures("still")
def test_the_list_asks_as_little_however_long_it_is(browser: Browser, student: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            page = browser.get("/notifications/").content.decode()
        assert "New work for SW 101" in page
        return len(found)

    told(student)
    few = asked()
    for number in range(60):
        told(student, about=f"more:{number}")
    assert asked() == few <= 12
    assert "Page 2 of 3" in browser.get("/notifications/?page=2").content.decode()


def test_sentences_are_in_the_readers_language_and_time(student: User) -> None:
    for kind in Kind:
        told(student, kind=kind)
    with timezone.override("Asia/Tokyo"):
        sentences = {row.kind: row.sentence for row in Notification.objects.all()}
    assert sentences["due_soon"] == "“First talk” is due Nov. 22, 2026, 6:30 p.m."
    assert sentences["commented"] == "– commented on your conversation with Maria"
    assert all("%(" not in sentence for sentence in sentences.values())


def test_what_one_switched_off_is_not_told_there(browser: Browser, student: User, mailing: Any) -> None:
    told(student)
    # Unticked boxes are not sent at all.
    browser.post("/notifications/settings/", {"due_soon-portal": "on", "released-mail": "on", "commented-mail": "on"})
    assert mail_waiting() == 0, "a mail that waited was of a kind that is switched off now"
    told(student, about="assignment:2")
    assert Notification.objects.count() == 1
    told(student, kind=Kind.DUE_SOON)
    assert mail_waiting() == 0
    told(student, kind=Kind.RELEASED)
    assert bell(browser) == ", 2 unread"  # the first one, and what is due
    assert mail_waiting() == 1
    page = browser.get("/notifications/settings/").content.decode()
    assert page.count(" checked") == 3
    assert "flagged" not in page, "students are never told of flags"


def test_all_that_waits_for_a_person_is_one_mail_in_their_language(student: User, mailing: Any) -> None:
    User.objects.filter(pk=student.pk).update(time_zone="Asia/Tokyo", language="es")
    told(student, kind=Kind.DUE_SOON)
    told(student, kind=Kind.RELEASED)
    assert mail_waiting() == 1
    assert mail_waiting() == 0
    sent = mail.outbox[0]
    assert sent.to == [student.email]
    assert "\n" not in sent.subject
    first = Notification.objects.get(kind="due_soon")
    assert f"https://rapport.school.example/notifications/{first.pk}/" in sent.body
    assert "https://rapport.school.example/notifications/settings/" in sent.body
    assert "18:30" in sent.body
    assert "&" not in sent.body


def test_nobody_is_mailed_what_they_have_read_or_what_is_old_or_while_disabled(student: User, mailing: Any) -> None:
    gone, reader, late = (make_user(name, User.Role.STUDENT) for name in ("gone", "reader", "late"))
    told(gone, reader, late, student)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    mark_all_read(by=reader)
    Notification.objects.filter(user=late).update(created_at=timezone.now() - MAIL_WITHIN - dt.timedelta(minutes=1))
    assert mail_waiting() == 1
    assert mail.outbox[0].to == [student.email]


def test_without_a_mail_server_everything_waits(student: User, settings: Any) -> None:
    settings.MAIL_CONFIGURED = False
    told(student)
    assert mail_waiting() == 0
    settings.MAIL_CONFIGURED = True
    assert mail_waiting() == 1


class AnotherRunMeanwhile(EmailBackend):
    """While it sends, the same task runs a second time."""

    def send_messages(self, messages: Any) -> int:
        assert mail_waiting() == 0
        return super().send_messages(messages)


def test_two_runs_at_once_mail_nothing_twice(student: User, mailing: Any) -> None:
    mailing.EMAIL_BACKEND = f"{__name__}.AnotherRunMeanwhile"
    told(student)
    assert mail_waiting() == 1
    assert len(mail.outbox) == 1


class Refusing(EmailBackend):
    """Refuses whoever's address begins so, for now or for good, and breaks off for a third."""

    def send_messages(self, messages: Any) -> int:
        name = messages[0].to[0].partition("@")[0]
        if name == "busy":
            raise smtplib.SMTPRecipientsRefused({messages[0].to[0]: (451, b"later")})
        if name == "unknown":
            raise smtplib.SMTPRecipientsRefused({messages[0].to[0]: (550, b"nobody here")})
        if name == "cut":
            raise smtplib.SMTPServerDisconnected("gone")
        return super().send_messages(messages)


def test_what_a_server_refuses_for_now_is_tried_again_and_the_rest_is_written_down(student: User, mailing: Any) -> None:
    people = [make_user(name, User.Role.STUDENT) for name in ("busy", "unknown", "cut")]
    told(student, *people)
    backend, mailing.EMAIL_BACKEND = mailing.EMAIL_BACKEND, f"{__name__}.Refusing"
    assert mail_waiting() == 1, "the others are mailed all the same"
    assert sorted(ErrorEntry.objects.values_list("kind", "severity")) == [
        ("mail.refused", "error"), ("mail.refused", "error"), ("mail.refused", "warning"),
    ]  # fmt: skip
    mailing.EMAIL_BACKEND = backend
    assert mail_waiting() == 1
    assert [sent.to[0] for sent in mail.outbox] == ["student@example.com", "busy@example.com"]


class Away(BaseEmailBackend):
    """Cannot be reached."""

    def open(self) -> bool:
        raise ConnectionRefusedError


def test_while_the_server_is_away_nothing_is_lost(student: User, mailing: Any) -> None:
    backend, mailing.EMAIL_BACKEND = mailing.EMAIL_BACKEND, f"{__name__}.Away"
    told(student)
    assert mail_waiting() == 0
    assert ErrorEntry.objects.get().kind == "mail.unreachable"
    mailing.EMAIL_BACKEND = backend
    assert mail_waiting() == 1


def test_what_a_dead_worker_took_along_is_written_down_once_and_not_sent(student: User, mailing: Any) -> None:
    told(student)
    Notification.objects.update(mailed_at=timezone.now() - LOST_AFTER - dt.timedelta(seconds=1))
    assert [mail_waiting(), mail_waiting()] == [0, 0]
    assert ErrorEntry.objects.get().kind == "mail.lost"
    assert not mail.outbox


def test_a_choice_made_twice_is_one_choice(student: User) -> None:
    choose_ways(by=student, ways={Kind.PUBLISHED: Ways(in_portal=False, by_mail=True)})
    choose_ways(by=student, ways={Kind.PUBLISHED: Ways(in_portal=False, by_mail=False)})
    told(student)
    assert not Notification.objects.exists()
