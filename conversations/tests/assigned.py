"""Assignments for tests: one that is published, and what students do with it."""

import datetime as dt
from typing import Any

from django.utils import timezone

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import assignments, sessions
from conversations.assignments import AssignmentValue, TaskValue
from conversations.models import Assignment, Attempt, Rubric, Session


def set_work(
    teacher: User, section: Section, *clients: ClientProfile, rubric: Rubric | None = None, **fields: Any
) -> Assignment:
    """A published assignment with these clients; `min_exchanges` and the fields of AssignmentValue may be given."""
    least = fields.pop("min_exchanges", 0)
    tasks = [TaskValue(client, rubric, least) for client in clients]
    value = AssignmentValue(**{"title": "First talk", **fields}, tasks=tasks)
    draft = assignments.create_assignment(by=teacher, section=section, value=value)
    return assignments.publish(by=teacher, assignment=draft)


def begin_work(student: User, assignment: Assignment, position: int = 0) -> Session:
    """The student's attempt with the client at this position, the notice accepted."""
    sessions.accept_notice(by=student)
    return assignments.start_attempt(by=student, task=assignment.clients.get(position=position))


def hand_in(student: User, assignment: Assignment, position: int = 0, exchanges: int = 3) -> Attempt:
    """An attempt in which so much was said, ended by the student."""
    session = begin_work(student, assignment, position)
    Session.objects.filter(pk=session.pk).update(exchanges=exchanges)
    sessions.end(by=student, session=session)
    return Attempt.objects.select_related("session").get(session=session)


def ago(step: dt.timedelta) -> dt.datetime:
    """The moment that lies so far back."""
    return timezone.now() - step
