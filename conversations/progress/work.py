"""What was set and is not finished yet: of one student, and in numbers of many."""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Window

from conversations.assignments import finished
from conversations.models import Assignment, AssignmentClient, AssignmentException, Attempt
from conversations.models.assignment import AssignmentQuerySet


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An assignment that a student has not finished, and when it is due for them."""

    assignment: uuid.UUID
    title: str
    due_at: dt.datetime | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """How many assignments a student has not finished, and how many of them are overdue."""

    unfinished: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class Late:
    """A student of a section with overdue work: how much, and when the first of it was due; one of `total` such."""

    section: uuid.UUID
    student: uuid.UUID
    name: str
    overdue: int
    due_at: dt.datetime
    total: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """An assignment that some students of its section have not finished."""

    assignment: uuid.UUID
    title: str
    section: uuid.UUID
    due_at: dt.datetime
    students: int


def work_set(sections: Collection[uuid.UUID] | QuerySet[Any, Any], now: dt.datetime) -> AssignmentQuerySet:
    """What students of these sections have been set and may do by now."""
    opened = Q(opens_at__isnull=True) | Q(opens_at__lte=now)
    return Assignment.objects.published().filter(opened, section__in=sections).order_by()


def unfinished_by(student: uuid.UUID, assignments: AssignmentQuerySet, now: dt.datetime) -> list[Unfinished]:
    """What this student has not finished of these assignments; what is due first stands first. One query."""
    granted = AssignmentException.objects.filter(assignment=OuterRef("assignment"), student=student).order_by()
    rows = (
        _missing(assignments, [student])
        .annotate(granted=Subquery(granted.values("due_at")))
        .values_list("assignment", "assignment__title", "assignment__due_at", "granted")
        .distinct()
    )
    found = []
    for assignment, title, due, later in rows:
        # As `Assignment.deadlines_for`: a grant makes it later, never sooner.
        due_at = max(due, later) if due and later else due
        found.append(Unfinished(assignment, title, due_at, due_at is not None and due_at < now))
    return sorted(found, key=lambda one: (one.due_at is None, one.due_at or now, one.title))


def missing_by_student(
    assignments: AssignmentQuerySet, now: dt.datetime, students: Collection[uuid.UUID] | None = None
) -> dict[uuid.UUID, Missing]:
    """How much of these assignments each student (or each of these) has not finished; none is left out. One query."""
    rows = (
        _missing(assignments, students)
        .values_list("student")
        .annotate(
            unfinished=Count("assignment", distinct=True),
            late=Count("assignment", distinct=True, filter=_overdue(now)),
        )
    )
    return {student: Missing(number, late) for student, number, late in rows}


def late_by_section(sections: Collection[uuid.UUID], now: dt.datetime) -> dict[uuid.UUID, int]:
    """In how many students of each section something is overdue; sections without any are left out. One query."""
    rows = _all_overdue(sections, now).values_list("assignment__section")
    return dict(rows.annotate(students=Count("student", distinct=True)))


def most_late(sections: Collection[uuid.UUID], now: dt.datetime, most: int) -> list[Late]:
    """Those with most overdue work, at most so many, a student once for each section. One query."""
    rows = (
        _all_overdue(sections, now)
        .values_list("assignment__section", "student", "name")
        .annotate(number=Count("assignment", distinct=True), first=Min("assignment__due_at"), total=Window(Count("*")))
    )
    return [Late(*row) for row in rows.order_by("-number", "first", "name", "student")[:most]]


def waiting_until(sections: Collection[uuid.UUID], now: dt.datetime, until: dt.datetime) -> list[Waiting]:
    """What is due from now until then and not finished by everybody; what is due first stands first. One query."""
    due = work_set(sections, now).filter(due_at__gte=now, due_at__lt=until)
    columns = ("assignment", "assignment__title", "assignment__section", "assignment__due_at")
    rows = _missing(due).values_list(*columns).annotate(students=Count("student", distinct=True))
    return [Waiting(*row) for row in rows.order_by("assignment__due_at", "assignment__title", "assignment")]


def _missing(assignments: AssignmentQuerySet, students: Collection[uuid.UUID] | None = None) -> QuerySet[Any, Any]:
    """Clients of these assignments with each `student` (and `name`) of the section who has no finished attempt."""
    enrolled = Q(assignment__section__enrolments__removed_at=None)
    attempts = Attempt.objects.filter(task=OuterRef("pk"), student=OuterRef("student"))
    if students is not None:
        enrolled &= Q(assignment__section__enrolments__student__in=students)
    else:
        # Says nothing new, but keeps the database from looking through the attempts of the whole school.
        attempts = attempts.filter(assignment__in=assignments.values("pk"))
    return (
        AssignmentClient.objects.filter(enrolled, assignment__in=assignments.values("pk"))
        .annotate(
            student=F("assignment__section__enrolments__student"),
            name=F("assignment__section__enrolments__student__display_name"),
        )
        .filter(~Exists(finished(attempts)))
        .order_by()
    )


def _all_overdue(sections: Collection[uuid.UUID], now: dt.datetime) -> QuerySet[Any, Any]:
    return _missing(work_set(sections, now).filter(due_at__lt=now)).filter(_overdue(now))


def _overdue(now: dt.datetime) -> Q:
    """Whether the day has gone by that holds for the student of the row."""
    granted = AssignmentException.objects.filter(
        assignment=OuterRef("assignment"), student=OuterRef("student"), due_at__gte=now
    )
    return Q(assignment__due_at__lt=now) & ~Q(Exists(granted))
