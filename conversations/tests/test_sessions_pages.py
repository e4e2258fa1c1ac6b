"""One's conversations as pages: the history, the chat page, its verbs, and the page after the end."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Enrolment, School, User
from clients.models import ClientOpening, ClientProfile
from conftest import make_client
from conversations import sessions
from conversations.models import Message, Session, Turn
from conversations.tests.pages import HTMX, begin, free_money, signed_in, words

pytestmark = pytest.mark.django_db


def say(session: Session, *lines: str) -> list[Message]:
    """Student and client in turn say these lines."""
    made: list[Message] = []
    for text in lines:
        session.last_sequence += 1
        role = Message.Role.STUDENT if session.last_sequence % 2 else Message.Role.CLIENT
        answered = made[-1] if made and role == Message.Role.CLIENT else None
        made.append(
            Message.objects.create(
                session=session, sequence=session.last_sequence, role=role, content=text, reply_to=answered
            )
        )
    session.save()
    return made


def history(student: User, number: int) -> list[Session]:
    """That many completed sessions, one a minute, newest first; some start at the same moment."""
    client = make_client(None, "Walter Haines")
    version = begin(student, client).client_version
    now = timezone.now()
    Session.objects.all().delete()
    made = [
        Session.objects.create(
            student=student, client=client, client_version=version, voice="scripted", model="scripted",
            status="completed", started_at=now - dt.timedelta(minutes=n - (n % 3 == 0)), ended_at=now,
        )
        for n in range(number)
    ]  # fmt: skip
    return sorted(made, key=lambda session: (session.started_at, session.pk), reverse=True)


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """A practice session of the student with the teacher's client."""
    return begin(student, client_profile)


# --- The history ------------------------------------------------------------------------------------------------------


def test_the_history_is_the_students_own(student: User, other_student: User, talk: Session) -> None:
    assert "Maria Delgado" in words(signed_in(student).get("/sessions/"))
    assert "No conversations yet" in words(signed_in(other_student).get("/sessions/"))
    assert Browser().get("/sessions/")["Location"].startswith("/accounts/login/")


def test_an_open_conversation_is_continued_and_any_other_is_read(student: User, talk: Session) -> None:
    page = words(signed_in(student).get("/sessions/"))
    assert f'href="/sessions/{talk.pk}/"' in page
    Enrolment.objects.get().delete()
    page = words(signed_in(student).get("/sessions/"))
    assert f'href="/sessions/{talk.pk}/"' not in page
    assert f'href="/sessions/{talk.pk}/transcript/"' in page


def test_the_history_is_paged_by_key_forth_and_back_without_holes(
    student: User, django_assert_max_num_queries: Any
) -> None:
    expected = [str(session.pk) for session in history(student, 60)]
    browser = signed_in(student)
    seen: list[list[str]] = []
    url, back = "/sessions/", ""
    while url:
        with django_assert_max_num_queries(12):
            page = words(browser.get(url))
        seen.append(re.findall(r'href="/sessions/([0-9a-f-]{36})/transcript/"', page))
        older = re.search(r'rel="next" href="([^"]*)"', page)
        newer = re.search(r'rel="prev" href="([^"]*)"', page)
        assert bool(newer) == (len(seen) > 1)
        back = newer[1].replace("&amp;", "&") if newer else ""
        url = f"/sessions/{older[1]}".replace("&amp;", "&") if older else ""
    assert [len(rows) for rows in seen] == [25, 25, 10]
    assert [key for rows in seen for key in rows] == expected
    middle = words(browser.get(f"/sessions/{back}"))
    assert re.findall(r'href="/sessions/([0-9a-f-]{36})/transcript/"', middle) == seen[1]
    newer = re.search(r'rel="prev" href="([^"]*)"', middle)
    assert newer
    first = words(browser.get("/sessions/" + newer[1].replace("&amp;", "&")))
    assert re.findall(r'href="/sessions/([0-9a-f-]{36})/transcript/"', first) == seen[0]
    assert 'rel="prev"' not in first


def test_a_page_behind_the_end_leads_back_to_the_newest(student: User, talk: Session) -> None:
    long_ago = f"{(timezone.now() - dt.timedelta(days=9)).isoformat()}_{uuid.uuid4()}"
    page = words(signed_in(student).get("/sessions/", {"before": long_ago, "status": "open"}))
    assert "No conversation fits this search" in page


