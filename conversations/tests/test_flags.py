"""A flag on a reply reaches those who can act, never carries what was said, and comes back answered."""

import re

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification, Section, User
from accounts.services.notification_mail import mail_waiting
from clients.models import ClientOpening, ClientProfile
from conftest import make_client, make_user
from conversations import flags, sessions
from conversations.models import Flag, Message, Session, TranscriptReading
from conversations.tests.pages import HTMX, add, at_once, begin, signed_in, words
from conversations.tests.rubrics import ended_talk

pytestmark = pytest.mark.django_db

FORM = {"reason": "hurtful", "comment": "That was too much."}


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """The student's conversation, ended."""
    return ended_talk(student, client_profile)


@pytest.fixture
def reply(talk: Session) -> Message:
    """The client's reply in it."""
    return talk.messages.get(role="client")


@pytest.fixture
def flag(reply: Message, student: User) -> Flag:
    """The student's flag on it."""
    return flags.raise_flag(by=student, message=reply, **FORM)


@pytest.fixture
def author(section: Section, client_profile: ClientProfile) -> User:
    """Owns the client, and teaches another section."""
    author = make_user("author", User.Role.TEACHER)
    ClientProfile.objects.update(owner=author)
    return author


def test_a_student_flags_a_reply_and_changes_the_flag(student: User, reply: Message) -> None:
    browser = signed_in(student)
    assert "Tired, if I am honest." in words(browser.get(f"/messages/{reply.pk}/flag/"))
    answer = browser.post(f"/messages/{reply.pk}/flag/", FORM)
    assert answer["Location"] == f"/sessions/{reply.session_id}/transcript/#message-{reply.pk}"
    browser.post(f"/messages/{reply.pk}/flag/", FORM | {"reason": "wrong"})
    assert Flag.objects.get().reason == "wrong"
    page = words(browser.get(f"/sessions/{reply.session_id}/transcript/"))
    assert "You flagged this reply" in page
    assert f'id="message-{reply.pk}"' in page


def test_what_is_missing_is_named_and_nothing_typed_is_lost(student: User, reply: Message) -> None:
    browser = signed_in(student)
    assert "Choose what fits best." in words(browser.post(f"/messages/{reply.pk}/flag/", {"comment": "Hm"}))
    assert "Say in a few words" in words(browser.post(f"/messages/{reply.pk}/flag/", {"reason": "other"}))
    page = words(browser.post(f"/messages/{reply.pk}/flag/", {"reason": "wrong", "comment": "x" * 1_001}))
    assert "1000" in page or "1,000" in page
    assert "x" * 1_001 in page
    assert not Flag.objects.exists()


def test_from_a_running_chat_one_comes_back_to_it(student: User, client_profile: ClientProfile) -> None:
    talk = begin(student, client_profile)
    add(talk, "student", "Hello")
    reply = add(talk, "client", "Go away.")
    chat = words(signed_in(student).get(f"/sessions/{talk.pk}/"))
    assert f'href="/messages/{reply.pk}/flag/"' in chat
    answer = signed_in(student).post(f"/messages/{reply.pk}/flag/", FORM)
    assert answer["Location"] == f"/sessions/{talk.pk}/"


def test_only_replies_of_clients_that_one_can_read_are_flagged(
    student: User, other_teacher: User, talk: Session, reply: Message
) -> None:
    own_words = talk.messages.get(role="student")
    assert signed_in(student).get(f"/messages/{own_words.pk}/flag/").status_code == 404
    assert signed_in(other_teacher).post(f"/messages/{reply.pk}/flag/", FORM).status_code == 404
    with pytest.raises(flags.FlagRuleError):
        flags.raise_flag(by=other_teacher, message=reply, reason="wrong")


def test_teachers_author_and_operators_are_told_once_and_not_what_was_said(
    teacher: User, other_teacher: User, operator: User, author: User, student: User, reply: Message, settings: object
) -> None:
    settings.MAIL_CONFIGURED = True  # type: ignore[attr-defined]
    make_user("clerk", User.Role.ADMIN)
    flag = flags.raise_flag(by=student, message=reply, **FORM)
    flags.raise_flag(by=student, message=reply, reason="wrong")
    told = Notification.objects.filter(kind="flagged")
    assert sorted(told.values_list("user__email", flat=True)) == sorted([teacher.email, author.email, operator.email])
    assert {row.path for row in told} == {f"/flags/{flag.pk}/"}
    assert mail_waiting() == 3
    for sent in mail.outbox:
        assert not re.search("Tired|honest|too much|Student", f"{sent.subject} {sent.body}")


def test_a_teacher_is_not_told_of_their_own_flag(teacher: User, operator: User, reply: Message) -> None:
    flags.raise_flag(by=teacher, message=reply, reason="wrong")
    assert [row.user for row in Notification.objects.filter(kind="flagged")] == [operator]


