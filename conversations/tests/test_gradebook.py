"""Gradebooks: what students were told, after lateness, empty where there is nothing; every cell comes back equal."""

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Enrolment, Section, StudentDetails, User
from clients.models import ClientProfile
from conftest import make_client, make_user
from conversations import rubrics
from conversations.exports import csv_text
from conversations.gradebook import FORMATS, Gradebook, GradeRow, assignments_of, gradebook, students_of
from conversations.models import Assignment, AssignmentException, Attempt, Rubric, Session
from conversations.rubrics import MarkValue
from conversations.tests.assigned import hand_in, set_work
from conversations.tests.pages import signed_in, words
from monitoring.cells import BOM, unguarded

pytestmark = pytest.mark.django_db

GRADED = Assignment.Grading.GRADED


def judge(teacher: User, attempt: Attempt, low: int, high: int, *, release: bool = True) -> None:
    """Score an attempt with these levels of a quarter and three quarters."""
    marks = [MarkValue(low), MarkValue(high)]
    rubrics.score(by=teacher, session=attempt.session, rubric=attempt.task.rubric, marks=marks, comment="", number=0)
    if release:
        rubrics.release(by=teacher, session=attempt.session, number=1)


def book_of(section: Section, teacher: User, *, by_client: bool = False) -> Gradebook:
    work = assignments_of(section, by=teacher)
    return gradebook(section=section, assignments=work, students=list(students_of(section)), by_client=by_client)


def read_back(content: str) -> list[list[str]]:
    """What a program reads from one of our files: cells as they were."""
    reader = csv.reader(io.StringIO(content.removeprefix(BOM), newline=""), strict=True)
    return [[unguarded(cell) for cell in row] for row in reader]


