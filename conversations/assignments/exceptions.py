"""What one student is granted beyond the others: more time, more attempts, an ended attempt reopened."""

import datetime as dt
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from conversations.assignments.deadlines import ends_of_running, move_deadlines
from conversations.assignments.rules import NotReadyError, NotYoursError, changeable
from conversations.lateness import LateRule
from conversations.models import Assignment, AssignmentException, Attempt, Scoring, Session


@dataclass(frozen=True, slots=True)
class Grant:
    """What one student is granted beyond the others."""

    due_at: dt.datetime | None = None
    extra_attempts: int = 0
    extra_minutes: int = 0
    reason: str = ""


@transaction.atomic
def grant_exception(*, by: User, assignment: Assignment, student: User, grant: Grant) -> AssignmentException:
    """Let one student of the section have more time or attempts; a new grant replaces the one before.

    An attempt that runs has its deadline moved along. Raises NotYoursError.
    """
    locked = changeable(by, assignment)
    ends = ends_of_running(locked)
    if not locked.section.enrolments.filter(student=student, removed_at=None).exists():
        raise NotYoursError(_("%(name)s is not in this section.") % {"name": student})
    exception, _created = AssignmentException.objects.update_or_create(
        assignment=locked,
        student=student,
        defaults={
            "due_at": grant.due_at,
            "extra_attempts": grant.extra_attempts,
            "extra_minutes": grant.extra_minutes,
            "reason": grant.reason,
            "granted_by": by,
            "granted_at": timezone.now(),
        },
    )
    move_deadlines(locked, ends)
    return exception


@transaction.atomic
def withdraw_exception(*, by: User, exception: AssignmentException) -> None:
    """Take a grant back; what was begun under it is kept. Raises NotYoursError."""
    locked = changeable(by, exception.assignment)
    ends = ends_of_running(locked)
    exception.delete()
    move_deadlines(locked, ends)


@transaction.atomic
def reopen_attempt(*, by: User, attempt: Attempt, minutes: int | None = None) -> Session:
    """Let the student go on with an ended attempt, for so many minutes from now, or as long as the rules give.

    Raises NotYoursError, or NotReadyError while it is open, scored for the student, past a due date after which nothing
    is accepted, when the client has walked out, or when another attempt with this client is open.
    """
    assignment = changeable(by, attempt.assignment)
    session = Session.objects.select_for_update().get(pk=attempt.session_id)
    now = timezone.now()
    if session.is_open:
        raise NotReadyError(_("This attempt is still open."))
    if session.outcome == Session.Outcome.WALKS_OUT:
        raise NotReadyError(_("The client walked out, so it cannot go on. Give the student another attempt instead."))
    if Scoring.objects.filter(session=session, released__isnull=False).exists():
        raise NotReadyError(_("Its scoring is released. Withdraw the scoring first."))
    deadlines = assignment.deadlines_for(assignment.exceptions.filter(student=attempt.student).first())
    if not deadlines.accepts(now):
        raise NotReadyError(_("The assignment is closed for this student. Give them a later due date first."))
    ends = deadlines.end_of(now)
    if minutes is not None:
        typed = now + dt.timedelta(minutes=minutes)
        ends = min(typed, ends) if ends and assignment.late_rule == LateRule.REFUSE else typed
    session.status, session.ended_at, session.deadline_at = Session.Status.ACTIVE, None, ends
    session.outcome, session.last_activity_at, session.revision = "", now, F("revision") + 1
    try:
        with transaction.atomic():
            session.save(update_fields=["status", "ended_at", "outcome", "deadline_at", "last_activity_at", "revision"])
    except IntegrityError as error:
        raise NotReadyError(_("The student has another attempt with this client open.")) from error
    session.refresh_from_db(fields=["revision"])
    return session
