"""The teacher's side: home, tests of clients, and what tests used."""

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Enrolment, Section, SectionTeacher, User
from clients.models import ClientOpening, ClientProfile
from conftest import make_client, make_user
from conversations import sessions, wall
from conversations.models import Flag, Session
from conversations.rubrics import MarkValue, create_rubric, release, score
from conversations.tests.assigned import begin_work, hand_in, set_work
from conversations.tests.pages import HTMX, add, begin, signed_in, words
from conversations.tests.rubrics import listening
from conversations.views.needs import needs_of
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


def test_the_home_shows_own_sections_and_clients_and_who_is_calm(
    student: User, teacher: User, other_teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    make_client(other_teacher, "Not Mine")
    begin(student, client_profile)
    page = words(signed_in(teacher).get("/teaching/"))
    assert f'<a href="/sections/{section.pk}/">SW 101 Interviewing</a>' in page
    assert f'action="/clients/{client_profile.pk}/test/"' in page
    assert "Nobody needs you just now." in page
    assert "Not Mine" not in page
    assert "Your first client" not in page


def test_the_home_names_whom_the_wall_calls_stuck(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    now = timezone.now()
    quiet = {"just-now": 1, "stuck": 4, "long-gone": 20, "moment": 4, "fault": 1, "answered": 1}
    for name, minutes in quiet.items():
        pupil = make_user(name, User.Role.STUDENT)
        Enrolment.objects.create(section=section, student=pupil)
        talk = begin(pupil, client_profile)
        add(talk, "student", "Hello.")
        if name in {"fault", "answered"}:
            add(talk, "client", "", "failed")
        if name == "answered":
            add(talk, "student", "Hello again.")
        changes: dict[str, Any] = {"last_activity_at": now - dt.timedelta(minutes=minutes)}
        Session.objects.filter(pk=talk.pk).update(**changes | ({"status": "paused"} if name == "moment" else {}))
    groups = needs_of(teacher, {section.pk: section}, now)
    assert [(group.title, group.total) for group in groups] == [("Stuck now", 2)]
    assert [row.who for row in groups[0].rows] == ["Stuck", "Fault"]
    assert "the last reply failed" in groups[0].rows[1].what
    seen = wall.look(wall.Sight(teacher, section, None, now))
    assert {tile.student for tile in seen.tiles if tile.state == wall.State.STUCK} == {"Stuck", "Fault"}


def test_the_home_lists_flags_of_others_and_names_only_own_students(
    student: User, other_student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    replies = {}
    for person in (student, other_student, teacher):
        talk = begin(person, client_profile if person != other_student else open_to_all(teacher, person))
        add(talk, "student", "Hello.")
        replies[person] = add(talk, "client", "Go away.")
        Flag.objects.create(message=replies[person], raised_by=person, reason="hurtful")
    page = words(signed_in(teacher).get("/teaching/"))
    assert re.findall(r"<strong>([^<]*)</strong>", page) == ["Student", "Someone else’s student"]
    assert "It upset me: a reply of Maria Delgado." in page
    assert "Go away" not in page
    Flag.objects.update(settled_at=timezone.now())
    assert "Nobody needs you just now." in words(signed_in(teacher).get("/teaching/"))


def open_to_all(teacher: User, student: User) -> ClientProfile:
    """A client of the teacher in a section of somebody else, which this student is in."""
    client, elsewhere = make_client(teacher, "Abroad"), Section.objects.create(name="Elsewhere")
    Enrolment.objects.create(section=elsewhere, student=student)
    ClientOpening.objects.create(client=client, section=elsewhere, opened_by=teacher)
    return client


def test_the_home_lists_what_is_to_grade_until_it_is_released(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    rubric = create_rubric(by=teacher, value=listening())
    graded = set_work(teacher, section, client_profile, rubric=rubric, grading="graded", title="Graded talk")
    handed_in = hand_in(student, graded)
    hand_in(student, set_work(teacher, section, client_profile, rubric=rubric, title="Just practice"))
    begin_work(student, graded)
    page = words(signed_in(teacher).get("/teaching/"))
    assert "“Graded talk” with Maria Delgado" in page
    assert f'href="/sessions/{handed_in.session_id}/scoring/"' in page
    assert "Just practice" not in page
    score(by=teacher, session=handed_in.session, marks=[MarkValue(4), MarkValue(3)], rubric=rubric)
    assert "Graded talk" in words(signed_in(teacher).get("/teaching/"))
    release(by=teacher, session=handed_in.session, number=1)
    assert "Graded talk" not in words(signed_in(teacher).get("/teaching/"))


def test_the_home_says_what_is_due_soon_and_who_is_late(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    late = make_user("late", User.Role.STUDENT)
    Enrolment.objects.create(section=section, student=late)
    now = timezone.now()
    titles = {"Long ago": -50, "Yesterday": -24, "Soon": 1, "Next week": 170}
    for title, hours in titles.items():
        work = set_work(teacher, section, client_profile, title=title, due_at=now + dt.timedelta(hours=hours))
        if title != "Next week":
            hand_in(student, work)
    found = {group.key: group for group in needs_of(teacher, {row.pk: row for row in sections_of(teacher)}, now)}
    assert set(found) == {"due", "overdue"}
    assert [(row.who, row.what) for row in found["due"].rows] == [
        ("Soon", "1 of 2 in SW 101 Interviewing have finished.")
    ]
    assert [(row.who, row.what) for row in found["overdue"].rows] == [
        ("Late", "2 assignments in SW 101 Interviewing are not finished.")
    ]
    assert found["overdue"].rows[0].href == f"/sections/{section.pk}/students/{late.pk}/progress/"


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
