"""The teacher's side: home, tests of clients, and what tests used."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Enrolment, Section, SectionTeacher, User
from clients.models import ClientProfile
from conftest import make_client, make_user
from conversations import sessions
from conversations.models import Session
from conversations.tests.pages import HTMX, add, begin, signed_in, words
from conversations.views.teaching import sections_of

pytestmark = pytest.mark.django_db


def reply(session: Session, milliseconds: int | None, status: str = "complete") -> None:
    """A reply that took so long."""
    add(session, "client", "Hi.", status, response_ms=milliseconds)


# --- Home -------------------------------------------------------------------------------------------------------------


def test_the_home_is_for_teachers(student: User, teacher: User, operator: User) -> None:
    assert signed_in(teacher).get("/teaching/").status_code == 200
    assert signed_in(student).get("/teaching/").status_code == 404
    assert signed_in(operator).get("/teaching/").status_code == 404
    assert Browser().get("/teaching/")["Location"].startswith("/accounts/login/")


def test_an_empty_home_teaches_the_first_step(other_teacher: User) -> None:
    page = words(signed_in(other_teacher).get("/teaching/"))
    assert "Your first client in three steps" in page
    assert "You teach no section yet" in page
    assert 'href="/clients/new/"' in page


def test_the_home_shows_own_sections_clients_tests_and_what_students_said(
    student: User, teacher: User, other_teacher: User, client_profile: ClientProfile
) -> None:
    make_client(other_teacher, "Not Mine")
    practice, test = begin(student, client_profile), begin(teacher, client_profile)
    begin(other_teacher, make_client(None, "Built In"))
    page = words(signed_in(teacher).get("/teaching/"))
    assert "SW 101 Interviewing" in page
    assert f'href="/sessions/{practice.pk}/transcript/">Student with Maria Delgado</a>' in page
    assert f'href="/sessions/{test.pk}/"' in page
    assert f'action="/clients/{client_profile.pk}/test/"' in page
    assert "Not Mine" not in page
    assert "Built In" not in page
    assert "Your first client" not in page


def test_a_section_counts_its_students_clients_and_conversations(
    student: User, other_student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    SectionTeacher.objects.create(section=section, teacher=make_user("colleague", User.Role.TEACHER))
    Enrolment.objects.create(section=section, student=other_student, removed_at=timezone.now())
    Section.objects.create(name="Somebody else's")
    SectionTeacher.objects.create(
        section=Section.objects.create(name="Old", archived_at=timezone.now()), teacher=teacher
    )
    SectionTeacher.objects.create(section=Section.objects.create(name="Young"), teacher=teacher)
    sessions.end(by=student, session=begin(student, client_profile))
    begin(student, client_profile)
    begin(teacher, client_profile)
    counts = [(row.name, row.students, row.clients, row.talks, row.talking) for row in sections_of(teacher)]  # type: ignore[attr-defined]
    assert counts == [("Interviewing", 1, 1, 2, 1), ("Young", 0, 0, 0, 0)]


def test_the_home_asks_few_questions_however_much_there_is(
    teacher: User, section: Section, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        pupil = make_user(f"pupil-{number}", User.Role.STUDENT)
        Enrolment.objects.create(section=section, student=pupil)
        client = make_client(teacher, f"Client {number}")
        begin(teacher, client)
        begin(pupil, make_client(None, f"Built-in {number}"))
    browser = signed_in(teacher)
    with django_assert_max_num_queries(12):
        page = words(browser.get("/teaching/"))
    assert page.count("/test/") == 6


# --- Tests ------------------------------------------------------------------------------------------------------------


def test_a_test_starts_with_one_post_after_the_notice(teacher: User, client_profile: ClientProfile) -> None:
    browser = signed_in(teacher)
    path = f"/clients/{client_profile.pk}/test/"
    assert browser.post(path)["Location"].startswith("/notice/?next=%2Fclients%2F")
    browser.post("/notice/", {"next": path}, follow=True)
    session = Session.objects.get()
    assert (session.student, session.kind) == (teacher, "test")
    assert browser.post(path)["Location"] == f"/sessions/{session.pk}/"
    assert browser.get(path).status_code == 405


def test_only_staff_who_see_a_client_test_it(
    student: User, other_teacher: User, operator: User, client_profile: ClientProfile
) -> None:
    path = f"/clients/{client_profile.pk}/test/"
    sessions.accept_notice(by=operator)
    assert signed_in(student).post(path).status_code == 404
    assert signed_in(other_teacher).post(path).status_code == 404
    assert Browser().post(path)["Location"].startswith("/accounts/login/")
    assert signed_in(operator).post(path)["Location"] == f"/sessions/{Session.objects.get().pk}/"


def test_an_archived_client_is_not_tested(teacher: User, client_profile: ClientProfile) -> None:
    client_profile.archive()
    sessions.accept_notice(by=teacher)
    assert signed_in(teacher).post(f"/clients/{client_profile.pk}/test/").status_code == 404


def test_the_list_of_tests_is_for_staff_and_their_own(
    student: User, teacher: User, other_teacher: User, operator: User, client_profile: ClientProfile
) -> None:
    begin(teacher, client_profile)
    begin(student, client_profile)
    page = words(signed_in(teacher).get("/tests/"))
    assert page.count('<th scope="row">') == 1
    for colleague in (other_teacher, operator):
        assert "No tests yet" in words(signed_in(colleague).get("/tests/"))
    assert signed_in(student).get("/tests/").status_code == 404
    assert Browser().get("/tests/")["Location"].startswith("/accounts/login/")


def test_the_list_of_tests_says_what_each_used_and_all_together(teacher: User, client_profile: ClientProfile) -> None:
    fast, slow = begin(teacher, client_profile), begin(teacher, make_client(teacher, "Slow Sam"))
    for session, tokens, cost in ((fast, 1_000, 2_100), (slow, 500, 400)):
        session.input_tokens, session.output_tokens, session.cost_microusd = tokens, 10, cost
        session.save()
    for milliseconds in (1_000, 2_000):
        reply(fast, milliseconds)
    reply(slow, 60, "stopped")
    reply(slow, None)
    browser = signed_in(teacher)
    page = words(browser.get("/tests/"))
    for text in (
        "$0.0021",
        "$0.0004",
        "$0.0025",
        "<dd>1520</dd>",
        "<dd>1.5 s</dd>",
        ">1.5 s</td>",
        ">–</td>",
        "2 tests, with",
    ):
        assert text in page
    filtered = words(browser.get("/tests/?q=slow"))
    assert "1 test, with" in filtered
    assert "<dd>510</dd>" in filtered
    assert "<dd>–</dd>" in filtered
    assert "No test fits this search" in words(browser.get("/tests/?q=nobody"))


def test_many_tests_are_pages_with_few_queries(
    teacher: User, client_profile: ClientProfile, django_assert_max_num_queries: Any
) -> None:
    for _number in range(30):
        session = begin(teacher, client_profile)
        reply(session, 1_000)
        sessions.end(by=teacher, session=session)
    browser = signed_in(teacher)
    with django_assert_max_num_queries(12):
        page = words(browser.get("/tests/?status=completed"))
    assert page.count('<th scope="row">') == 25
    assert "30 tests, with" in page
    assert "?status=completed&amp;before=" in page
    part = words(browser.get("/tests/", headers=HTMX))
    assert "<html" not in part


def test_the_home_says_when_it_does_not_show_every_section(teacher: User, section: Section) -> None:
    home = signed_in(teacher)
    assert "first 50 of your sections" not in words(home.get("/teaching/"))
    for number in range(50):
        Section.objects.create(name=f"Group {number:02}").teachers.add(teacher)
    assert "first 50 of your sections" in words(home.get("/teaching/"))


def test_a_scripted_test_names_its_voice(teacher: User, client_profile: ClientProfile) -> None:
    test = begin(teacher, client_profile)
    add(test, "student", "Hello.")
    for address in ("/tests/", f"/sessions/{test.pk}/transcript/", f"/sessions/{test.pk}/transcript.txt"):
        assert "scripted voice" in words(signed_in(teacher).get(address))
