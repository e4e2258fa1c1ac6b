"""One student of an assignment, as staff see it: attempts, scores, exceptions, and an ended attempt reopened."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from accounts.views.answers import do_and_say
from conversations import assignments
from conversations.assignment_forms import GrantForm, ReopenForm
from conversations.models import Assignment, AssignmentException, Attempt, Scoring
from conversations.views.assignments import student_rows


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_student(request: HttpRequest, pk: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    """Where one student of the section stands, and the form of what they are granted beyond the others."""
    user = signed_in(request)
    assignment = _visible(user, pk)
    # Whoever has left the section is still there with what they did.
    student = get_object_or_404(User, pk=person, enrolments__section=assignment.section_id)
    exception = AssignmentException.objects.filter(assignment=assignment, student=student).first()
    stored: dict[str, Any] = {name: getattr(exception, name) for name in GrantForm.base_fields} if exception else {}
    form = GrantForm(request.POST or None, assignment=assignment, initial=stored)
    if request.method == "POST" and form.is_valid():
        get_object_or_404(Assignment.objects.editable_by(user), pk=pk)
        done = _("The exception for %(student)s is saved.") % {"student": student}
        grant = form.grant()
        if do_and_say(
            request,
            lambda: assignments.grant_exception(by=user, assignment=assignment, student=student, grant=grant),
            done,
        ):
            return redirect("assignment-student", pk, person)
    return _page(request, assignment, student, exception, form)


def _page(
    request: HttpRequest,
    assignment: Assignment,
    student: User,
    exception: AssignmentException | None,
    form: GrantForm,
) -> HttpResponse:
    found = assignments.standings([assignment], [student])
    (row,) = student_rows(found)
    attempts = [attempt for task in found[0].tasks for attempt in task.attempts]
    scored = Scoring.objects.filter(session__in=[attempt.session_id for attempt in attempts]).select_related("latest")
    scorings = {scoring.session_id: scoring for scoring in scored}
    context = {
        "assignment": assignment,
        "student": student,
        "exception": exception,
        "form": form,
        "row": row,
        "standing": found[0],
        "tasks": [
            (task.task, [(attempt, scorings.get(attempt.session_id)) for attempt in task.attempts])
            for task in found[0].tasks
        ],
        "changeable": not assignment.section.archived_at,
        "grants": [name for name in form.fields if name != "reason"],
        "zone": timezone.get_current_timezone_name().replace("_", " "),
    }
    return render(request, "conversations/assignment_student.html", context)


@staff_only
@require_POST
def assignment_withdraw(request: HttpRequest, pk: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    """Take back what one student was granted; what they began under it is kept."""
    user = signed_in(request)
    get_object_or_404(Assignment.objects.editable_by(user), pk=pk)
    exception = get_object_or_404(
        AssignmentException.objects.select_related("assignment", "student"), assignment=pk, student=person
    )
    done = _("The exception for %(student)s is withdrawn.") % {"student": exception.student}
    do_and_say(request, lambda: assignments.withdraw_exception(by=user, exception=exception), done)
    return redirect("assignment-student", pk, person)


@staff_only
@require_POST
def attempt_reopen(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let the student go on with an ended attempt, for so many `minutes`, or as long as the rules give."""
    user = signed_in(request)
    editable = Attempt.objects.visible_to(user).filter(assignment__in=Assignment.objects.editable_by(user).values("pk"))
    attempt = get_object_or_404(editable.select_related("assignment", "student", "task__client"), pk=pk)
    form = ReopenForm(request.POST)
    if form.is_valid():
        done = _("%(student)s can go on with %(client)s.")
        minutes = form.cleaned_data["minutes"]
        do_and_say(
            request,
            lambda: assignments.reopen_attempt(by=user, attempt=attempt, minutes=minutes),
            done % {"student": attempt.student, "client": attempt.task.client},
        )
    else:
        messages.error(request, _("Minutes: this is a whole number from 1 to 1440. Nothing was reopened."))
    return redirect("assignment-student", attempt.assignment_id, attempt.student_id)


def _visible(user: User, pk: uuid.UUID) -> Assignment:
    return get_object_or_404(Assignment.objects.visible_to(user).select_related("section"), pk=pk)
