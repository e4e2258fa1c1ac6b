"""A student's work: what is due, what is open, one assignment, and the start of an attempt."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.permissions import signed_in, students_only
from accounts.services import RuleBrokenError
from accounts.services.notifications import mark_seen
from accounts.views.answers import Question, ask
from conversations import assignments, reflections
from conversations.assignments import Standing, State, TaskStanding
from conversations.models import Assignment, AssignmentClient, Attempt, NoticeAcceptance, Scoring, Session
from conversations.scores import RubricValue, Total
from conversations.sessions import ConsentNeededError
from conversations.views.consent import ask_consent
from conversations.views.notice import ask_first

PER_PAGE = 25
# What somebody is set at once: sections times assignments, far above any real course load.
MOST = 500
SOON = dt.timedelta(days=7)
FAR = dt.datetime.max.replace(tzinfo=dt.UTC)


@students_only
@require_safe
def student_home(request: HttpRequest) -> HttpResponse:
    """A student's first page: the work, for whoever has been set any, else free practice."""
    has_work = Assignment.objects.visible_to(signed_in(request)).exists()
    return redirect("work" if has_work else "practice")


@students_only
@never_cache
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """Everything one is set: overdue, due soon, later, done."""
    user = signed_in(request)
    found = Assignment.objects.visible_to(user).select_related("section").order_by("due_at", "title", "id")[:MOST]
    rows = [(_group_of(standing), standing) for standing in assignments.standings(list(found), [user])]
    rows.sort(key=lambda row: (GROUPS.index(row[0]), row[1].due_at or FAR))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    shown = [standing.assignment.pk for _group, standing in page]
    own = Session.objects.filter(student=user, assignment__in=shown)
    unreflected = set(reflections.awaiting(own).order_by().values_list("assignment_id", flat=True))
    context = {"page_obj": page, "groups": _grouped(list(page)), "unreflected": unreflected}
    return render(request, "conversations/work.html", context)


GROUPS = ("overdue", "soon", "later", "done")


def _group_of(standing: Standing) -> str:
    if standing.state in {State.DONE, State.CLOSED}:
        return "done"
    if standing.is_overdue:
        return "overdue"
    due = standing.due_at
    return "soon" if standing.is_running or (due and due - standing.now <= SOON) else "later"


def _grouped(rows: Sequence[tuple[str, Standing]]) -> list[tuple[str, list[Standing]]]:
    found = [(group, [standing for name, standing in rows if name == group]) for group in GROUPS]
    return [(group, standings) for group, standings in found if standings]


@students_only
@never_cache
@require_safe
def work_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One assignment: what to do, under which rules, with whom, and what was done."""
    user = signed_in(request)
    assignment = get_object_or_404(Assignment.objects.visible_to(user).select_related("section"), pk=pk)
    mark_seen(by=user, path=request.path)
    return work_page(request, assignment, user)


def work_page(request: HttpRequest, assignment: Assignment, student: User, *, preview: bool = False) -> HttpResponse:
    """The page of an assignment as this student sees it; as a preview nothing on it can be pressed."""
    (standing,) = assignments.standings([assignment], [student])
    rubrics = [one.task.rubric for one in standing.tasks if one.task.rubric]
    prefetch_related_objects(rubrics, "criteria")
    sessions = [attempt.session_id for one in standing.tasks for attempt in one.attempts]
    scorings = Scoring.objects.visible_to(student).filter(session__in=sessions).select_related("released")
    totals = {row.session_id: row.released.total for row in scorings if row.released and row.released.total}
    awaiting = reflections.awaiting(Session.objects.filter(pk__in=sessions))
    context = {
        "assignment": assignment,
        "standing": standing,
        "tasks": [_task_row(standing, one, totals) for one in standing.tasks],
        "unreflected": set(awaiting.order_by().values_list("pk", flat=True)),
        "has_scores": bool(totals),
        "preview": preview,
        "changeable": not assignment.section.archived_at,
    }
    return render(request, "conversations/work_detail.html", context)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One client of an assignment as its student sees it."""

    standing: TaskStanding
    rubric: RubricValue | None
    may_start: bool
    # Whether a start is worth a question first.
    asks: bool
    result: assignments.Result | None
    attempts: list[dict[str, Any]]


