"""What auditors look at in the admin is written down before they see it; what others look at is not."""

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from clients.models import ClientProfile
from conversations.models import Message, Session, TranscriptReading, Turn
from conversations.tests.pages import begin, free_money
from monitoring.models import AdminReading

SECRET = "My father drinks again."


@pytest.fixture
def desk(client: Client, auditor: User) -> Client:
    """The auditor at the admin."""
    client.force_login(auditor)
    return client


def written() -> list[tuple[str, str, str]]:
    """What was written down, first first."""
    return list(AdminReading.objects.order_by("pk").values_list("what", "row", "query"))


def test_each_page_is_written_down_once_with_what_was_looked_for(desk: Client, auditor: User, student: User) -> None:
    desk.get(reverse("admin:index"))
    desk.get(reverse("admin:accounts_user_changelist"), {"q": "romero", "role__exact": "student"})
    desk.get(reverse("admin:accounts_user_change", args=[student.pk]))
    desk.get(reverse("admin:accounts_user_history", args=[student.pk]), {"p": "2"})
    key = str(student.pk)
    assert written() == [
        ("admin.index", "", ""),
        ("accounts.user", "", "q=romero&role__exact=student"),
        ("accounts.user", key, ""),
        ("accounts.user", key, "history?p=2"),
    ]
    assert set(AdminReading.objects.values_list("reader", flat=True)) == {auditor.pk}


def test_what_was_looked_for_is_written_down_as_it_was_typed(desk: Client) -> None:
    for text in ("Ana Pérez", "ana@example.com"):
        desk.get(reverse("admin:accounts_user_changelist"), {"q": text})
    assert [query for _what, _row, query in written()] == ["q=Ana Pérez", "q=ana@example.com"]


def test_looking_at_who_looked_is_written_down_too(desk: Client) -> None:
    desk.get(reverse("admin:monitoring_adminreading_changelist"))
    page = desk.get(reverse("admin:monitoring_adminreading_changelist")).text
    assert [what for what, _row, _query in written()] == ["monitoring.adminreading"] * 2
    assert "monitoring.adminreading" in page


def test_an_action_is_written_down_with_the_number_of_its_rows(desk: Client, student: User, teacher: User) -> None:
    chosen = {"action": "disable", "_selected_action": [str(student.pk), str(teacher.pk)]}
    desk.post(reverse("admin:accounts_user_changelist") + "?o=1", chosen)
    assert written() == [("accounts.user", "", "o=1&action=disable&rows=2")]
    assert User.objects.get(pk=student.pk).is_active


def test_what_is_refused_and_what_does_not_exist_is_written_down_as_well(desk: Client) -> None:
    assert desk.get(reverse("admin:accounts_user_add")).status_code == 403
    desk.get(reverse("admin:accounts_user_change", args=["nobody"]))
    assert written() == [("accounts.user", "", "add"), ("accounts.user", "nobody", "")]


def test_a_page_that_cannot_be_written_down_is_not_shown(
    desk: Client, student: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_fields: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(AdminReading, "save", fail)
    desk.raise_request_exception = False
    answer = desk.get(reverse("admin:accounts_user_change", args=[student.pk]))
    assert answer.status_code == 500
    assert student.email not in answer.text


def test_the_front_page_that_renews_itself_is_one_look_for_a_while(desk: Client) -> None:
    for _time in range(3):
        desk.get(reverse("dashboard-part"))
    assert [what for what, _row, _query in written()] == ["admin.dashboard-part"]


def test_texts_for_scripts_are_no_pages_and_others_are_not_written_down(
    desk: Client, operator: User, caretaker: User
) -> None:
    desk.get(reverse("admin:jsi18n"))
    for user in (operator, caretaker):
        desk.force_login(user)
        desk.get(reverse("admin:index"))
    assert written() == []


@pytest.fixture
def talk(client_profile: ClientProfile, student: User) -> Session:
    """A talk in which something was said, with a reply of which a part has come."""
    session = begin(student, client_profile)
    said = Message.objects.create(session=session, sequence=1, role=Message.Role.STUDENT, content=SECRET)
    Turn.objects.create(
        session=session, message=said, reservation=free_money(student), status="failed", partial_text=SECRET
    )
    return session


def test_an_auditor_who_reads_what_was_said_is_in_both_lists(desk: Client, auditor: User, talk: Session) -> None:
    said = talk.messages.get()
    assert SECRET in desk.get(reverse("admin:conversations_message_change", args=[said.pk])).text
    assert written() == [("conversations.message", str(said.pk), "")]
    assert TranscriptReading.objects.get().reader == auditor


def test_nobody_finds_a_password_in_the_admin_not_even_its_digest(
    desk: Client, operator: User, support: User, student: User
) -> None:
    for user in (None, support, operator):
        if user:
            desk.force_login(user)
        page = desk.get(reverse("admin:accounts_user_change", args=[student.pk])).text
        assert student.email in page
        assert student.password.rpartition("$")[2] not in page


def test_operators_cannot_guess_what_was_said_by_the_address_of_a_list(
    client: Client, caretaker: User, talk: Session
) -> None:
    client.force_login(caretaker)
    client.raise_request_exception = False
    for model, lookup in [
        ("turn", "partial_text__startswith"),
        ("turn", "state__contains"),
        ("turn", "message__content__startswith"),
        ("session", "messages__content__startswith"),
        ("session", "branch_of__content__startswith"),
    ]:
        answer = client.get(reverse(f"admin:conversations_{model}_changelist"), {lookup: "My"})
        assert answer.status_code == 400, lookup
