"""Transcripts: read by those who may, whole, with what was replaced folded away; and as files."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import Enrolment, User
from clients.models import ClientProfile
from conftest import make_client
from conversations import sessions
from conversations.models import Message, Session
from conversations.tests.pages import add, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """A short conversation with a reply that was stopped, replaced, and then whole."""
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client_profile)
    add(session, "student", "Hello *Maria*")
    add(session, "client", "I was about", "superseded")
    add(session, "client", "", "superseded")
    add(session, "client", "I was <b>about</b> to", "stopped", token_count=9, cost_microusd=2_100, response_ms=1_500)
    add(session, "system", "Time is nearly up.")
    return session


def path(session: Session, ending: str = "/") -> str:
    """Where the transcript is, as a page or a file."""
    return f"/sessions/{session.pk}/transcript{ending}"


@pytest.mark.parametrize("ending", ["/", ".md", ".txt"])
def test_who_may_read_a_transcript(
    student: User, other_student: User, teacher: User, other_teacher: User, operator: User, talk: Session, ending: str
) -> None:
    for reader in (student, teacher, operator):
        assert "about" in signed_in(reader).get(path(talk, ending)).content.decode()
    for outsider in (other_student, other_teacher):
        assert signed_in(outsider).get(path(talk, ending)).status_code == 404
    assert Browser().get(path(talk, ending))["Location"].startswith("/accounts/login/")
    assert signed_in(student).post(path(talk, ending)).status_code == 405
    assert signed_in(student).get(f"/sessions/{uuid.uuid4()}/transcript{ending}").status_code == 404


def test_a_teachers_test_is_not_read_by_colleagues_or_students(
    student: User, teacher: User, other_teacher: User, client_profile: ClientProfile
) -> None:
    sessions.accept_notice(by=teacher)
    test = sessions.start(by=teacher, client=client_profile)
    for outsider in (student, other_teacher):
        assert signed_in(outsider).get(path(test)).status_code == 404
    assert "Nothing has been said yet." in words(signed_in(teacher).get(path(test)))


def test_model_text_is_never_markup(student: User, talk: Session) -> None:
    page = words(signed_in(student).get(path(talk)))
    assert "I was &lt;b&gt;about&lt;/b&gt; to" in page
    assert "<b>about" not in page


def test_a_replaced_attempt_is_folded_away_and_an_empty_one_left_out(student: User, talk: Session) -> None:
    page = words(signed_in(student).get(path(talk)))
    assert page.count("An earlier attempt at this reply") == 1
    assert page.count("Replaced by a new reply.") == 1
    assert "This reply was stopped. What arrived is kept." in page


def test_students_see_no_cost_and_staff_do(student: User, teacher: User, talk: Session) -> None:
    talk.cost_microusd, talk.input_tokens, talk.output_tokens = 2_100, 40, 9
    talk.save()
    own = words(signed_in(student).get(path(talk)))
    assert " tokens" not in own
    assert "$0." not in own
    theirs = words(signed_in(teacher).get(path(talk)))
    for text in ("9 tokens", "<dt>Tokens</dt><dd>49</dd>", "$0.0021", "1.5 s"):
        assert text in theirs
    for ending in (".md", ".txt"):
        assert "0.0021" not in signed_in(student).get(path(talk, ending)).content.decode()
        assert "0.0021" in signed_in(teacher).get(path(talk, ending)).content.decode()


def test_each_reader_is_told_who_spoke(student: User, teacher: User, talk: Session) -> None:
    own = words(signed_in(student).get(path(talk)))
    assert "<h1>You and Maria Delgado</h1>" in own
    assert '<h2 class="message-who">You</h2>' in own
    theirs = words(signed_in(teacher).get(path(talk)))
    assert "<h1>Student and Maria Delgado</h1>" in theirs
    assert '<h2 class="message-who">Student</h2>' in theirs
    assert ">You<" not in theirs


def test_only_who_may_go_on_is_offered_to(student: User, teacher: User, talk: Session) -> None:
    link = f'href="/sessions/{talk.pk}/">Continue'
    assert link in words(signed_in(student).get(path(talk)))
    assert link not in words(signed_in(teacher).get(path(talk)))
    Enrolment.objects.get().delete()
    assert link not in words(signed_in(student).get(path(talk)))
    sessions.end(by=student, session=talk)
    assert link not in words(signed_in(student).get(path(talk)))


def test_a_long_transcript_has_pages_with_few_queries(
    student: User, talk: Session, django_assert_max_num_queries: Any
) -> None:
    Message.objects.bulk_create(
        Message(session=talk, sequence=n, role="student", content=f"line number {n:03}") for n in range(6, 452)
    )
    talk.last_sequence = 451
    talk.save()
    browser = signed_in(student)
    with django_assert_max_num_queries(12):
        first = words(browser.get(path(talk)))
    assert "Hello *Maria*" in first
    assert "line number 200" in first
    assert "line number 201" not in first
    assert "Page 1 of 3" in first
    assert re.findall(r"line number (\d+)", words(browser.get(path(talk) + "?page=3"))) == [
        f"{n}" for n in range(401, 452)
    ]
    assert "Page 1 of 3" in words(browser.get(path(talk) + "?page=x"))


def test_the_page_names_the_client_as_it_was_at_the_start(
    student: User, client_profile: ClientProfile, talk: Session
) -> None:
    client_profile.name = "Renamed"
    client_profile.save()
    assert "Renamed" not in words(signed_in(student).get(path(talk)))


def test_a_markdown_file_has_the_whole_conversation_as_text(student: User, talk: Session) -> None:
    answer = signed_in(student).get(path(talk, ".md"))
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="conversation-maria-delgado-\d{4}-\d\d-\d\d-\d{4}\.md"', answer["Content-Disposition"]
    )
    text = answer.content.decode()
    assert text.startswith("# Conversation with Maria Delgado\n\n- Student: Student\n- Section: SW 101 Interviewing\n")
    assert "\nHello \\*Maria\\*\n" in text
    assert "\nI was \\<b\\>about\\</b\\> to\n\n*(stopped)*\n" in text
    assert "**Note** (" in text
    assert "- Ended" not in text
    # What was replaced is no part of what was said.
    assert text.count("I was") == 1


def test_a_text_file_names_its_time_zone_and_the_end(student: User, talk: Session) -> None:
    student.time_zone = "America/Lima"
    student.save()
    sessions.end(by=student, session=talk)
    answer = signed_in(student).get(path(talk, ".txt"))
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    assert "\nTimes: America/Lima\n" in text
    assert "\nState: completed\nEnded: " in text
    assert "] Maria Delgado:\n    I was <b>about</b> to\n    (stopped)\n" in text


def test_a_file_of_a_client_without_latin_letters_has_a_name_too(other_student: User) -> None:
    sessions.accept_notice(by=other_student)
    session = sessions.start(by=other_student, client=make_client(None, "山田 花子"))
    answer = signed_in(other_student).get(path(session, ".txt"))
    assert 'filename="conversation-client-' in answer["Content-Disposition"]
    assert "Conversation with 山田 花子" in answer.content.decode()
    assert "Section" not in answer.content.decode()