def _task_row(standing: Standing, task: TaskStanding, totals: dict[uuid.UUID, Total]) -> TaskRow:
    result = assignments.result_of(standing, task, totals)
    several = sum(attempt.counts for attempt in task.attempts) > 1
    return TaskRow(
        standing=task,
        rubric=task.task.rubric.value() if task.task.rubric else None,
        may_start=standing.may_start(task),
        asks=_is_limited(standing, task),
        result=result,
        attempts=[
            {
                "attempt": attempt,
                "total": totals.get(attempt.session_id),
                "percent": assignments.percent_of(standing, attempt, totals),
                "late": standing.deadlines.days_late(attempt.finished_at) if attempt.counts else 0,
                "counts": bool(several and result and result.attempt == attempt),
            }
            for attempt in task.attempts
        ],
    )


def _is_limited(standing: Standing, task: TaskStanding) -> bool:
    return task.left is not None or standing.deadlines.limit is not None


@students_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def work_start(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Begin with one client of an assignment, or go on; a GET says what will begin and asks."""
    user = signed_in(request)
    visible = AssignmentClient.objects.filter(assignment__in=Assignment.objects.visible_to(user).values("pk"))
    task = get_object_or_404(visible.select_related("client", "assignment"), pk=pk)
    if request.method != "POST":
        return _ask_before_start(request, user, task)
    if NoticeAcceptance.needed_by(user):
        return ask_first(request.path)
    try:
        session = assignments.start_attempt(by=user, task=task)
    except ConsentNeededError:
        return ask_consent(task.client, request.path)
    except RuleBrokenError as error:
        messages.error(request, str(error))
        return redirect("work-detail", task.assignment_id)
    return redirect("session", session.pk)


def _ask_before_start(request: HttpRequest, user: User, task: AssignmentClient) -> HttpResponse:
    (standing,) = assignments.standings([task.assignment], [user])
    mine = next(one for one in standing.tasks if one.task == task)
    if not standing.may_start(mine):
        return redirect("work-detail", task.assignment_id)
    return ask(
        request,
        Question(
            title=_("Start with %(client)s?") % {"client": task.client},
            text=" ".join([_what_is_left(standing, mine), _what_begins(standing)]),
            action=_("Start"),
            back=reverse("work-detail", args=[task.assignment_id]),
        ),
    )


def _what_is_left(standing: Standing, task: TaskStanding) -> str:
    """Attempts and minutes, as far as they are limited."""
    minutes = standing.deadlines.minutes
    time = ngettext("%(number)d minute", "%(number)d minutes", minutes or 0) % {"number": minutes or 0}
    if task.left is None:
        return _("You have %(time)s.") % {"time": time} if minutes else ""
    tries = ngettext("%(number)d attempt", "%(number)d attempts", task.left) % {"number": task.left}
    if minutes:
        return _("You have %(attempts)s and %(time)s.") % {"attempts": tries, "time": time}
    return _("You have %(attempts)s.") % {"attempts": tries}


def _what_begins(standing: Standing) -> str:
    limit, ends = standing.deadlines.limit, standing.deadlines.end_of(standing.now)
    words = _("The attempt begins when you press Start. It counts once something has been said.")
    if limit:
        words = _("The time begins when you press Start. It goes on while you pause or are away.")
    if ends and (limit is None or ends < standing.now + limit):
        when = formats.date_format(timezone.localtime(ends), "DATETIME_FORMAT")
        words = " ".join([words, _("It ends at the due date (%(when)s).") % {"when": when}])
    return words


def attempt_of(session: Session) -> Attempt | None:
    """The attempt that this session is, with its assignment and client; None, without a query, for a free one."""
    if session.assignment_id is None:
        return None
    return Attempt.objects.select_related("assignment", "task__client", "session").filter(session=session).first()


def ended_work(user: User, session: Session) -> dict[str, Any]:
    """For the page after the end of an attempt: what it means for the work; empty for a free conversation."""
    attempt = attempt_of(session)
    if attempt is None:
        return {}
    visible = Assignment.objects.visible_to(user).filter(pk=attempt.assignment_id).exists()
    (standing,) = assignments.standings([attempt.assignment], [user])
    mine = next((one for one in standing.tasks if one.task == attempt.task), None)
    return {
        "attempt": attempt,
        "standing": standing,
        "mine": mine,
        "late": standing.deadlines.days_late(attempt.finished_at),
        "next_task": next((one for one in standing.tasks if not one.is_done and standing.may_start(one)), None),
        "work_url": reverse("work-detail", args=[attempt.assignment_id]) if visible else reverse("work"),
    }
