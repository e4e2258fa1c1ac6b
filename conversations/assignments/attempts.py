"""A student begins an attempt, and everything it is made with is frozen."""

from dataclasses import fields

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from conversations import sessions
from conversations.assignments.rules import CannotStartError
from conversations.models import Assignment, AssignmentClient, Attempt, NoticeAcceptance, RubricVersion, Session
from conversations.models.attempt import AttemptQuerySet
from conversations.models.session import SessionQuerySet
from monitoring.models.price import UnknownPriceError, price_now


def start_attempt(*, by: User, task: AssignmentClient) -> Session:
    """The student's open attempt at this task, or a new one with everything frozen as it is now.

    Raises CannotStartError with the reason in words, SessionRuleError while the notice is not accepted, and
    ConsentNeededError while the client's content note is not.
    """
    try:
        with transaction.atomic():
            return _start(by, task)
    except IntegrityError:
        # Two starts came at once and the other was first: both get it.
        return _open_attempts(by, task).get()


def _start(by: User, task: AssignmentClient) -> Session:
    if NoticeAcceptance.needed_by(by):
        raise sessions.SessionRuleError(_("Read and accept the notice first."))
    # Locked, so that two starts at once are one, and none goes by rules that a teacher is changing. What is read after
    # the lock is as it is now.
    Assignment.objects.select_for_update(no_key=True).filter(pk=task.assignment_id).order_by().first()
    if running := _open_attempts(by, task).first():
        return running
    assignment = Assignment.objects.visible_to(by).filter(pk=task.assignment_id).first()
    given = AssignmentClient.objects.select_related("client", "rubric").filter(pk=task.pk).first()
    if assignment is None or given is None or not by.is_student:
        raise CannotStartError(_("This assignment is not open to you."))
    task = given
    deadlines = assignment.deadlines_for(assignment.exceptions.filter(student=by).first())
    now = timezone.now()
    if not deadlines.is_open(now):
        raise CannotStartError(_("This assignment is not open yet."))
    if not deadlines.accepts(now):
        raise CannotStartError(_("This assignment was due and is closed now. Your teacher can give you more time."))
    attempts = Attempt.objects.filter(student=by, task=task)
    if deadlines.attempts is not None and used(attempts).count() >= deadlines.attempts:
        raise CannotStartError(_("You have no attempt left with %(client)s.") % {"client": task.client})
    if assignment.in_order and (first := _first_unfinished(by, assignment, before=task)):
        raise CannotStartError(
            _("Talk with %(client)s first: this assignment has an order.") % {"client": first.client}
        )
    sessions.must_consent(by, task.client)
    session = sessions.create(
        by=by,
        client=task.client,
        section=assignment.section,
        assignment=assignment,
        deadline_at=deadlines.end_of(now),
    )
    highest = attempts.aggregate(highest=Max("number"))["highest"] or 0
    Attempt.objects.create(
        session=session,
        assignment=assignment,
        task=task,
        student=by,
        number=highest + 1,
        rubric_version=RubricVersion.freeze(task.rubric) if task.rubric else None,
        min_exchanges=task.min_exchanges,
        prices=_prices(session),
    )
    return session


def _open_attempts(by: User, task: AssignmentClient) -> SessionQuerySet:
    return Session.objects.open().spoken_by(by).filter(attempt__task=task)


def used(attempts: AttemptQuerySet) -> AttemptQuerySet:
    """Those that count against the limit. As `Attempt.is_used`, in the database."""
    said = Q(session__exchanges__gt=0) | Q(session__last_sequence__gt=1)
    return attempts.filter(said | Q(session__status__in=Session.OPEN))


def finished(attempts: AttemptQuerySet) -> AttemptQuerySet:
    """Those that are finished work: completed, and as long as was asked for. As `Attempt.counts`, in the database."""
    long_enough = attempts.filter(session__exchanges__gte=F("min_exchanges"), session__exchanges__gt=0)
    return long_enough.filter(session__status=Session.Status.COMPLETED)


def _first_unfinished(by: User, assignment: Assignment, before: AssignmentClient) -> AssignmentClient | None:
    done = finished(Attempt.objects.filter(student=by, assignment=assignment)).values("task")
    earlier = assignment.clients.filter(position__lt=before.position).exclude(pk__in=done)
    return earlier.select_related("client").first()


def _prices(session: Session) -> list[dict[str, int]]:
    """The prices in force, tier by tier, micro-dollars per million tokens; none for the scripted voice."""
    if session.voice == Session.Voice.SCRIPTED:
        return []
    try:
        price = price_now(session.model)
    except UnknownPriceError:
        # The first message will say so; an attempt may be open meanwhile.
        return []
    return [{field.name: getattr(tier, field.name) for field in fields(tier)} for tier in price.tiers]
