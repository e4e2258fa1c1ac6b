"""Reminders, once each: of work that is due within a day, and of conversations that wait for a look back."""

import datetime as dt

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from accounts.services.notifications import tell
from conversations.assignments import Standing, standings
from conversations.models import Assignment, Session
from conversations.reflections import awaiting

WITHIN = dt.timedelta(days=1)
# Nobody is reminded at once of what they have just ended, nor of what is long past.
REFLECT_AFTER, REFLECT_UNTIL = dt.timedelta(hours=2), dt.timedelta(days=3)


def remind() -> int:
    """Tell enrolled students of published, open work that they have not finished and that is due within a day.

    Their own due date counts. How many they are, told now or before; a date that moves is told of again. Five queries
    for each assignment that is due.
    """
    now = timezone.now()
    soon = (now, now + WITHIN)
    due = Assignment.objects.published().filter(section__archived_at=None)
    due = due.filter(Q(due_at__range=soon) | Q(due_at__isnull=False, exceptions__due_at__range=soon)).distinct()
    return sum(_remind(assignment, now) for assignment in due)


def _remind(assignment: Assignment, now: dt.datetime) -> int:
    students = User.objects.filter(
        enrolments__section=assignment.section_id, enrolments__removed_at=None, is_active=True
    )
    late: dict[dt.datetime, list[User]] = {}
    for standing in standings([assignment], list(students)):
        if _is_due_soon(standing, now) and standing.due_at:
            late.setdefault(standing.due_at, []).append(standing.student)
    for due_at, people in late.items():
        tell(
            users=people,
            kind=Notification.Kind.DUE_SOON,
            about=f"assignment:{assignment.pk}:{due_at.astimezone(dt.UTC):%Y-%m-%dT%H:%M}",
            names={"assignment": assignment.title, "due": due_at.isoformat()},
            path=reverse("work-detail", args=[assignment.pk]),
        )
    return sum(map(len, late.values()))


def _is_due_soon(standing: Standing, now: dt.datetime) -> bool:
    due_at = standing.due_at
    return due_at is not None and now < due_at <= now + WITHIN and standing.is_open and not standing.is_done


def remind_to_reflect() -> int:
    """Tell students of work in which a conversation ended hours ago and waits for their look back; how many they are.

    Once for each assignment. Three queries for each that is waited for.
    """
    now = timezone.now()
    work = Session.objects.speakable().filter(assignment__in=Assignment.objects.published(), student__is_active=True)
    waiting = awaiting(work.filter(ended_at__range=(now - REFLECT_UNTIL, now - REFLECT_AFTER))).order_by()
    count = 0
    for assignment in Assignment.objects.filter(pk__in=waiting.values("assignment")):
        students = User.objects.filter(pk__in=waiting.filter(assignment=assignment).values("student"))
        count += len(students)
        tell(
            users=students,
            kind=Notification.Kind.REFLECT,
            about=f"assignment:{assignment.pk}",
            names={"assignment": assignment.title},
            path=reverse("work-detail", args=[assignment.pk]),
        )
    return count
