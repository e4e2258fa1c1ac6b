"""Conversations in the admin: to look at and to search, never to change."""

from typing import Any

import pytest
from django.apps import apps
from django.test import Client as Browser

from accounts.models import User
from clients.models import ClientProfile
from conftest import make_client, make_user
from conversations.models import Message, Session, TranscriptReading, Turn
from conversations.tests.pages import begin, free_money, signed_in, words
from monitoring.admin import readonly

LISTS = ["session", "message", "turn", "noticeacceptance", "transcriptreading"]


def talked(user: User, client: ClientProfile, text: str = "Hello") -> Session:
    """A session with one message and its turn."""
    session = begin(user, client)
    session.last_sequence, session.cost_microusd, session.input_tokens = 1, 2_100, 41
    session.save()
    message = Message.objects.create(session=session, sequence=1, role="student", content=text)
    Turn.objects.create(
        session=session, message=message, reservation=free_money(user), status="failed", error="timeout"
    )
    TranscriptReading.objects.create(reader=client.owner or user, session=session, how="transcript")
    return session


@pytest.fixture
def browser(operator: User) -> Browser:
    """The operator's browser."""
    return signed_in(operator)


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """A session with one message and its turn."""
    return talked(student, client_profile)


@pytest.mark.parametrize("name", LISTS)
def test_lists_ask_few_questions_however_many_rows(
    browser: Browser, section: Any, django_assert_max_num_queries: Any, name: str
) -> None:
    client = make_client(None)
    for number in range(12):
        talked(make_user(f"pupil-{number}", User.Role.STUDENT), client)
    with django_assert_max_num_queries(12):
        page = words(browser.get(f"/admin/conversations/{name}/"))
    assert f"12 {apps.get_model('conversations', name)._meta.verbose_name_plural}" in page


@pytest.mark.parametrize("name", LISTS)
def test_nothing_can_be_added_changed_or_deleted(browser: Browser, talk: Session, name: str) -> None:
    model = apps.get_model("conversations", name)
    row = model._default_manager.get()
    base = f"/admin/conversations/{name}/"
    assert browser.get(f"{base}add/").status_code == 403
    assert browser.get(f"{base}{row.pk}/change/").status_code == 200
    assert browser.post(f"{base}{row.pk}/change/", {}).status_code == 403
    assert browser.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("name", LISTS)
def test_only_staff_get_in(student: User, teacher: User, talk: Session, name: str) -> None:
    for user in (student, teacher):
        assert signed_in(user).get(f"/admin/conversations/{name}/", follow=True).status_code == 404
    assert Browser().get(f"/admin/conversations/{name}/").status_code == 302


def test_a_session_leads_to_its_transcript_messages_and_turns(browser: Browser, talk: Session) -> None:
    page = words(browser.get(f"/admin/conversations/session/{talk.pk}/change/"))
    assert f'href="/sessions/{talk.pk}/transcript/"' in page
    assert "$0.0021" in page
    for name in ("message", "turn"):
        link = f"/admin/conversations/{name}/?session__id__exact={talk.pk}"
        assert link in page
        assert f"1 {name}" in words(browser.get(link))


@pytest.mark.parametrize(
    ("name", "word", "found"),
    [
        ("session", "student@", True),
        ("session", "Maria", True),
        ("session", "nobody", False),
        ("message", "student@example", True),
        ("turn", "timeout", True),
        ("noticeacceptance", "student@", True),
    ],
)
def test_rows_are_found_by_words(browser: Browser, talk: Session, name: str, word: str, found: bool) -> None:
    page = words(browser.get(f"/admin/conversations/{name}/", {"q": word}))
    assert ('class="field-' in page) == found


def test_rows_are_found_by_the_ids_that_logs_show(browser: Browser, talk: Session, operator: User) -> None:
    message, turn = Message.objects.get(), Turn.objects.get()
    for name, wanted in (
        ("session", talk.pk), ("message", message.pk), ("message", talk.pk), ("turn", turn.pk),
        ("turn", turn.reply_id), ("turn", talk.pk), ("noticeacceptance", talk.student_id),
    ):  # fmt: skip
        assert 'class="field-' in words(browser.get(f"/admin/conversations/{name}/", {"q": f" {wanted} "}))
        assert 'class="field-' not in words(browser.get(f"/admin/conversations/{name}/", {"q": str(operator.pk)}))


def test_a_count_stops_where_it_would_cost_too_much(
    browser: Browser, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    Message.objects.bulk_create(
        Message(session=talk, sequence=n, role="student", content="word " * 40) for n in range(2, 10)
    )
    monkeypatch.setattr(readonly, "COUNT_AT_MOST", 4)
    page = words(browser.get("/admin/conversations/message/"))
    assert "4 messages" in page
    assert "Rows are counted no further than this" in page
    # A list is no place to read what people said.
    assert "word word" not in page