def test_a_teacher_deals_with_a_flag_and_the_student_reads_what_was_done(
    teacher: User, student: User, flag: Flag
) -> None:
    browser = signed_in(teacher)
    page = words(browser.get(f"/flags/{flag.pk}/"))
    assert "That was too much." in page
    assert f"/transcript/#message-{flag.message_id}" in page
    browser.post(f"/flags/{flag.pk}/", {"answer": "I changed the client."})
    flag.refresh_from_db()
    assert (flag.settled_by, flag.answer) == (teacher, "I changed the client.")
    page = words(signed_in(student).get(f"/sessions/{flag.message.session_id}/transcript/"))
    assert "Your flag is dealt with" in page
    assert "I changed the client." in page
    page = words(signed_in(student).post(f"/messages/{flag.message_id}/flag/", FORM | {"reason": "wrong"}))
    assert "Your flag is dealt with" in page
    assert Flag.objects.get().reason == "hurtful"


def test_who_comes_second_is_told_who_was_first(teacher: User, operator: User, flag: Flag) -> None:
    flags.settle(by=teacher, flag=flag)
    with pytest.raises(flags.FlagRuleError, match="Teacher has dealt with this flag already"):
        flags.settle(by=operator, flag=flag, answer="Mine")
    flag.refresh_from_db()
    assert flag.answer == ""


def test_students_and_other_teachers_settle_nothing(student: User, other_teacher: User, flag: Flag) -> None:
    for person in (student, other_teacher):
        with pytest.raises(flags.FlagRuleError):
            flags.settle(by=person, flag=flag)
        assert signed_in(person).get(f"/flags/{flag.pk}/").status_code == 404


def test_an_author_without_the_section_sees_the_reply_and_not_whose_it_was(author: User, flag: Flag) -> None:
    browser = signed_in(author)
    for address in ("/flags/", f"/flags/{flag.pk}/"):
        page = words(browser.get(address))
        assert "A student" in page
        assert "Student</" not in page.replace("A student", "")
        assert "/transcript/" not in page
    assert "Tired, if I am honest." in page
    assert TranscriptReading.objects.get().reader == author


def test_every_look_at_a_flagged_reply_by_staff_is_written_down(teacher: User, student: User, flag: Flag) -> None:
    signed_in(student).get(f"/messages/{flag.message_id}/flag/")
    signed_in(teacher).get(f"/flags/{flag.pk}/")
    signed_in(teacher).get(f"/messages/{flag.message_id}/flag/")
    assert list(TranscriptReading.objects.values_list("reader", "how")) == [(teacher.pk, "flag")] * 2


@pytest.mark.usefixtures("still")
def test_the_list_shows_open_ones_first_by_reason_and_asks_as_little_however_many(
    teacher: User, section: Section, flag: Flag
) -> None:
    browser = signed_in(teacher)

    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            page = words(browser.get("/flags/"))
        assert "It upset me" in page
        return len(found)

    few = asked()
    for number in range(12):
        client = make_client(teacher, name=f"Client {number}")
        ClientOpening.objects.create(client=client, section=section, opened_by=teacher)
        talk = ended_talk(flag.raised_by, client)
        flags.raise_flag(by=flag.raised_by, message=talk.messages.get(role="client"), reason="hurtful")
    assert asked() == few <= 12
    flags.settle(by=teacher, flag=flag)
    assert "Maria Delgado" not in words(browser.get("/flags/"))
    assert "Maria Delgado" in words(browser.get("/flags/?tab=settled"))
    part = words(browser.get("/flags/?reason=wrong", headers={"HX-Request": HTMX["HX-Request"]}))
    assert "No flag with this reason" in part
    assert "<html" not in part


def test_an_operator_marks_flags_as_dealt_with_in_the_admin_and_reads_no_words_there(
    operator: User, flag: Flag
) -> None:
    browser = signed_in(operator)
    page = words(browser.get("/admin/conversations/flag/"))
    assert "It upset me" in page
    assert "Tired" not in page + words(browser.get(f"/admin/conversations/flag/{flag.pk}/change/"))
    browser.post("/admin/conversations/flag/", {"action": "settle", "_selected_action": [str(flag.pk)]})
    flag.refresh_from_db()
    assert flag.settled_by == operator
    assert browser.get("/admin/conversations/flag/add/").status_code == 403


def test_a_teacher_flags_in_a_test_of_their_own(teacher: User, operator: User, client_profile: ClientProfile) -> None:
    test = begin(teacher, client_profile)
    add(test, "student", "Hello")
    reply = add(test, "client", "Hi")
    sessions.end(by=teacher, session=test)
    flags.raise_flag(by=teacher, message=reply, reason="character")
    assert [row.user for row in Notification.objects.filter(kind="flagged")] == [operator]


@pytest.mark.servers
@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_of_several_who_deal_with_it_at_once_one_is_first(flag: Flag, teacher: User) -> None:
    outcomes = at_once(lambda: flags.settle(by=teacher, flag=flag), 4)
    assert outcomes == ["Flag", *["FlagRuleError"] * 3]
