"""How it goes: of all that one teaches, of a section, of one student, and one's own."""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.models import Enrolment, Section, User
from accounts.permissions import role_required, signed_in, staff_only, students_only
from conversations import progress
from conversations.models import Assignment, Session
from conversations.models.assignment import AssignmentQuerySet
from conversations.models.session import SessionQuerySet
from conversations.progress import MOST_HEARD, Missing, Period, Practice
from conversations.views.drawings import by_criterion, weekly
from conversations.views.keyset import page_of
from conversations.views.teaching import SECTIONS

PER_PAGE = 25
ASSIGNMENTS = 200
FREE = "free"
TABS = {"overview": gettext_lazy("Overview"), "students": gettext_lazy("Students"), "scores": gettext_lazy("Scores")}


@dataclass(frozen=True, slots=True)
class StudentRow:
    """One student's row: who, what they practised in the period, and where they stand with what was set."""

    student: uuid.UUID
    name: str
    practice: Practice
    assigned: int
    missing: Missing

    @property
    def finished(self) -> int:
        """How many assignments they have finished."""
        return self.assigned - self.missing.unfinished


@dataclass(frozen=True, slots=True)
class Order:
    """A way to sort students: its name, and what to sort by (None: by name alone)."""

    label: Any
    key: Callable[[StudentRow], Any] | None = None


NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
ORDERS = {
    "name": Order(gettext_lazy("Name")),
    "sessions": Order(gettext_lazy("Most conversations"), lambda row: -row.practice.sessions),
    "least": Order(gettext_lazy("Fewest conversations"), lambda row: row.practice.sessions),
    "minutes": Order(gettext_lazy("Most minutes"), lambda row: -row.practice.minutes),
    "last": Order(gettext_lazy("Longest inactive"), lambda row: row.practice.last or NEVER),
    "finished": Order(gettext_lazy("Least finished"), lambda row: row.finished),
    "overdue": Order(gettext_lazy("Most overdue"), lambda row: -row.missing.overdue),
}


# --- All that one teaches ---------------------------------------------------------------------------------------------


@role_required(User.Role.TEACHER)
@require_safe
def teaching_progress(request: HttpRequest) -> HttpResponse:
    """The figures of all one's sections together, week by week, and each section's own beside the others."""
    user, period = signed_in(request), _period(request)
    current = Section.objects.current().visible_to(user).with_students().order_by("name", "id")
    sections = list(current[: SECTIONS + 1])
    shown = sections[:SECTIONS]
    sessions = progress.practice_of([section.pk for section in shown], period)
    practised = progress.by_section(sessions)
    late = progress.late_by_section([section.pk for section in shown], timezone.now())
    context = {
        **_periods(period),
        **_overview(sessions, period),
        "rows": [(section, practised.get(section.pk, Practice()), late.get(section.pk, 0)) for section in shown],
        "cut": SECTIONS if len(sections) > SECTIONS else 0,
    }
    return render(request, "conversations/progress_teaching.html", context)


# --- A section --------------------------------------------------------------------------------------------------------