@pytest.mark.parametrize(
    "position",
    ["x", "2026-01-01_x", f"2026-01-01T00:00:00_{uuid.UUID(int=7)}", "_", "9999-12-31T23:59:59-23:59_" + "0" * 32],
)
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_position_that_cannot_be_read_is_the_first_page(
    student: User, talk: Session, side: str, position: str
) -> None:
    assert "Maria Delgado" in words(signed_in(student).get("/sessions/", {side: position}))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "maria"}, True),
        ({"q": "rent is due"}, True),
        ({"q": "nothing like it"}, False),
        ({"status": "open"}, True),
        ({"status": "completed"}, False),
        ({"status": "closed"}, False),
        ({"status": "strange"}, True),
        ({"q": "maria", "status": "open"}, True),
    ],
)
def test_the_history_is_searched_by_client_words_and_state(
    student: User, talk: Session, query: dict[str, str], found: bool
) -> None:
    say(talk, "Hello, the rent is due", "Yes, the rent is due.")
    page = words(signed_in(student).get("/sessions/", query, headers=HTMX))
    assert "<html" not in page
    assert page.count('<th scope="row">Maria Delgado') == found


# --- The chat page ----------------------------------------------------------------------------------------------------


def test_the_chat_page_carries_its_socket(student: User, talk: Session, django_assert_max_num_queries: Any) -> None:
    say(talk, "Hello", "Hi.")
    browser = signed_in(student)
    with django_assert_max_num_queries(12):
        page = words(browser.get(f"/sessions/{talk.pk}/"))
    assert f'data-socket="/ws/sessions/{talk.pk}/"' in page
    assert 'data-last-sequence="2"' in page
    assert 'data-max-length="8000"' in page
    assert "Scripted practice client" in page
    assert "Hello" in page
    assert 'data-show-cost=""' in page
    assert "Show earlier messages" not in page


def test_a_break_names_whom_to_turn_to(student: User, talk: Session, school: School) -> None:
    sessions.pause(by=student, session=talk)
    page = words(signed_in(student).get(f"/sessions/{talk.pk}/"))
    assert "To talk with a person: help@school.example." in page


def test_the_chat_page_is_for_who_holds_the_conversation_and_for_who_follows_it(
    student: User, other_student: User, teacher: User, other_teacher: User, operator: User, talk: Session
) -> None:
    path = f"/sessions/{talk.pk}/"
    assert signed_in(student).get(path).status_code == 200
    assert signed_in(other_student).get(path).status_code == 404
    assert signed_in(other_teacher).get(path).status_code == 404
    for reader in (teacher, operator):
        assert "You are following Student." in words(signed_in(reader).get(path))
    assert Browser().get(path)["Location"] == f"/accounts/login/?next={path}"
    assert signed_in(student).get(f"/sessions/{uuid.uuid4()}/").status_code == 404


def test_who_has_left_the_section_reads_but_does_not_go_on(student: User, talk: Session) -> None:
    Enrolment.objects.get().delete()
    browser = signed_in(student)
    answer = browser.get(f"/sessions/{talk.pk}/", follow=True)
    assert answer.redirect_chain == [(f"/sessions/{talk.pk}/transcript/", 302)]
    assert "You have left the section of this conversation" in words(answer)
    for verb in ("pause", "resume"):
        assert browser.post(f"/sessions/{talk.pk}/{verb}/").status_code == 404
    browser.post(f"/sessions/{talk.pk}/end/")
    talk.refresh_from_db()
    assert talk.status == "completed"


def test_a_long_conversation_shows_its_end_and_loads_the_rest(student: User, talk: Session) -> None:
    say(talk, *(f"line number {n:03}" for n in range(1, 121)))
    browser = signed_in(student)
    page = words(browser.get(f"/sessions/{talk.pk}/"))
    assert re.findall(r"line number (\d+)", page) == [f"{n:03}" for n in range(71, 121)]
    assert f"/sessions/{talk.pk}/?before=71" in page
    part = words(browser.get(f"/sessions/{talk.pk}/?before=71", headers=HTMX))
    assert "<html" not in part
    assert re.findall(r"line number (\d+)", part) == [f"{n:03}" for n in range(21, 71)]
    last = words(browser.get(f"/sessions/{talk.pk}/?before=21", headers=HTMX))
    assert re.findall(r"line number (\d+)", last) == [f"{n:03}" for n in range(1, 21)]
    assert "Show earlier messages" not in last
    # Without scripts the transcript has everything.
    assert browser.get(f"/sessions/{talk.pk}/?before=71")["Location"] == f"/sessions/{talk.pk}/transcript/"
    for nonsense in ("x", "-1", "²", "9" * 30, ""):
        assert "line number 120" in words(browser.get(f"/sessions/{talk.pk}/", {"before": nonsense}))


