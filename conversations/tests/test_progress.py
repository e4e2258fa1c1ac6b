"""How practice goes: figures, weeks, what is missing, levels by criterion, and the pages that show them."""

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Enrolment, Section, SectionTeacher, User
from clients.models import ClientProfile
from conftest import make_client, make_user
from conversations import progress, rubrics, sessions
from conversations.models import AssignmentException, Message, Rubric, Session
from conversations.progress import Figures, Missing, Period, Practice
from conversations.progress import practice as sums
from conversations.rubrics import MarkValue
from conversations.scores import RubricValue
from conversations.tests.assigned import begin_work, hand_in, set_work
from conversations.tests.pages import add, begin, signed_in, words
from conversations.tests.rubrics import ended_talk

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)


def move(session: Session, **fields: Any) -> Session:
    """The session with these columns."""
    Session.objects.filter(pk=session.pk).update(**fields)
    session.refresh_from_db()
    return session


def at(session: Session, started: dt.datetime, minutes: int) -> Session:
    """The session, begun then, in which the last was said so many minutes later."""
    return move(session, started_at=started, last_activity_at=started + dt.timedelta(minutes=minutes))


def join(section: Section, name: str) -> User:
    """One more student of the section."""
    student = make_user(name, User.Role.STUDENT)
    Enrolment.objects.create(section=section, student=student)
    return student


def score(teacher: User, session: Session, rubric: Rubric, *levels: int, release: bool = False) -> None:
    """A whole scoring of the session."""
    marks = [MarkValue(level) for level in levels]
    scoring = rubrics.score(by=teacher, session=session, marks=marks, rubric=rubric)
    if release:
        assert scoring.latest
        rubrics.release(by=teacher, session=session, number=scoring.latest.number)


# --- Sums -------------------------------------------------------------------------------------------------------------


@pytest.mark.servers
def test_figures_sum_up_what_was_said_how_fast_and_at_what_cost(
    student: User, section: Section, client_profile: ClientProfile
) -> None:
    whole = begin(student, client_profile)
    add(whole, "student", "a" * 30)
    add(whole, "client", "b" * 60, response_ms=1_000)
    add(whole, "client", "c" * 500, Message.Status.SUPERSEDED, response_ms=9_000)
    add(whole, "client", "d" * 10, Message.Status.STOPPED, response_ms=9_000)
    sessions.end(by=student, session=whole)
    at(move(whole, exchanges=3, input_tokens=900, output_tokens=100, cost_microusd=2_100), timezone.now() - HOUR, 12)
    left = at(begin(student, client_profile), timezone.now() - HOUR, 3)
    move(left, status="abandoned", ended_at=timezone.now())
    running = at(begin(student, client_profile), timezone.now() - HOUR, 0)
    found = progress.figures_of(progress.practice_of([section.pk], Period.of("4")))
    assert found == Figures(
        sessions=3, completed=1, ended=2, students=1, minutes=15, turns=3, tokens=1_000, microusd=2_100,
        reply_seconds=1.0, student_characters=30, client_characters=70,
    )  # fmt: skip
    assert (found.completed_percent, found.talk_percent, found.turns_each) == (50, 30, 1.0)
    assert found.microusd_per_1000_tokens == 2_100
    assert left.duration == 3 * dt.timedelta(minutes=1)
    assert running.is_open


@pytest.mark.servers
def test_what_was_said_is_listened_to_in_the_newest_conversations_alone(
    student: User, section: Section, client_profile: ClientProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "MOST_HEARD", 1)
    for days, length in ((2, 50), (1, 20)):
        talk = at(ended_talk(student, client_profile), timezone.now() - days * DAY, 5)
        talk.messages.update(content="a" * length)
    found = progress.figures_of(progress.practice_of([section.pk], Period.of("4")))
    assert (found.sessions, found.student_characters, found.client_characters) == (2, 20, 20)


def test_figures_of_nothing_claim_nothing(section: Section) -> None:
    found = progress.figures_of(progress.practice_of([section.pk], Period.of("4")))
    assert found == Figures()
    assert (found.completed_percent, found.talk_percent, found.turns_each) == (None, None, None)
    assert found.microusd_per_1000_tokens is None


