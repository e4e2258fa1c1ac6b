"""Writing assignments: a new one, one that exists, and a copy for another section."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import Section, User
from accounts.permissions import signed_in, staff_only
from clients.models import ClientProfile
from conversations import assignments
from conversations.assignment_forms import (
    AssignedClients,
    AssignmentForm,
    CopyForm,
    Offered,
    assignment_value,
    fields_of,
)
from conversations.forms import rubric_groups
from conversations.models import Assignment, Rubric

# What fits into one choice; one's own come first.
CLIENTS_OFFERED = 400
Rows = list[dict[str, Any]]


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_new(request: HttpRequest) -> HttpResponse:
    """A blank form, for `?section=` if it is named; its buttons add, remove and move clients without saving."""
    user = signed_in(request)
    rows = _rearranged(request)
    if request.method != "POST" or rows is not None:
        initial = {"section": request.GET.get("section", "")}
        return _form_page(request, rows or [], initial)
    form = AssignmentForm(request.POST, by=user)
    clients = AssignedClients(request.POST, offered=_offered(user, AssignedClients.sent_rows(request.POST)))
    if form.is_valid() & clients.is_valid():
        section = form.cleaned_data["section"]
        try:
            made = assignments.create_assignment(by=user, section=section, value=assignment_value(form, clients))
        except assignments.AssignmentRuleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The draft is saved. Students see it once you publish it."))
            return redirect("assignment-detail", made.pk)
    return _render_form(request, form, clients)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same form for an assignment that exists; an edit on top of a newer one is refused and kept."""
    user = signed_in(request)
    assignment = get_object_or_404(Assignment.objects.editable_by(user).select_related("section"), pk=pk)
    rows = _rearranged(request)
    if request.method != "POST" or rows is not None:
        return _form_page(request, _rows_of(assignment) if rows is None else rows, fields_of(assignment), assignment)
    form = AssignmentForm(request.POST, by=None)
    offered = _offered(user, AssignedClients.sent_rows(request.POST), assignment)
    clients = AssignedClients(request.POST, offered=offered)
    if form.is_valid() & clients.is_valid():
        value, revision = assignment_value(form, clients), form.cleaned_data["revision"] or 0
        try:
            assignments.edit_assignment(by=user, assignment=assignment, value=value, revision=revision)
        except assignments.StaleEditError as error:
            # Told once: the next attempt is made on top of what stands there now.
            form.with_told(revision=Assignment.objects.values_list("revision", flat=True).get(pk=pk))
            form.add_error(None, str(error))
        except assignments.AssignmentRuleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The changes to “%(assignment)s” are saved.") % {"assignment": value.title})
            return redirect("assignment-detail", pk)
    return _render_form(request, form, clients, assignment)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def assignment_copy(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A draft like this one for a section, its dates moved; then to its form."""
    user = signed_in(request)
    found = Assignment.objects.visible_to(user).select_related("section__term")
    assignment = get_object_or_404(found, pk=pk)
    form = CopyForm(request.POST or None, by=user, initial={"section": _here_or_none(assignment)})
    if request.method == "POST" and form.is_valid():
        section = form.cleaned_data["section"]
        days = form.cleaned_data["days"]
        if days is None:
            days = _days_between(assignment.section, section)
        try:
            copy = assignments.copy_assignment(
                by=user, assignment=assignment, section=section, shift=dt.timedelta(days=days)
            )
        except assignments.AssignmentRuleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _copied(copy, days))
            return redirect("assignment-edit", copy.pk)
    return render(request, "conversations/assignment_copy.html", {"form": form, "assignment": assignment})


def _here_or_none(assignment: Assignment) -> Section | None:
    return None if assignment.section.archived_at else assignment.section


def _days_between(one: Section, other: Section) -> int:
    """From the first day of the one section to that of the other; 0 where one of them has none."""
    first, second = _first_day(one), _first_day(other)
    return (second - first).days if first and second else 0


def _first_day(section: Section) -> dt.date | None:
    return section.starts_on or (section.term.starts_on if section.term else None)


def _copied(copy: Assignment, days: int) -> str:
    if not (copy.opens_at or copy.due_at):
        return _("This is the copy for %(section)s.") % {"section": copy.section}
    if not days:
        return _("This is the copy for %(section)s. Its dates are the same: check them.") % {"section": copy.section}
    return ngettext(
        "This is the copy for %(section)s. Its dates are moved by %(days)d day: check them.",
        "This is the copy for %(section)s. Its dates are moved by %(days)d days: check them.",
        abs(days),
    ) % {"section": copy.section, "days": days}


def _rearranged(request: HttpRequest) -> Rows | None:
    """The rows after the button that was pressed, with the client that was chosen; None when it was Save."""
    chosen = request.POST.get("new_client", "")
    there = {row["client"] for row in AssignedClients.sent_rows(request.POST)}
    return AssignedClients.rearranged(request.POST, [{"client": chosen}] if chosen and chosen not in there else [])


def _rows_of(assignment: Assignment) -> Rows:
    return [
        {"client": str(task.client_id), "rubric": str(task.rubric_id or ""), "min_exchanges": task.min_exchanges}
        for task in assignment.clients.all()
    ]


def _form_page(
    request: HttpRequest, rows: Rows, stored: dict[str, Any], assignment: Assignment | None = None
) -> HttpResponse:
    """The form with these rows and no judgement of them: what was sent above the clients, else what is stored."""
    user = signed_in(request)
    initial = stored
    if request.method == "POST":
        initial = {field: request.POST.get(field, "") for field in AssignmentForm.base_fields}
        initial["in_order"] = "in_order" in request.POST
    form = AssignmentForm(initial=initial, by=None if assignment else user)
    clients = AssignedClients(rows=rows, offered=_offered(user, rows, assignment))
    return _render_form(request, form, clients, assignment)


def _render_form(
    request: HttpRequest, form: AssignmentForm, clients: AssignedClients, assignment: Assignment | None = None
) -> HttpResponse:
    there = {str(row["client"].value()) for row in clients}
    context = {
        "form": form,
        "clients": clients,
        "assignment": assignment,
        "wrong": form.is_bound and (bool(form.errors) or not clients.is_valid()),
        "choices": _client_choices(signed_in(request), there),
        "zone": timezone.get_current_timezone_name().replace("_", " "),
    }
    return render(request, "conversations/assignment_form.html", context)


def _offered(user: User, rows: Rows, assignment: Assignment | None = None) -> Offered:
    """The clients of these rows and all rubrics, as far as the person may use them or they stand there already."""
    known = Q(pk__in=ClientProfile.objects.visible_to(user).filter(archived_at=None).values("pk"))
    kept_rubrics: list[Rubric] = []
    if assignment:
        known |= Q(pk__in=assignment.clients.values("client"))
        kept_rubrics = list(Rubric.objects.filter(pk__in=assignment.clients.values("rubric")))
    clients = ClientProfile.objects.filter(known, pk__in=_keys(row.get("client", "") for row in rows))
    groups = rubric_groups(user)
    rubrics = {str(rubric.pk): rubric for _label, found in groups for rubric in found}
    others = [rubric for rubric in kept_rubrics if str(rubric.pk) not in rubrics]
    groups += [(_("In this assignment"), others)] if others else []
    return Offered(
        clients={str(client.pk): client for client in clients},
        rubrics=rubrics | {str(rubric.pk): rubric for rubric in others},
        rubric_choices=[
            ("", _("No rubric")),
            *((label, [(str(rubric.pk), rubric.name) for rubric in found]) for label, found in groups),
        ],
    )


def _keys(texts: Iterable[Any]) -> list[uuid.UUID]:
    """Those of these texts that are keys."""
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(str(text)))
        except ValueError:
            continue
    return found


def _client_choices(user: User, there: set[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Whom the person may add, by whose they are; without those who stand there."""
    own = ExpressionWrapper(Q(owner=user), output_field=BooleanField())
    usable = ClientProfile.objects.visible_to(user).filter(archived_at=None).annotate(own=own)
    rows = usable.order_by("-own", "name", "id").values_list("pk", "owner", "name", "age", "reason")[:CLIENTS_OFFERED]
    groups: dict[str, list[tuple[str, str]]] = {_("Mine"): [], _("Colleagues"): [], _("Built-in"): []}
    mine, colleagues, built_in = groups.values()
    for pk, owner, name, age, reason in rows:
        if str(pk) not in there:
            group = mine if owner == user.pk else built_in if owner is None else colleagues
            group.append((str(pk), Truncator(f"{name}, {age}: {reason}").chars(80)))
    return [(label, found) for label, found in groups.items() if found]