def run_turn(session: Session, message: Message, text: str) -> Turn:
    """A turn of which this text has arrived."""
    money = free_money(session.student)
    return Turn.objects.create(
        session=session, message=message, reservation=money, status="streaming", partial_text=text, partial_index=2
    )


def test_a_reload_in_the_middle_of_a_reply_shows_what_has_arrived(student: User, talk: Session) -> None:
    (message,) = say(talk, "Hello")
    turn = run_turn(talk, message, "I was about to")
    page = words(signed_in(student).get(f"/sessions/{talk.pk}/"))
    assert f'data-id="{turn.reply_id}" data-status="streaming"' in page
    assert "I was about to" in page


def test_a_reply_that_ends_during_the_page_is_shown_once(student: User, talk: Session) -> None:
    (message,) = say(talk, "Hello")
    turn = run_turn(talk, message, "I was")
    Message.objects.create(pk=turn.reply_id, session=talk, sequence=2, role="client", content="I was there.")
    page = words(signed_in(student).get(f"/sessions/{talk.pk}/"))
    assert page.count(f'data-id="{turn.reply_id}"') == 1
    assert "I was there." in page


def test_a_teachers_test_shows_tokens_cost_and_time_of_each_reply(
    teacher: User, client_profile: ClientProfile, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "sk-test"
    test = begin(teacher, client_profile)
    _said, reply = say(test, "Hello", "Hi.")
    reply.token_count, reply.cost_microusd, reply.response_ms = 7, 2_100, 1_234
    reply.save()
    page = words(signed_in(teacher).get(f"/sessions/{test.pk}/"))
    assert 'data-show-cost="yes"' in page
    for text in ("7 tokens", "$0.0021", "1.2 s", "Model for the next replies", "claude-sonnet-5-5", "for 30 messages"):
        assert text in page
    assert "Scripted practice client" not in page


def test_a_model_above_the_warning_says_so(teacher: User, client_profile: ClientProfile, settings: Any) -> None:
    settings.ANTHROPIC_API_KEY, settings.COST_WARNING_MICROUSD = "sk-test", 10_000
    page = words(signed_in(teacher).get(f"/sessions/{begin(teacher, client_profile).pk}/"))
    assert "for 30 messages, more than $0.0100" in page


def test_a_talk_with_a_tutor_stands_in_a_list_of_its_own(student: User) -> None:
    Session.objects.create(student=student, persona="coach", voice="scripted", model="scripted")
    assert "No conversations yet" in words(signed_in(student).get("/sessions/"))


# --- What can be done in it -------------------------------------------------------------------------------------------


def test_pause_go_on_and_end(student: User, talk: Session) -> None:
    browser = signed_in(student)
    assert browser.post(f"/sessions/{talk.pk}/pause/")["Location"] == f"/sessions/{talk.pk}/"
    talk.refresh_from_db()
    assert talk.status == "paused"
    assert browser.post(f"/sessions/{talk.pk}/resume/")["Location"] == f"/sessions/{talk.pk}/"
    talk.refresh_from_db()
    assert talk.status == "active"
    for _again in range(2):
        assert browser.post(f"/sessions/{talk.pk}/end/")["Location"] == f"/sessions/{talk.pk}/ended/"
    talk.refresh_from_db()
    assert talk.status == "completed"


def test_a_rule_that_refuses_is_said_on_the_page(student: User, talk: Session) -> None:
    sessions.end(by=student, session=talk)
    answer = signed_in(student).post(f"/sessions/{talk.pk}/pause/", follow=True)
    assert answer.redirect_chain[-1] == (f"/sessions/{talk.pk}/ended/", 302)
    assert "This conversation has ended." in words(answer)


@pytest.mark.parametrize("verb", ["pause", "resume", "end", "model"])
def test_nobody_else_does_anything_in_a_conversation(
    student: User, other_student: User, teacher: User, other_teacher: User, operator: User, talk: Session, verb: str
) -> None:
    path = f"/sessions/{talk.pk}/{verb}/"
    for user in (other_student, teacher, other_teacher, operator):
        assert signed_in(user).post(path, {"model": "claude-haiku-5-5"}).status_code == 404
    assert Browser().post(path)["Location"].startswith("/accounts/login/")
    assert signed_in(student).get(path).status_code == 405
    talk.refresh_from_db()
    assert (talk.status, talk.model, talk.revision) == ("active", "scripted", 0)


def test_a_teacher_switches_the_model_of_a_test(teacher: User, client_profile: ClientProfile, settings: Any) -> None:
    settings.ANTHROPIC_API_KEY = "sk-test"
    test = begin(teacher, client_profile)
    browser = signed_in(teacher)
    answer = browser.post(f"/sessions/{test.pk}/model/", {"model": "claude-sonnet-5-5"})
    assert answer["Location"] == f"/sessions/{test.pk}/"
    test.refresh_from_db()
    assert test.model == "claude-sonnet-5-5"
    for refused in ({"model": "gpt-1"}, {}):
        page = words(browser.post(f"/sessions/{test.pk}/model/", refused, follow=True))
        assert "This model is not offered here." in page


def test_a_student_never_switches_a_model(student: User, talk: Session) -> None:
    assert signed_in(student).post(f"/sessions/{talk.pk}/model/", {"model": "claude-haiku-5-5"}).status_code == 404


# --- After the end ----------------------------------------------------------------------------------------------------


def test_the_page_after_the_end_says_what_was_saved_and_leads_on(
    student: User, client_profile: ClientProfile, talk: Session, django_assert_max_num_queries: Any
) -> None:
    say(talk, "Hello there Maria", "Hi.", "How are you?", "Tired.")
    talk.exchanges, talk.started_at = 2, timezone.now() - dt.timedelta(minutes=12)
    talk.save()
    sessions.end(by=student, session=talk)
    browser = signed_in(student)
    assert browser.get(f"/sessions/{talk.pk}/")["Location"] == f"/sessions/{talk.pk}/ended/"
    # A version never changes: a process reads it once, mostly when the client speaks.
    assert talk.snapshot
    with django_assert_max_num_queries(12):
        page = words(browser.get(f"/sessions/{talk.pk}/ended/"))
    for text in (
        "<dd>12</dd>",
        "<dd>2</dd>",
        "<dd>6</dd>",
        "Talk with Maria Delgado again",
        "Choose another client",
        f'action="/practice/{client_profile.pk}/start/"',
        f'href="/sessions/{talk.pk}/transcript/"',
    ):
        assert text in page
    ClientOpening.objects.update(closed_at=timezone.now())
    assert "again" not in words(browser.get(f"/sessions/{talk.pk}/ended/")).split("What next")[1]


def test_the_page_after_the_end_of_a_test_leads_to_tests(teacher: User, client_profile: ClientProfile) -> None:
    test = begin(teacher, client_profile)
    sessions.end(by=teacher, session=test)
    page = words(signed_in(teacher).get(f"/sessions/{test.pk}/ended/"))
    assert f'action="/clients/{client_profile.pk}/test/"' in page
    assert 'href="/clients/"' in page


def test_an_open_conversation_has_no_page_after_its_end(student: User, talk: Session) -> None:
    assert signed_in(student).get(f"/sessions/{talk.pk}/ended/")["Location"] == f"/sessions/{talk.pk}/"


def test_the_page_after_the_end_is_for_who_held_the_conversation(
    student: User, other_student: User, teacher: User, operator: User, talk: Session
) -> None:
    sessions.end(by=student, session=talk)
    path = f"/sessions/{talk.pk}/ended/"
    for user in (other_student, teacher, operator):
        assert signed_in(user).get(path).status_code == 404
    assert Browser().get(path)["Location"].startswith("/accounts/login/")


def test_the_end_says_truly_who_can_read_it_and_counts_one_as_one(
    student: User, teacher: User, client_profile: ClientProfile
) -> None:
    for person, readers in (
        (student, "You, the teachers of your section, and the people who run this portal can read it."),
        (teacher, "You and the people who run this portal can read it."),
    ):
        session = begin(person, client_profile)
        say(session, "Hello")
        sessions.end(by=person, session=session)
        page = words(signed_in(person).get(f"/sessions/{session.pk}/ended/"))
        assert readers in page
        for label in ("<dt>Minute</dt>", "<dt>Turns</dt>", "<dt>Word you said</dt>"):
            assert label in page
