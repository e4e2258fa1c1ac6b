"""Who will talk where how often, read from the people and the work that stand in the database, in batches."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from django.db import transaction

from accounts.models import Enrolment, Section, SectionTeacher
from clients.models import ClientOpening, ClientVersion
from clients.services import freeze
from conversations.models import Assignment, AssignmentClient, Rubric, RubricVersion

# Conversations of one batch, which is written in one transaction.
BATCH = 2_000
# The share of the conversations that are a teacher's trials of a client.
TESTS_SHARE = 0.01
# A few sections and a few students practise many times as much as the others.
BUSY_SECTIONS, BUSY_TIMES = 0.02, 4
EAGER_STUDENTS, EAGER_TIMES = 0.001, 20


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A client to talk with, as a session keeps it, and its first words where it speaks first."""

    id: str
    version: str
    name: str
    opening: str


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A frozen rubric and the weights of its criteria."""

    version: str
    weights: list[int]


@dataclass(frozen=True, slots=True)
class Task:
    """One client of an assignment, with the rubric that it is scored by."""

    id: str
    client: Counterpart
    yardstick: Yardstick | None


@dataclass(slots=True)
class Set:
    """A published assignment as its attempts need it."""

    id: str
    opens: dt.datetime
    due: dt.datetime
    limit: dt.timedelta | None
    attempts: int | None
    tasks: list[Task] = field(default_factory=list)


@dataclass(slots=True)
class Course:
    """A section with what is done in it: clients opened for practice, and published assignments, oldest first."""

    id: str
    current: bool
    begins: dt.datetime
    ends: dt.datetime
    staff: list[str] = field(default_factory=list)
    opened: list[Counterpart] = field(default_factory=list)
    assignments: list[Set] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seat:
    """One student in one section, and how many conversations they have there."""

    course: Course
    student: str
    talks: bool
    number: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Conversations that are written together: trials by teachers, or the practice of some seats."""

    number: int
    seats: list[Seat]
    tests: int = 0

    @property
    def sessions(self) -> int:
        """How many conversations it has."""
        return self.tests + sum(seat.number for seat in self.seats)

    @property
    def note(self) -> str:
        """How the notebook calls it."""
        return f"batch/{self.number:05}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that conversations are made from."""

    courses: list[Course]
    lecture: Course
    teachers: list[str]
    batches: list[Batch]

    @property
    def sessions(self) -> int:
        """How many conversations it is for."""
        return sum(batch.sessions for batch in self.batches)


def read_plan(begins: dt.datetime, ends: dt.datetime, sessions: int, seed: int) -> Plan:
    """The plan for that many conversations in a term between these moments; the same seed gives the same one."""
    courses = _courses(begins, ends)
    places = list(Enrolment.objects.order_by("section", "student").values_list("section", "student", "removed_at"))
    sizes: dict[str, int] = defaultdict(int)
    for section, _student, _removed in places:
        sizes[str(section)] += 1
    lecture = max(courses.values(), key=lambda course: (sizes[course.id], course.id))
    teachers = sorted({teacher for course in courses.values() for teacher in course.staff})
    rng = Random(f"{seed}/plan")  # noqa: S311  nothing here is a secret
    busy = {course for course in courses if rng.random() < BUSY_SECTIONS}
    eager = {student for student in sorted({str(row[1]) for row in places}) if rng.random() < EAGER_STUDENTS}
    weights = [
        rng.expovariate(1) * (BUSY_TIMES if str(section) in busy else 1) * (EAGER_TIMES if str(student) in eager else 1)
        for section, student, _removed in places
    ]
    tests = int(sessions * TESTS_SHARE)
    share, owed, seats = (sessions - tests) / sum(weights), 0.0, []
    for (section, student, removed), weight in zip(places, weights, strict=True):
        owed += weight * share
        number = round(owed)
        owed -= number
        seats.append(Seat(courses[str(section)], str(student), removed is None, number))
    return Plan(list(courses.values()), lecture, teachers, list(_batches(seats, tests)))


def _batches(seats: list[Seat], tests: int) -> Iterator[Batch]:
    number = 0
    gathered: list[Seat]
    for number, start in enumerate(range(0, tests, BATCH)):
        yield Batch(number, [], min(BATCH, tests - start))
    gathered, sessions = [], 0
    for seat in seats:
        gathered.append(seat)
        sessions += seat.number
        if sessions >= BATCH:
            number += 1
            yield Batch(number, gathered)
            gathered, sessions = [], 0
    yield Batch(number + 1, gathered)


def _courses(begins: dt.datetime, ends: dt.datetime) -> dict[str, Course]:
    courses = {
        str(section.pk): Course(str(section.pk), not section.archived_at, begins, section.archived_at or ends)
        for section in Section.objects.order_by("pk")
    }
    # The lead comes first.
    for section, teacher in SectionTeacher.objects.order_by("-part", "teacher").values_list("section", "teacher"):
        courses[str(section)].staff.append(str(teacher))
    counterparts: dict[str, Counterpart] = {}
    # To write a prompt takes a moment, and a run that goes on finds them all written.
    versions = dict(ClientVersion.objects.values_list("client", "pk"))
    openings = ClientOpening.objects.order_by("section", "client").select_related("client")
    with transaction.atomic():
        for opening in openings.prefetch_related("client__facts"):
            client = opening.client
            found = counterparts.get(str(client.pk))
            if found is None:
                first_words = client.opening_line if client.client_speaks_first else ""
                version = versions.get(client.pk) or freeze(client).pk
                found = Counterpart(str(client.pk), str(version), client.name, first_words)
                counterparts[found.id] = found
            courses[str(opening.section_id)].opened.append(found)
        _read_assignments(courses, counterparts)
    return courses


def _read_assignments(courses: dict[str, Course], counterparts: dict[str, Counterpart]) -> None:
    yardsticks: dict[str, Yardstick] = {}
    for rubric in Rubric.objects.filter(assigned__isnull=False).distinct():
        version = RubricVersion.freeze(rubric)
        weights = [criterion.weight for criterion in version.value.criteria]
        yardsticks[str(rubric.pk)] = Yardstick(str(version.pk), weights)
    sets: dict[str, Set] = {}
    for one in Assignment.objects.filter(published_at__isnull=False).order_by("section", "opens_at", "pk"):
        if one.opens_at and one.due_at:
            limit = dt.timedelta(minutes=one.time_limit_minutes) if one.time_limit_minutes else None
            made = sets[str(one.pk)] = Set(str(one.pk), one.opens_at, one.due_at, limit, one.max_attempts)
            courses[str(one.section_id)].assignments.append(made)
    for task in AssignmentClient.objects.filter(assignment__in=list(sets)).order_by("assignment", "position"):
        yardstick = yardsticks[str(task.rubric_id)] if task.rubric_id else None
        counterpart = counterparts[str(task.client_id)]
        sets[str(task.assignment_id)].tasks.append(Task(str(task.pk), counterpart, yardstick))
