"""The deadlines of attempts that run, moved along when the rules or an exception move."""

import datetime as dt
import uuid
from collections.abc import Mapping

from django.db.models import F

from conversations.models import Assignment, AssignmentException, Session

Ends = Mapping[uuid.UUID, dt.datetime | None]


def ends_of_running(assignment: Assignment) -> Ends:
    """When each running attempt must end by the rules as they are now, by the key of its session. Two queries."""
    granted = {one.student_id: one for one in AssignmentException.objects.filter(assignment=assignment)}
    running = Session.objects.open().filter(assignment=assignment)
    return {
        pk: assignment.deadlines_for(granted.get(student)).end_of(started)
        for pk, student, started in running.values_list("pk", "student_id", "started_at")
    }


def move_deadlines(assignment: Assignment, before: Ends) -> None:
    """Move the deadlines of running attempts by as much as the rules moved since `before`; open pages learn it.

    By the difference: a reopened or paused attempt has a deadline of its own, which must not snap back.
    """
    after = ends_of_running(assignment)
    moved = {pk: (before[pk], end) for pk, end in after.items() if pk in before and before[pk] != end}
    # In one order, as whoever pauses a whole section locks them.
    for session in Session.objects.select_for_update(no_key=True).open().filter(pk__in=moved).order_by("pk"):
        was, now = moved[session.pk]
        if now is None or was is None or session.deadline_at is None:
            session.deadline_at = now
        else:
            session.deadline_at += now - was
        session.revision = F("revision") + 1
        session.save(update_fields=["deadline_at", "revision"])
