"""A student's work: what is due, what is left, how an attempt begins, runs and ends."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Enrolment, Notification, Section, User
from clients.models import ClientProfile
from conversations import assignments, rubrics, sessions
from conversations.assignments import Grant
from conversations.models import Assignment, Attempt, Rubric, Session
from conversations.tests.assigned import begin_work, hand_in, set_work
from conversations.tests.pages import signed_in, words
from conversations.tests.rubrics import WHOLE_MARKS

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def order(page: str, *texts: str) -> bool:
    """Whether these texts stand on the page in this order."""
    places = [page.find(text) for text in texts]
    return -1 not in places and places == sorted(places)


def test_students_begin_at_their_work_once_they_have_any(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    browser = signed_in(student)
    assert browser.get("/start/")["Location"] == "/practice/"
    assert "No work is set yet" in words(browser.get("/work/"))
    set_work(teacher, section, client_profile)
    assert browser.get("/start/")["Location"] == "/work/"


def test_whoever_opens_the_work_has_read_that_it_was_set(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile)
    told = Notification.objects.shown_to(student).unread()
    assert told.count() == 1
    signed_in(teacher).get(f"/assignments/{work.pk}/preview/")
    assert told.count() == 1
    signed_in(student).get(f"/work/{work.pk}/")
    assert told.count() == 0


def test_the_list_begins_with_what_is_overdue_and_offers_to_resume(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    now = timezone.now()
    done = set_work(teacher, section, client_profile, title="All done")
    set_work(teacher, section, client_profile, title="Some day")
    set_work(teacher, section, client_profile, title="Due soon", due_at=now + DAY)
    set_work(teacher, section, client_profile, title="Too late", due_at=now - 2 * DAY)
    opens = set_work(teacher, section, client_profile, title="Not yet", opens_at=now + DAY, due_at=now + 9 * DAY)
    hand_in(student, done)
    running = begin_work(student, Assignment.objects.get(title="Due soon"))
    page = words(signed_in(student).get("/work/"))
    assert order(
        page, "Overdue", "Too late", "Now and this week", "Due soon", "Later", "Not yet", "Some day", "All done"
    )
    assert f'href="/sessions/{running.pk}/"' in page
    assert "2 days ago" in page
    assert "Opens later" in page
    assert "You can begin from" in words(signed_in(student).get(f"/work/{opens.pk}/"))


def test_the_page_says_the_rules_and_what_it_is_scored_by(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(
        teacher, section, client_profile, rubric=rubric, min_exchanges=8, max_attempts=1, time_limit_minutes=30,
        late_rule="deduct", late_percent=20, due_at=timezone.now() + DAY, instructions="Listen well.",
    )  # fmt: skip
    page = words(signed_in(student).get(f"/work/{work.pk}/"))
    for said in (
        "Listen well.", "1 with each client", "30 minutes for each attempt", "20 % of the score is taken off",
        "At least 8 exchanges", "Criterion 2", "75 %", "1 attempt left",
    ):  # fmt: skip
        assert said in page, said


def test_a_limited_attempt_asks_once_and_goes_by_the_notice(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, max_attempts=1, time_limit_minutes=30)
    browser, path = signed_in(student), f"/work/tasks/{work.clients.get().pk}/start/"
    assert f'href="{path}"' in words(browser.get(f"/work/{work.pk}/"))
    asked = words(browser.get(path))
    assert "You have 1 attempt and 30 minutes." in asked
    assert "begins when you press Start" in asked
    assert not Attempt.objects.exists()
    assert browser.post(path)["Location"].startswith("/notice/?next=")
    page = browser.post("/notice/", {"next": path}, follow=True)
    session = Session.objects.get()
    assert page.redirect_chain[-1][0] == f"/sessions/{session.pk}/"
    assert session.deadline_at
    assert round((session.deadline_at - session.started_at).total_seconds() / 60) == 30
    assert browser.post(path)["Location"] == f"/sessions/{session.pk}/"
    sessions.end(by=student, session=session)
    Session.objects.update(exchanges=1)
    assert browser.get(path)["Location"] == f"/work/{work.pk}/"
    assert "You have no attempt left with Maria Delgado." in words(browser.post(path, follow=True))


def test_clients_in_order_are_locked_with_the_reason_until_the_one_before_is_finished(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, second, in_order=True)
    browser, later = signed_in(student), f"/work/tasks/{work.clients.get(client=second).pk}/start/"
    page = words(browser.get(f"/work/{work.pk}/"))
    assert "Opens when you have finished with Maria Delgado." in page
    assert later not in page
    sessions.accept_notice(by=student)
    assert "Talk with Maria Delgado first" in words(browser.post(later, follow=True))
    hand_in(student, work)
    assert later in words(browser.get(f"/work/{work.pk}/"))


def test_the_chat_of_an_attempt_names_the_work_the_exchanges_asked_for_and_asks_before_it_ends_too_short(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, min_exchanges=8, time_limit_minutes=20)
    session = begin_work(student, work)
    Session.objects.update(exchanges=3)
    browser = signed_in(student)
    page = words(browser.get(f"/sessions/{session.pk}/"))
    assert "First talk" in page
    assert "3 of 8 exchanges" in page
    assert 'data-least="8"' in page
    assert f'href="/work/{work.pk}/"' in page
    asked = words(browser.post(f"/sessions/{session.pk}/end/"))
    assert "This will not count yet: 8 exchanges are asked for, and there have been 3." in asked
    assert Session.objects.get().is_open
    ended = words(browser.post(f"/sessions/{session.pk}/end/", {"sure": "yes"}, follow=True))
    assert "it does not count" in ended
    assert "8 exchanges are asked for, and there were 3." in ended
    assert "Start a new one" not in ended
    page = words(browser.get(f"/work/{work.pk}/"))
    assert "too short to count: 8 are asked for" in page
    assert "Try again" in page


def test_a_conversation_that_is_long_enough_or_free_ends_without_a_question(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    session = begin_work(student, set_work(teacher, section, client_profile, min_exchanges=2))
    Session.objects.update(exchanges=2)
    free = sessions.start(by=student, client=client_profile)
    browser = signed_in(student)
    for one in (session, free):
        assert browser.post(f"/sessions/{one.pk}/end/")["Location"] == f"/sessions/{one.pk}/ended/"


def test_the_page_after_the_end_says_whether_it_was_late_and_what_comes_next(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, second, due_at=timezone.now() - DAY / 2)
    browser = signed_in(student)
    page = words(browser.get(f"/sessions/{hand_in(student, work).session_id}/ended/"))
    assert "That is 1 day late." in page
    assert "Next in this assignment: Robert Hale. What your teacher scores appears on" in page
    assert f'href="/work/{work.pk}/"' in page
    assignments.grant_exception(by=teacher, assignment=work, student=student, grant=Grant(timezone.now() + DAY))
    page = words(browser.get(f"/sessions/{hand_in(student, work, position=1).session_id}/ended/"))
    assert "That is in time." in page
    assert "That was all of it." in page


def test_a_score_is_seen_once_it_is_released_and_a_late_one_says_what_it_counts_as(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(
        teacher, section, client_profile, rubric=rubric, late_rule="deduct", due_at=timezone.now() - DAY / 2
    )
    attempt = hand_in(student, work)
    scoring = rubrics.score(by=teacher, session=attempt.session, marks=WHOLE_MARKS, rubric=rubric)
    assert scoring.latest
    assert scoring.latest.total
    browser, path = signed_in(student), f"/work/{work.pk}/"
    page = words(browser.get(path))
    assert "no score is released yet" in page
    assert "appears here once it is released" in page
    assert f"{scoring.latest.total.mean} of 4" not in page
    rubrics.release(by=teacher, session=attempt.session, number=1)
    page = words(browser.get(path))
    assert f"{scoring.latest.total.mean} of 4 ({scoring.latest.total.percent} %)" in page
    assert "once it is released" not in page
    kept = assignments.standings([work], [student])[0].deadlines.kept(scoring.latest.total.percent, attempt.finished_at)
    assert f"counted as {kept} %, since it was late" in page


def test_what_is_closed_archived_or_of_a_section_left_is_no_longer_begun(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    closed = set_work(teacher, section, client_profile, late_rule="refuse", due_at=timezone.now() - DAY)
    browser = signed_in(student)
    page = words(browser.get(f"/work/{closed.pk}/"))
    assert "nothing more is accepted" in page
    assert "/work/tasks/" not in page
    work = set_work(teacher, section, client_profile)
    session = begin_work(student, work)
    assignments.archive_assignment(by=teacher, assignment=work)
    assert browser.get(f"/work/{work.pk}/").status_code == 404
    page = words(browser.get(f"/sessions/{session.pk}/"))
    assert 'href="/work/"' in page
    Session.objects.update(exchanges=1)
    ended = browser.post(f"/sessions/{session.pk}/end/", follow=True)
    assert 'href="/work/"' in words(ended)
    Enrolment.objects.update(removed_at=timezone.now())
    for path in (f"/work/{closed.pk}/", f"/work/tasks/{closed.clients.get().pk}/start/"):
        assert browser.get(path).status_code == 404


def test_an_attempt_stays_out_of_free_practice(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    begin_work(student, set_work(teacher, section, client_profile, second), position=1)
    page = words(signed_in(student).get("/practice/"))
    assert "Still open" not in page
    assert "Not started yet" in page


@pytest.mark.usefixtures("still")
def test_the_pages_cost_the_same_queries_for_little_work_and_for_much(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, due_at=timezone.now() + DAY)
    browser = signed_in(student)

    def counts() -> list[int]:
        found: list[int] = []
        for path in ("/work/", f"/work/{work.pk}/"):
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(path).status_code == 200
            found.append(len(queries))
        return found

    hand_in(student, work)
    counts()
    few = counts()
    for number in range(30):
        set_work(teacher, section, client_profile, second, title=f"Work {number}", rubric=rubric)
    for _again in range(3):
        attempt = hand_in(student, work)
        rubrics.score(by=teacher, session=attempt.session, marks=WHOLE_MARKS, rubric=rubric)
        rubrics.release(by=teacher, session=attempt.session, number=1)
    assert counts() == few
    assert max(few) <= 12, few
    page: Any = browser.get("/work/?page=2")
    assert "Page 2 of 2" in words(page)