@staff_only
@require_safe
def section_progress(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A section in a period: `?show=` its figures by week (of one assignment, if chosen), its students, or scores."""
    user, period = signed_in(request), _period(request)
    section = get_object_or_404(Section.objects.visible_to(user), pk=pk)
    sessions = progress.practice_of([section.pk], period)
    show = request.GET.get("show", "")
    parts = {"students": _students, "scores": _scores}
    context = {
        "section": section,
        "show": show if show in parts else "overview",
        "tabs": [(name, label, _query(period, show=name)) for name, label in TABS.items()],
        **_periods(period),
        **parts.get(show, _section_overview)(request, section, sessions, period),
    }
    return render(request, "conversations/progress_section.html", context)


def _section_overview(
    request: HttpRequest, section: Section, sessions: SessionQuerySet, period: Period
) -> dict[str, Any]:
    """Figures and weeks, of all or of what `?assignment=` names: an assignment's key, or "free" for free practice."""
    assignments = list(
        Assignment.objects.filter(section=section, published_at__isnull=False)
        .order_by("-created_at", "id")
        .values_list("pk", "title")[:ASSIGNMENTS]
    )
    wanted = request.GET.get("assignment", "")
    chosen = next(((pk, title) for pk, title in assignments if str(pk) == wanted), None)
    if chosen:
        sessions = sessions.filter(assignment=chosen[0])
    elif wanted == FREE:
        sessions = sessions.filter(assignment=None)
    options = [(FREE, _("Free practice")), *((str(pk), title) for pk, title in assignments)]
    return {
        **_overview(sessions, period),
        "assignments": options if assignments else [],
        "assignment": str(chosen[0]) if chosen else wanted if wanted == FREE else "",
    }


def _students(request: HttpRequest, section: Section, sessions: SessionQuerySet, period: Period) -> dict[str, Any]:
    """A page of students in the chosen order; what all of them did is summed up only for an order by it."""
    wanted = request.GET.get("sort", "")
    sort = wanted if wanted in ORDERS else "name"
    key = ORDERS[sort].key
    names = _names(section)
    by_name = sorted(names, key=lambda student: (names[student].casefold(), student))
    now = timezone.now()
    work = progress.work_set([section.pk], now)
    assigned = work.count()

    def rows_of(people: Sequence[uuid.UUID]) -> list[StudentRow]:
        only = None if len(people) == len(names) else people
        practised = progress.by_student(sessions, only)
        missing = progress.missing_by_student(work, now, only)
        return [
            StudentRow(
                student, names[student], practised.get(student, Practice()), assigned, missing.get(student, Missing())
            )
            for student in people
        ]

    ordered: Sequence[Any] = sorted(rows_of(by_name), key=key) if key else by_name
    page = Paginator(ordered, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "page_obj": page,
        "rows": list(page) if key else rows_of(list(page)),
        "sort": sort,
        "orders": [(name, order.label) for name, order in ORDERS.items()],
        "columns": _columns(sort, period),
        "query": _query(period, show="students", sort=sort),
    }


def _columns(sort: str, period: Period) -> list[dict[str, Any]]:
    """The heads of the students' table, each with the order that a press on it gives and how it is sorted now."""
    heads = [
        (_("Student"), "name", "ascending", ""),
        (_("Conversations"), "least" if sort == "sessions" else "sessions", "descending", _("in the period")),
        (_("Minutes"), "minutes", "descending", _("in the period")),
        (_("Last active"), "last", "ascending", _("in the period")),
        (_("Finished"), "finished", "ascending", _("of all that is set")),
        (_("Overdue"), "overdue", "descending", _("today")),
    ]
    sorted_by = {"sessions": "descending", "least": "ascending"}
    return [
        {
            "label": label,
            "note": note,
            "query": _query(period, show="students", sort=order),
            "sorted": sorted_by.get(sort, "") if order in sorted_by else direction if order == sort else "",
        }
        for label, order, direction, note in heads
    ]


def _scores(request: HttpRequest, section: Section, sessions: SessionQuerySet, period: Period) -> dict[str, Any]:
    """Mean levels of a page of students by the chosen rubric, and of the section."""
    state = progress.shown_to(signed_in(request))
    used = progress.rubrics_of(sessions, state)
    rubric = progress.chosen_rubric(used, request.GET.get("rubric", ""))
    if rubric is None:
        return {"rubric": None}
    names = _names(section)
    people = sorted(names, key=lambda student: (names[student].casefold(), student))
    page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
    means = progress.means_of(sessions, rubric.pk, state, list(page))
    return {
        "rubric": rubric,
        "rubrics": used,
        "criteria": means.criteria,
        "of_all": [means.of_all.get(name) for name in means.criteria],
        "rows": [
            (student, names[student], [means.of_students.get(student, {}).get(name) for name in means.criteria])
            for student in page
        ],
        "page_obj": page,
        "query": _query(period, show="scores", rubric=str(rubric.pk)),
    }


def _names(section: Section) -> dict[uuid.UUID, str]:
    """Who is in the section now."""
    here = Enrolment.objects.filter(section=section, removed_at=None).order_by()
    return dict(here.values_list("student", "student__display_name"))


# --- One student ------------------------------------------------------------------------------------------------------


@staff_only
@require_safe
def student_progress(request: HttpRequest, pk: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    """One student in one section, also one who has left it: weeks, scores, what is missing, conversations."""
    user, period = signed_in(request), _period(request)
    places = Enrolment.objects.visible_to(user).select_related("section", "student")
    place = get_object_or_404(places, section=pk, student=person)
    sessions = progress.practice_of([place.section_id], period).filter(student=person)
    work = progress.work_set([place.section_id], timezone.now())
    if place.removed_at:
        work = work.none()  # nothing is asked of them any more
    context = {
        "place": place,
        "section": place.section,
        "student": place.student,
        **_of_student(request, place.student, sessions, work, period),
    }
    return render(request, "conversations/progress_student.html", context)


@students_only
@require_safe
def my_progress(request: HttpRequest) -> HttpResponse:
    """The student's own practice in all sections, with the scores that were released to them."""
    user, period = signed_in(request), _period(request)
    sessions = Session.objects.visible_to(user).filter(
        kind=Session.Kind.PRACTICE, client__isnull=False, started_at__gte=period.start
    )
    work = progress.work_set(user.enrolments.active().values("section"), timezone.now())
    context = _of_student(request, user, sessions.order_by(), work, period)
    return render(request, "conversations/progress_own.html", context)


def _of_student(
    request: HttpRequest, student: User, sessions: SessionQuerySet, work: AssignmentQuerySet, period: Period
) -> dict[str, Any]:
    """What a page about one student shows; six queries."""
    weeks = progress.by_week(sessions, period)
    assigned, unfinished = work.count(), progress.unfinished_by(student.pk, work, timezone.now())
    scored = progress.scored_of(sessions, progress.shown_to(signed_in(request)))
    used = progress.rubrics_in(scored)
    rubric = progress.chosen_rubric(used, request.GET.get("rubric", ""))
    chosen = {"period": str(period.weeks)} | ({"rubric": str(rubric.pk)} if rubric else {})
    page = page_of(sessions.select_related("client", "assignment"), request.GET, chosen)
    return {
        **_periods(period),
        "sessions": sum(week.sessions for week in weeks),
        "minutes": sum(week.minutes for week in weeks),
        "assigned": assigned,
        "finished": assigned - len(unfinished),
        "unfinished": unfinished,
        "overdue": sum(one.is_overdue for one in unfinished),
        "drawings": weekly(weeks, period),
        "rubrics": used,
        "rubric": rubric,
        "criteria": by_criterion(scored, rubric) if rubric else [],
        "rows": page.sessions,
        "next_url": page.next_url,
        "previous_url": page.previous_url,
    }


# --- Shared -----------------------------------------------------------------------------------------------------------


def _period(request: HttpRequest) -> Period:
    return Period.of(request.GET.get("period", ""))


def _query(period: Period, **parameters: str) -> str:
    return urlencode({**parameters, "period": str(period.weeks)})


def _periods(period: Period) -> dict[str, Any]:
    """The period and the others that may be chosen."""
    return {"period": period, "lengths": progress.Length.choices}


def _overview(sessions: SessionQuerySet, period: Period) -> dict[str, Any]:
    """The figures of these sessions and their weeks; three queries."""
    figures = progress.figures_of(sessions)
    return {
        "figures": figures,
        "heard": MOST_HEARD if figures.sessions > MOST_HEARD else 0,
        "drawings": weekly(progress.by_week(sessions, period), period),
    }