def test_a_score_is_the_mean_of_its_clients_and_empty_until_each_has_one(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    second = make_client(teacher, name="Ana Ruiz")
    work = set_work(teacher, section, client_profile, second, rubric=rubric, grading=GRADED)
    judge(teacher, hand_in(student, work), 4, 2)
    assert book_of(section, teacher).rows[0].scores == (None,)
    book = book_of(section, teacher, by_client=True)
    assert book.columns == ("First talk: Maria Delgado", "First talk: Ana Ruiz")
    assert book.rows[0].scores == (Decimal("62.50"), None)
    judge(teacher, hand_in(student, work, 1), 4, 4)
    assert book_of(section, teacher).rows[0].scores == (Decimal("81.25"),)


@pytest.mark.parametrize(("counted", "score"), [("best", "100.00"), ("last", "25.00")])
def test_the_attempt_that_counts_is_the_one_the_assignment_says(
    teacher: User,
    student: User,
    section: Section,
    client_profile: ClientProfile,
    rubric: Rubric,
    counted: str,
    score: str,
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED, counted=counted, min_exchanges=2)
    judge(teacher, hand_in(student, work), 4, 4)
    judge(teacher, hand_in(student, work), 1, 1)
    hand_in(student, work, exchanges=1)
    assert book_of(section, teacher).rows[0].scores == (Decimal(score),)


def test_drafts_are_nobodys_score(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED)
    attempt = hand_in(student, work)
    judge(teacher, attempt, 4, 4, release=False)
    assert book_of(section, teacher).rows[0].scores == (None,)
    rubrics.release(by=teacher, session=attempt.session, number=1)
    assert book_of(section, teacher).rows[0].scores == (Decimal("100.00"),)
    rubrics.withdraw(by=teacher, session=attempt.session)
    assert book_of(section, teacher).rows[0].scores == (None,)


def test_lateness_deducts_unless_the_student_was_given_more_time(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    now = timezone.now()
    work = set_work(
        teacher, section, client_profile, rubric=rubric, grading=GRADED, due_at=now + dt.timedelta(days=1),
        late_rule="deduct", late_percent=10,
    )  # fmt: skip
    attempt = hand_in(student, work)
    judge(teacher, attempt, 4, 4)
    Session.objects.filter(pk=attempt.session_id).update(ended_at=now + dt.timedelta(days=2, hours=12))
    assert book_of(section, teacher).rows[0].scores == (Decimal("80.00"),)
    AssignmentException.objects.create(
        assignment=work, student=student, due_at=now + dt.timedelta(days=2), granted_by=teacher
    )
    assert book_of(section, teacher).rows[0].scores == (Decimal("90.00"),)


def test_only_what_is_graded_published_and_has_a_rubric_is_a_column(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED, title="Counts")
    set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED, title="Counts")
    set_work(teacher, section, client_profile, grading=GRADED, title="Without rubric")
    set_work(teacher, section, client_profile, rubric=rubric, title="Practice")
    assert book_of(section, teacher).columns == ("Counts", "Counts, 2")
    every = assignments_of(section, by=teacher, practice=True)
    assert "Practice" in gradebook(section=section, assignments=every, students=[student]).columns


def test_the_file_for_canvas_is_found_by_what_canvas_looks_for(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    StudentDetails.objects.create(student=student, student_number="S-001")
    work = set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED)
    judge(teacher, hand_in(student, work), 4, 2)
    answer = signed_in(teacher).get(f"/sections/{section.pk}/gradebook/canvas.csv")
    assert answer["Content-Disposition"].startswith('attachment; filename="gradebook-canvas-sw-101-interviewing-')
    content = answer.content.decode()
    # Ruby's CSV refuses a quotation mark after the mark that begins the file.
    assert content.startswith(f"{BOM}Student,ID,SIS User ID,SIS Login ID,Section,First talk\r\n")
    assert read_back(content)[1:] == [
        ["    Points Possible", "", "", "", "", "100"],
        [student.display_name, "", "S-001", student.email, "SW 101 Interviewing", "62.50"],
    ]


def test_the_file_for_moodle_names_people_by_address(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED)
    answer = signed_in(teacher).get(f"/sections/{section.pk}/gradebook/moodle.csv", {"assignment": str(work.pk)})
    assert read_back(answer.content.decode()) == [
        ["Name", "ID number", "Email address", "First talk"],
        [student.display_name, "", student.email, ""],
    ]


NAMES = st.text(st.sampled_from("=+-@\t\r\n'\";,a é1"), min_size=1, max_size=8)
SCORES = st.none() | st.decimals(0, 100, places=2)


@given(st.lists(NAMES, min_size=1, max_size=3, unique=True), st.lists(st.tuples(NAMES, SCORES), max_size=4), NAMES)
def test_a_gradebook_file_opened_again_is_equal_in_every_cell(
    titles: list[str], people: list[tuple[str, Decimal | None]], section: str
) -> None:
    rows = tuple(
        GradeRow(User(display_name=name, email=f"{number}@example.com"), name, (score,) * len(titles))
        for number, (name, score) in enumerate(people)
    )
    book = Gradebook(Section(name=section), tuple(titles), rows)
    for write in FORMATS.values():
        written = csv_text(write(book), quote_all=False)
        assert read_back(written) == list(write(book))
        for row in csv.reader(io.StringIO(written, newline="")):
            assert not [cell for cell in row if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]


@pytest.mark.usefixtures("still")
def test_the_page_asks_as_much_for_many_students_as_for_few(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED)
    judge(teacher, hand_in(student, work), 4, 2)
    browser = signed_in(teacher)
    asked = []
    for number in (0, 1, 2, 30):
        Enrolment.objects.bulk_create(
            Enrolment(section=section, student=make_user(f"s{number}-{place}", User.Role.STUDENT))
            for place in range(number)
        )
        if number:
            set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED, title=f"Talk {number}")
        with CaptureQueriesContext(connection) as queries:
            answer = browser.get(f"/sections/{section.pk}/gradebook/")
        asked.append(len(queries))
    assert asked[1] == asked[2] == asked[3] <= 12
    page = words(answer)
    assert "Page 1 of 2" in page
    assert 'data-label="Talk 30"' in page


def test_a_gradebook_is_for_those_who_teach_the_section(
    teacher: User, other_teacher: User, student: User, operator: User, section: Section, client_profile: ClientProfile,
    rubric: Rubric,
) -> None:  # fmt: skip
    work = set_work(teacher, section, client_profile, rubric=rubric, grading=GRADED)
    other = Section.objects.create(name="Elsewhere")
    for path in ("", "canvas.csv", "moodle.csv"):
        here = f"/sections/{section.pk}/gradebook/{path}"
        assert [signed_in(user).get(here).status_code for user in (teacher, operator)] == [200, 200]
        assert [signed_in(user).get(here).status_code for user in (other_teacher, student)] == [404, 404]
        elsewhere = f"/sections/{other.pk}/gradebook/{path}"
        assert signed_in(operator).get(elsewhere, {"assignment": str(work.pk)}).status_code == 404
    assert signed_in(teacher).get(f"/sections/{section.pk}/gradebook/excel.csv").status_code == 404
