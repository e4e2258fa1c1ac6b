"""Gradebooks: the score of each student for each piece of work, as a table and as files for Canvas and Moodle.

Canvas reads what its own export writes: Student, ID, SIS User ID, SIS Login ID, Section, then one column for each
assignment, and a second row with the points possible. ID is Canvas's own number, which nobody else knows; where it is
empty Canvas finds the student by SIS User ID, then by SIS Login ID, then by name. An assignment of the same title takes
the scores, else one is made. An empty cell changes nothing there. (Canvas guides: "How do I import grades in the
Gradebook?"; lib/gradebook_importer.rb.)

Moodle's grade import lets the teacher say which column tells who is meant ("Email address") and which column goes to
which grade item; addresses are compared as they are written. (docs.moodle.org: "Grade import".)
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from accounts.models import Section, User
from accounts.models.user import UserQuerySet
from conversations.assignments import mean_percent, result_of, standings
from conversations.models import Assignment, Attempt, Scoring
from conversations.scores import Total

# All scores are percent.
POINTS = "100"


@dataclass(frozen=True, slots=True)
class GradeRow:
    """One student's scores in percent, one for each column; None where there is none yet."""

    student: User
    student_number: str
    scores: tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True)
class Gradebook:
    """The titles of its columns, each there once, and a row for each student."""

    section: Section
    columns: tuple[str, ...]
    rows: tuple[GradeRow, ...]

    @property
    def cells(self) -> list[tuple[User, list[tuple[str, Decimal | None]]]]:
        """Each student with (title, score) of each column."""
        return [(row.student, list(zip(self.columns, row.scores, strict=True))) for row in self.rows]


def students_of(section: Section) -> UserQuerySet:
    """Who is enrolled, by name, with their details."""
    enrolled: UserQuerySet = User.objects.filter(enrolments__section=section, enrolments__removed_at=None)
    return enrolled.select_related("student_details").order_by("display_name", "email")


def assignments_of(section: Section, *, by: User, practice: bool = False) -> list[Assignment]:
    """What students have been set in this section and this person sees, by due date: graded work, or all of it."""
    found = Assignment.objects.visible_to(by).published().filter(section=section)
    if not practice:
        found = found.filter(grading=Assignment.Grading.GRADED)
    return list(found.order_by("due_at", "title", "id"))


def gradebook(
    *, section: Section, assignments: Sequence[Assignment], students: Sequence[User], by_client: bool = False
) -> Gradebook:
    """Scores after lateness, of the attempt that counts, by what is released to the student; four queries.

    An assignment's score is the mean over its clients that have a rubric, and there is none until each has one.
    Assignments without a rubric have no column, and nothing has one without students. With `by_client` each client has
    a column of its own.
    """
    totals = _released(assignments, students)
    titles: dict[uuid.UUID, list[str]] = {}
    scores: dict[uuid.UUID, list[Decimal | None]] = {student.pk: [] for student in students}
    for standing in standings(assignments, students):
        judged = [task for task in standing.tasks if task.task.rubric_id]
        results = [result_of(standing, task, totals) for task in judged]
        title, mine = standing.assignment.title, scores[standing.student.pk]
        if by_client:
            titles[standing.assignment.pk] = [f"{title}: {task.task.client.name}" for task in judged]
            mine += [_rounded(result.percent if result else None) for result in results]
        elif judged:
            titles[standing.assignment.pk] = [title]
            mine.append(_rounded(mean_percent(results, len(judged))))
    columns = _unique([title for of_one in titles.values() for title in of_one])
    return Gradebook(
        section, tuple(columns), tuple(GradeRow(one, _number(one), tuple(scores[one.pk])) for one in students)
    )


def _released(assignments: Sequence[Assignment], students: Sequence[User]) -> dict[uuid.UUID, Total]:
    """What students were told they scored, by session."""
    sessions = Attempt.objects.filter(assignment__in=assignments, student__in=students).values("session")
    rows = Scoring.objects.filter(session__in=sessions, released__weighted__isnull=False)
    found = rows.values_list("session", "released__weighted")
    return {session: Total(weighted) for session, weighted in found if weighted is not None}


def _rounded(percent: Decimal | None) -> Decimal | None:
    return None if percent is None else percent.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _number(student: User) -> str:
    details = getattr(student, "student_details", None)
    return details.student_number if details else ""


def _unique(titles: Sequence[str]) -> Iterator[str]:
    """The titles, a later one that stood there before with a number; not in brackets, which Canvas takes for an id."""
    seen: set[str] = set()
    for title in titles:
        name, number = title, 1
        while name in seen:
            number += 1
            name = f"{title}, {number}"
        seen.add(name)
        yield name


def canvas(book: Gradebook) -> Iterator[list[str]]:
    """The rows of Canvas's gradebook file."""
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *book.columns]
    yield ["    Points Possible", "", "", "", "", *[POINTS for _column in book.columns]]
    for row in book.rows:
        person = [row.student.display_name, "", row.student_number, row.student.email, str(book.section)]
        yield person + _cells(row)


def moodle(book: Gradebook) -> Iterator[list[str]]:
    """The rows of a file for Moodle's grade import."""
    yield ["Name", "ID number", "Email address", *book.columns]
    for row in book.rows:
        yield [row.student.display_name, row.student_number, row.student.email, *_cells(row)]


def _cells(row: GradeRow) -> list[str]:
    return ["" if score is None else str(score) for score in row.scores]


FORMATS: dict[str, Callable[[Gradebook], Iterator[list[str]]]] = {"canvas": canvas, "moodle": moodle}
