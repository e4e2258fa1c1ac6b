"""Where students stand with assignments: what is done, what is open, what is left."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.models import ClientProfile
from conversations.lateness import Deadlines
from conversations.models import (
    Assignment,
    AssignmentClient,
    AssignmentException,
    Attempt,
)


class State(TextChoices):
    """Where a student stands with an assignment, in a word."""

    DONE = "done", _("finished")
    RUNNING = "running", _("in progress")
    WAITING = "waiting", _("opens later")
    CLOSED = "closed", _("closed, not finished")
    OVERDUE = "overdue", _("overdue")
    BEGUN = "begun", _("partly done")
    NEW = "new", _("not started")


@dataclass(frozen=True, slots=True)
class TaskStanding:
    """Where one student stands with one client of an assignment; attempts are newest first."""

    task: AssignmentClient
    attempts: Sequence[Attempt]
    left: int | None
    blocked_by: ClientProfile | None = None

    @property
    def running(self) -> Attempt | None:
        """The attempt that is open."""
        return next((attempt for attempt in self.attempts if attempt.session.is_open), None)

    @property
    def is_done(self) -> bool:
        """Whether an attempt is finished work."""
        return any(attempt.counts for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one student stands with an assignment, as of `now`; `deadlines` are those that hold for this student."""

    assignment: Assignment
    student: User
    exception: AssignmentException | None
    tasks: Sequence[TaskStanding]
    deadlines: Deadlines
    now: dt.datetime

    @property
    def due_at(self) -> dt.datetime | None:
        """When it is due for this student."""
        return self.deadlines.due_at

    @property
    def done_count(self) -> int:
        """With how many clients the work is finished."""
        return sum(task.is_done for task in self.tasks)

    @property
    def is_done(self) -> bool:
        """Whether the work with every client is finished."""
        return bool(self.tasks) and self.done_count == len(self.tasks)

    @property
    def running(self) -> Attempt | None:
        """An attempt that is open."""
        return next((task.running for task in self.tasks if task.running), None)

    @property
    def is_running(self) -> bool:
        """Whether an attempt is open."""
        return self.running is not None

    @property
    def is_overdue(self) -> bool:
        """Whether the due date has gone by and something is missing."""
        return not self.is_done and self.deadlines.is_past_due(self.now)

    @property
    def is_open(self) -> bool:
        """Whether an attempt may be begun now, as far as the dates say."""
        return self.deadlines.accepts(self.now)

    @property
    def state(self) -> State:
        """All of it in a word: an open attempt is in progress also after the due date, which `is_overdue` tells."""
        if self.is_done:
            return State.DONE
        if self.is_running:
            return State.RUNNING
        if not self.deadlines.is_open(self.now):
            return State.WAITING
        if not self.is_open:
            return State.CLOSED
        if self.is_overdue:
            return State.OVERDUE
        return State.BEGUN if any(task.attempts for task in self.tasks) else State.NEW

    def may_start(self, task: TaskStanding) -> bool:
        """Whether the student may begin a new attempt with this client now."""
        return self.is_open and not task.running and not task.blocked_by and task.left != 0


def standings(assignments: Sequence[Assignment], students: Sequence[User]) -> list[Standing]:
    """Where each of these students stands with each of these assignments, assignment by assignment; three queries."""
    ids, people = [one.pk for one in assignments], [one.pk for one in students]
    tasks: dict[object, list[AssignmentClient]] = {}
    for task in AssignmentClient.objects.filter(assignment__in=ids).select_related("client", "rubric"):
        tasks.setdefault(task.assignment_id, []).append(task)
    granted = {
        (one.assignment_id, one.student_id): one
        for one in AssignmentException.objects.filter(assignment__in=ids, student__in=people)
    }
    attempts: dict[object, list[Attempt]] = {}
    rows = Attempt.objects.filter(assignment__in=ids, student__in=people).select_related("session")
    for attempt in rows.order_by("-number"):
        attempts.setdefault((attempt.task_id, attempt.student_id), []).append(attempt)
    return [
        _standing(one, student, granted.get((one.pk, student.pk)), tasks.get(one.pk, []), attempts)
        for one in assignments
        for student in students
    ]


def _standing(
    assignment: Assignment,
    student: User,
    exception: AssignmentException | None,
    tasks: Sequence[AssignmentClient],
    attempts: Mapping[object, Sequence[Attempt]],
) -> Standing:
    deadlines = assignment.deadlines_for(exception)
    most = deadlines.attempts
    found: list[TaskStanding] = []
    blocked_by: ClientProfile | None = None
    for task in tasks:
        mine = attempts.get((task.pk, student.pk), [])
        taken = sum(attempt.is_used for attempt in mine)
        left = None if most is None else max(0, most - taken)
        standing = TaskStanding(task, mine, left, blocked_by)
        found.append(standing)
        if assignment.in_order and blocked_by is None and not standing.is_done:
            blocked_by = task.client
    return Standing(assignment, student, exception, found, deadlines, timezone.now())