@pytest.mark.servers
def test_weeks_begin_on_the_readers_monday_and_empty_ones_are_shown(
    student: User, section: Section, client_profile: ClientProfile
) -> None:
    period = Period(4, dt.date(2026, 11, 20))  # a Friday
    late_on_sunday = dt.datetime(2026, 11, 8, 23, 30, tzinfo=dt.UTC)
    at(begin(student, client_profile), late_on_sunday, 10)
    with timezone.override("UTC"):
        practice = progress.practice_of([section.pk], period)
        assert [week.sessions for week in progress.by_week(practice, period)] == [0, 1, 0, 0]
        assert period.start == dt.datetime(2026, 10, 26, tzinfo=dt.UTC)
    with timezone.override("Europe/Berlin"):
        practice = progress.practice_of([section.pk], period)
        weeks = progress.by_week(practice, period)
        assert [(week.monday.day, week.sessions, week.minutes) for week in weeks] == [
            (26, 0, 0), (2, 0, 0), (9, 1, 10), (16, 0, 0),
        ]  # fmt: skip


def test_only_practice_in_the_section_and_the_period_counts(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    inside = at(begin(student, client_profile), timezone.now() - HOUR, 5)
    sessions.end(by=student, session=inside)
    old = begin(student, client_profile)
    at(old, timezone.now() - 60 * DAY, 5)
    begin(teacher, client_profile)
    elsewhere = begin(join(section, "guest"), client_profile)
    move(elsewhere, section=Section.objects.create(name="Elsewhere"))
    practice = progress.practice_of([section.pk], Period.of("4"))
    expected = Practice(1, 5, inside.last_activity_at)
    assert progress.by_student(practice) == {student.pk: expected}
    assert progress.by_student(practice, [elsewhere.student_id]) == {}
    assert progress.by_section(practice) == {section.pk: expected}
    assert len(progress.practice_of([section.pk], Period.of("12"))) == 2


# --- What is missing --------------------------------------------------------------------------------------------------


@pytest.mark.servers
def test_work_is_missing_until_every_client_was_talked_with_long_enough(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    other = join(section, "other")
    gone = join(section, "gone")
    Enrolment.objects.filter(student=gone).update(removed_at=timezone.now())
    now = timezone.now()
    work = set_work(teacher, section, client_profile, make_client(teacher, "Sam"), min_exchanges=3, due_at=now + HOUR)
    set_work(teacher, section, client_profile, title="Not open yet", opens_at=now + DAY)

    def missing(*students: User) -> dict[Any, Missing]:
        only = [one.pk for one in students] if students else None
        return progress.missing_by_student(progress.work_set([section.pk], now), now, only)

    assert missing() == {student.pk: Missing(1, 0), other.pk: Missing(1, 0)}
    hand_in(student, work, 0)
    hand_in(student, work, 1, exchanges=2)  # too short
    begin_work(other, work, 0)
    assert set(missing()) == {student.pk, other.pk}
    assert [one.students for one in progress.waiting_until([section.pk], now, now + DAY)] == [2]
    hand_in(student, work, 1)
    assert set(missing()) == {other.pk}
    assert missing(student) == {}
    assert [one.students for one in progress.waiting_until([section.pk], now, now + DAY)] == [1]
    assert progress.waiting_until([section.pk], now, now + HOUR / 2) == []


@pytest.mark.servers
def test_work_is_overdue_after_the_day_that_holds_for_the_student(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    other = join(section, "other")
    now = timezone.now()
    work = set_work(teacher, section, client_profile, due_at=now - HOUR)
    second = set_work(teacher, section, client_profile, title="Second", due_at=now - 2 * HOUR)
    for one, due in ((work, now + DAY), (second, now - HOUR / 2)):
        AssignmentException.objects.create(assignment=one, student=other, due_at=due, granted_by=teacher)
    all_work = progress.work_set([section.pk], now)
    assert progress.missing_by_student(all_work, now) == {student.pk: Missing(2, 2), other.pk: Missing(2, 1)}
    assert [(one.title, one.due_at, one.is_overdue) for one in progress.unfinished_by(other.pk, all_work, now)] == [
        ("Second", now - HOUR / 2, True),
        ("First talk", now + DAY, False),
    ]
    assert progress.late_by_section([section.pk], now) == {section.pk: 2}
    late = progress.most_late([section.pk], now, 1)
    assert [(one.name, one.overdue, one.due_at, one.total) for one in late] == [("Student", 2, second.due_at, 2)]


# --- Levels -----------------------------------------------------------------------------------------------------------


@pytest.mark.servers
def test_levels_are_averaged_by_criterion_also_after_the_rubric_was_turned_round(
    student: User, teacher: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    other = join(section, "other")
    score(teacher, ended_talk(student, client_profile), rubric, 4, 1)
    value = rubric.value()
    turned = RubricValue(value.name, value.description, value.criteria[::-1])
    rubric = rubrics.edit_rubric(by=teacher, rubric=rubric, value=turned, revision=0)
    score(teacher, ended_talk(student, client_profile), rubric, 2, 3)
    score(teacher, ended_talk(other, client_profile), rubric, 3, 3)
    draft = ended_talk(other, client_profile)
    rubrics.score(by=teacher, session=draft, marks=[MarkValue(1), MarkValue()], rubric=rubric)
    practice = progress.practice_of([section.pk], Period.of("4"))
    assert [(one.name, one.times) for one in progress.rubrics_of(practice, "latest")] == [("Listening", 3)]
    means = progress.means_of(practice, rubric.pk, "latest", [student.pk])
    assert means.criteria == ["Criterion 2", "Criterion 1"]
    assert means.of_students == {student.pk: {"Criterion 1": 3.5, "Criterion 2": 1.5}}
    assert means.of_all == {"Criterion 1": pytest.approx(10 / 3), "Criterion 2": 2.0}
    assert progress.rubrics_of(practice, "released") == []


# --- Pages ------------------------------------------------------------------------------------------------------------


def test_a_section_shows_its_figures_of_all_of_one_assignment_or_of_free_practice(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    browser, path = signed_in(teacher), f"/sections/{section.pk}/progress/"
    assert "No conversations in this period" in words(browser.get(path))
    work = set_work(teacher, section, client_profile)
    hand_in(student, work)
    for _number in range(2):
        ended_talk(student, client_profile)
    for query, number in (("", 3), (f"?assignment={work.pk}", 1), ("?assignment=free", 2), ("?assignment=nothing", 3)):
        page = words(browser.get(path + query))
        assert re.search(rf"<dt>conversations?</dt><dd>{number}</dd>", page), query
    assert "Last 12 weeks:" in page
    assert "Last 4 weeks:" in words(browser.get(path + "?period=4&show=nothing"))
    assert "<dt>cost in all</dt><dd>$0" in page


def test_a_chart_has_words_and_a_table_and_numbers_that_browsers_read_in_any_language(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    ended_talk(student, client_profile)
    teacher.language = "es"
    teacher.save()
    page = words(signed_in(teacher).get(f"/sections/{section.pk}/progress/"))
    drawing = page.split("<svg role", 1)[1].split("</figure>", 1)[0]
    for part in ("<title id=", "<desc id=", "<details", "<table"):
        assert part in drawing
    places = re.findall(r' (?:x|y|x1|x2|y1|y2|width|height)="([^"]*)"', drawing)
    assert any("." in place for place in places)
    assert all(re.fullmatch(r"\d+(\.\d+)?%?", place) for place in places), places
    assert "style=" not in page


@pytest.mark.servers
def test_students_of_a_section_are_sorted_by_what_the_teacher_asks(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    busy, late = join(section, "busy"), join(section, "late")
    work = set_work(teacher, section, client_profile, due_at=timezone.now() - HOUR)
    for person in (student, busy):
        hand_in(person, work)
    at(ended_talk(busy, client_profile), timezone.now() - DAY, 50)
    browser = signed_in(teacher)

    def order(sort: str) -> list[str]:
        page = words(browser.get(f"/sections/{section.pk}/progress/?show=students&sort={sort}"))
        return re.findall(r'<th scope="row"> <a href="/sections/[^"]*">([^<]*)</a>', page)

    assert order("") == order("nonsense") == ["Busy", "Late", "Student"]
    assert order("sessions") == ["Busy", "Student", "Late"]
    assert order("minutes")[0] == "Busy"
    assert order("least") == ["Late", "Student", "Busy"]
    assert order("last")[0] == order("overdue")[0] == order("finished")[0] == "Late"
    page = words(browser.get(f"/sections/{section.pk}/progress/?show=students&sort=overdue"))
    assert 'aria-sort="descending"' in page
    assert "1 overdue" in page
    assert f'href="/sections/{section.pk}/students/{late.pk}/progress/?period=12"' in page


def test_staff_see_every_whole_scoring_and_students_only_what_is_released(
    student: User, teacher: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    score(teacher, ended_talk(student, client_profile), rubric, 4, 2)
    staff, own = signed_in(teacher), signed_in(student)
    of_student = f"/sections/{section.pk}/students/{student.pk}/progress/"
    page = words(staff.get(of_student))
    assert "Criterion 1" in page
    assert "1 scored conversation: excellent." in page
    scores = words(staff.get(f"/sections/{section.pk}/progress/?show=scores"))
    assert 'data-label="Criterion 1">4.0</td>' in scores
    assert "Criterion 1" not in words(own.get("/progress/"))
    score(teacher, ended_talk(student, client_profile), rubric, 3, 2, release=True)
    page = words(own.get("/progress/"))
    assert "1 scored conversation: good." in page
    assert "2 scored conversations, from excellent to good." in words(staff.get(of_student))


def test_a_student_sees_their_own_practice_alone_and_what_is_not_finished(
    student: User, other_student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    assert "Choose a client and say hello" in words(signed_in(other_student).get("/progress/"))
    mine = ended_talk(student, client_profile)
    theirs = ended_talk(join(section, "other"), client_profile)
    work = set_work(teacher, section, client_profile, title="Open questions", due_at=timezone.now() - HOUR)
    page = words(signed_in(student).get("/progress/"))
    assert f"/sessions/{mine.pk}/transcript/" in page
    assert str(theirs.pk) not in page
    assert f'href="/work/{work.pk}/"' in page
    assert "Overdue" in page
    assert "$" not in page


def test_who_has_left_the_section_keeps_a_page_and_owes_nothing(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    set_work(teacher, section, client_profile, due_at=timezone.now() - HOUR)
    mine = ended_talk(student, client_profile)
    path = f"/sections/{section.pk}/students/{student.pk}/progress/"
    assert "Not finished yet" in words(signed_in(teacher).get(path))
    Enrolment.objects.update(removed_at=timezone.now())
    page = words(signed_in(teacher).get(path))
    assert "Left the section on" in page
    assert str(mine.pk) in page
    assert "Not finished yet" not in page


def test_the_sections_of_a_teacher_stand_side_by_side(
    student: User, teacher: User, other_teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    assert "You teach no section yet" in words(signed_in(other_teacher).get("/teaching/progress/"))
    SectionTeacher.objects.create(section=Section.objects.create(name="Quiet"), teacher=teacher)
    set_work(teacher, section, client_profile, due_at=timezone.now() - HOUR)
    ended_talk(student, client_profile)
    page = words(signed_in(teacher).get("/teaching/progress/"))
    assert "<dt>conversation</dt><dd>1</dd>" in page
    assert f'href="/sections/{section.pk}/progress/?show=students&amp;sort=overdue&amp;period=12">1<' in page
    assert "Quiet" in page


@pytest.mark.usefixtures("still")
def test_progress_pages_ask_as_much_of_the_database_for_many_as_for_few(
    student: User, teacher: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    def grow(number: int) -> None:
        person = join(section, f"pupil-{number}")
        for pupil in (person, student):
            hand_in(pupil, set_work(teacher, section, client_profile, due_at=timezone.now() - HOUR))
            score(teacher, ended_talk(pupil, client_profile), rubric, 4, 2, release=True)
        AssignmentException.objects.create(
            assignment=set_work(teacher, section, client_profile), student=person, granted_by=teacher
        )

    base = f"/sections/{section.pk}/"
    asked = {
        teacher: [
            "/teaching/",
            "/teaching/progress/",
            f"{base}progress/",
            f"{base}progress/?show=students",
            f"{base}progress/?show=students&sort=overdue",
            f"{base}progress/?show=scores",
            f"{base}students/{student.pk}/progress/",
        ],
        student: ["/progress/"],
    }

    def numbers() -> dict[str, int]:
        counted = {}
        for user, paths in asked.items():
            browser = signed_in(user)
            for path in paths:
                with CaptureQueriesContext(connection) as queries:
                    assert browser.get(path).status_code == 200
                counted[path] = len(queries)
        return counted

    grow(0)
    few = numbers()
    for number in range(1, 4):
        grow(number)
    assert numbers() == few
    assert max(few.values()) <= 12, few
