"""Assignments as staff see them: the list, one with its students, and what a button does with one."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Enrolment, Section, User
from accounts.permissions import signed_in, staff_only
from accounts.views.answers import Question, ask, do_and_say, render_list, wants_part
from conversations import assignments
from conversations.assignment_forms import AssignmentFilter, StudentSearch
from conversations.assignments import Standing
from conversations.models import Assignment, AssignmentClient, Attempt, Scoring
from conversations.scores import Total
from conversations.views.evaluation import drafting_of, drafts_of
from conversations.views.work import work_page

PER_PAGE = 20
STUDENTS_PER_PAGE = 25


def _tab_conditions() -> dict[str, Q]:
    """What stands under each tab; the work of archived sections is archived with them."""
    archived = Q(archived_at__isnull=False) | Q(section__archived_at__isnull=False)
    past = Q(due_at__lt=timezone.now())
    published = ~archived & Q(published_at__isnull=False)
    return {
        "current": published & ~past,
        "drafts": ~archived & Q(published_at=None),
        "past": published & past,
        "archived": archived,
    }


ORDER = {
    "current": F("due_at").asc(nulls_last=True),
    "drafts": F("updated_at").desc(),
    "past": F("due_at").desc(),
    "archived": F("updated_at").desc(),
}


@staff_only
@require_safe
def assignment_list(request: HttpRequest) -> HttpResponse:
    """The assignments of one's sections, by what stands with them; htmx gets the results alone."""
    user = signed_in(request)
    form = AssignmentFilter(request.GET)
    chosen = form.chosen()
    conditions, visible = _tab_conditions(), Assignment.objects.visible_to(user)
    if "section" in chosen:
        visible = visible.filter(section=uuid.UUID(chosen["section"]))
    visible = visible.matching(chosen.get("q", ""))
    counts = visible.aggregate(**{tab: Count("pk", filter=condition) for tab, condition in conditions.items()})
    size = AssignmentClient.objects.filter(assignment=OuterRef("pk")).order_by().values("assignment")
    found = (
        visible.filter(conditions[chosen["tab"]])
        .select_related("section")
        .annotate(size=Coalesce(Subquery(size.annotate(number=Count("pk")).values("number")), 0))
        .order_by(ORDER[chosen["tab"]], "id")
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    sections = Section.objects.current().visible_to(user).order_by("name", "course_code", "id")
    kept = {name: value for name, value in chosen.items() if name != "tab"}
    context = {
        "form": form,
        "chosen": chosen,
        "tabs": [(tab, label, counts[tab]) for tab, label in AssignmentFilter.TABS],
        "kept": urlencode(kept),
        "page_obj": page,
        "rows": _with_numbers(list(page)),
        "sections": [(str(section.pk), str(section)) for section in sections],
        "query": urlencode(chosen),
        "filtering": bool(kept),
    }
    return render_list(request, "conversations/assignment_list.html", "conversations/_assignment_rows.html", context)


def _with_numbers(page: Sequence[Any]) -> list[dict[str, Any]]:
    """Each assignment with how many `students` its section has, and how many have `begun`.

    Who has finished is not counted here: that looks at thousands of sessions, and the assignment's own page tells it.
    """
    enrolled = Enrolment.objects.filter(section__in={one.section_id for one in page}, removed_at=None)
    students = _numbers(enrolled, "section", Count("pk"))
    attempts = Attempt.objects.filter(assignment__in=[one.pk for one in page])
    begun = _numbers(attempts, "assignment", Count("student", distinct=True))
    return [
        {"assignment": one, "students": students.get(one.section_id, 0), "begun": begun.get(one.pk, 0)} for one in page
    ]


def _numbers(rows: QuerySet[Any], key: str, number: Count) -> dict[uuid.UUID, int]:
    return dict(rows.order_by().values(key).annotate(number=number).values_list(key, "number"))


@staff_only
@never_cache
@require_safe
def assignment_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What is set, what can be done with it, and where each student of the section stands."""
    user = signed_in(request)
    found = Assignment.objects.visible_to(user).select_related("section", "created_by")
    in_use = Exists(Attempt.objects.filter(assignment=OuterRef("pk")))
    assignment = get_object_or_404(found.annotate(in_use=in_use, drafting=drafting_of(user)), pk=pk)
    form = StudentSearch(request.GET)
    context = {
        "assignment": assignment,
        "form": form,
        "deadlines": assignment.deadlines_for(),
        "changeable": not assignment.section.archived_at,
        **(_students(request, assignment, form) if assignment.published_at else _draft(assignment)),
        **(drafts_of(assignment) if assignment.published_at and not wants_part(request) else {}),
    }
    return render_list(
        request, "conversations/assignment_detail.html", "conversations/_assignment_students.html", context
    )


def _tasks(assignment: Assignment) -> QuerySet[AssignmentClient]:
    return assignment.clients.select_related("client", "rubric")


def _draft(assignment: Assignment) -> dict[str, Any]:
    return {
        "tasks": _tasks(assignment),
        "missing": assignments.missing(assignment),
    }


def _students(request: HttpRequest, assignment: Assignment, form: StudentSearch) -> dict[str, Any]:
    """The clients, and the page of students with where each stands."""
    chosen = form.chosen()
    enrolled = Enrolment.objects.filter(section=assignment.section_id, removed_at=None).matching(chosen.get("q", ""))
    ordered = enrolled.select_related("student").order_by("student__display_name", "student__email")
    page = Paginator(ordered, STUDENTS_PER_PAGE).get_page(request.GET.get("page"))
    found = assignments.standings([assignment], [row.student for row in page])
    return {
        "page_obj": page,
        "rows": student_rows(found),
        "tasks": [one.task for one in found[0].tasks] if found else _tasks(assignment),
        "query": urlencode(chosen),
        "filtering": bool(chosen),
    }


def student_rows(found: Sequence[Standing]) -> list[dict[str, Any]]:
    """For tables of staff: each standing with what counts of it and the score, also an unreleased one. One query."""
    sessions = [attempt.session_id for one in found for task in one.tasks for attempt in task.attempts]
    scorings = Scoring.objects.filter(session__in=sessions).select_related("latest")
    scored = {row.session_id: row for row in scorings}
    totals = {pk: row.latest.total for pk, row in scored.items() if row.latest and row.latest.total}
    return [_student_row(one, scored, totals) for one in found]


def _student_row(
    standing: Standing, scored: dict[uuid.UUID, Scoring], totals: dict[uuid.UUID, Total]
) -> dict[str, Any]:
    results = [(task, assignments.result_of(standing, task, totals)) for task in standing.tasks]
    to_judge = [result for task, result in results if task.task.rubric_id]
    attempts = [attempt for task in standing.tasks for attempt in task.attempts]
    counting = [result.attempt for _task, result in results if result]
    return {
        "standing": standing,
        "attempts": len(attempts),
        "late": max((result.days_late for _task, result in results if result), default=0),
        "percent": assignments.mean_percent(to_judge, len(to_judge)),
        "released": all(scored[one.session_id].is_released for one in counting if one.session_id in scored),
        "to_score": [one for one in counting if one.session_id not in totals and one.rubric_version_id],
        "open": standing.running,
    }


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_publish(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let the students see it, after a summary of what they will see and of what is missing."""
    user, assignment = signed_in(request), _changeable(request, pk)
    if request.method == "POST":
        done = _("“%(assignment)s” is published. The students of %(section)s are told.")
        done = done % {"assignment": assignment, "section": assignment.section}
        return _answer(request, assignment, lambda: assignments.publish(by=user, assignment=assignment), done)
    context = {
        "assignment": assignment,
        "deadlines": assignment.deadlines_for(),
        "missing": assignments.missing(assignment),
        "tasks": _tasks(assignment),
        "students": Enrolment.objects.filter(section=assignment.section_id, removed_at=None).count(),
        "now": timezone.now(),
    }
    return render(request, "conversations/assignment_publish.html", context)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_unpublish(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A draft again, after a question, as long as nobody has begun."""
    user, assignment = signed_in(request), _changeable(request, pk)
    if request.method == "POST":
        done = _("“%(assignment)s” is a draft again. Students no longer see it.") % {"assignment": assignment}
        return _answer(request, assignment, lambda: assignments.unpublish(by=user, assignment=assignment), done)
    return ask(
        request,
        Question(
            title=_("Take “%(assignment)s” back?") % {"assignment": assignment},
            text=_("Students no longer see it, though they were told of it. You can publish it again."),
            action=_("Make it a draft"),
            back=_page_of(assignment),
        ),
    )


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Out of the lists after a question; nothing is deleted."""
    user, assignment = signed_in(request), _changeable(request, pk)
    if request.method == "POST":
        done = _("“%(assignment)s” is archived. What students did is kept.") % {"assignment": assignment}
        return _answer(
            request, assignment, lambda: assignments.archive_assignment(by=user, assignment=assignment), done
        )
    return ask(
        request,
        Question(
            title=_("Archive “%(assignment)s”?") % {"assignment": assignment},
            text=_(
                "It leaves the lists of students, who can begin nothing more in it. Conversations that are open can be "
                "finished, what was said and scored is kept, and you can restore it."
            ),
            action=_("Archive assignment"),
            back=_page_of(assignment),
        ),
    )


@staff_only
@require_POST
def assignment_restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Back as it was."""
    user, assignment = signed_in(request), _changeable(request, pk)
    done = _("“%(assignment)s” is back.") % {"assignment": assignment}
    return _answer(request, assignment, lambda: assignments.restore_assignment(by=user, assignment=assignment), done)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Gone for good after a question, where nobody has begun."""
    user, assignment = signed_in(request), _changeable(request, pk)
    if request.method == "POST":
        done = _("“%(assignment)s” is deleted.") % {"assignment": assignment}
        deleted = do_and_say(request, lambda: assignments.delete_unused(by=user, assignment=assignment), done)
        return redirect("assignment-list") if deleted else redirect("assignment-detail", pk)
    return ask(
        request,
        Question(
            title=_("Delete “%(assignment)s”?") % {"assignment": assignment},
            text=_("What is set in it is lost for good. Nobody has begun it, so nothing that was said is lost."),
            action=_("Delete assignment"),
            back=_page_of(assignment),
            danger=True,
        ),
    )


@staff_only
@require_safe
def assignment_preview(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page as a student of the section finds it, before they have begun; nothing on it can be pressed."""
    visible = Assignment.objects.visible_to(signed_in(request)).select_related("section")
    # Somebody who has done nothing and was granted nothing.
    return work_page(request, get_object_or_404(visible, pk=pk), User(role=User.Role.STUDENT), preview=True)


def _changeable(request: HttpRequest, pk: uuid.UUID) -> Assignment:
    editable = Assignment.objects.editable_by(signed_in(request)).select_related("section")
    return get_object_or_404(editable, pk=pk)


def _page_of(assignment: Assignment) -> str:
    return reverse("assignment-detail", args=[assignment.pk])


def _answer(request: HttpRequest, assignment: Assignment, act: Callable[[], object], done: str) -> HttpResponse:
    do_and_say(request, act, done)
    return redirect("assignment-detail", assignment.pk)
