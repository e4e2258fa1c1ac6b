"""Rubrics: the list, one to read, the form, and what a button does with one."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from accounts.views.answers import Question, ask, do_and_say, render_list
from conversations import rubrics
from conversations.models import Rubric
from conversations.rubric_forms import (
    CriterionFormSet,
    RubricFilter,
    RubricForm,
    blank_rows,
    rows_of,
    rubric_value,
)

PAGE_SIZE = 20


def _tab_conditions(user: User) -> dict[str, Q]:
    """What stands under each tab, among the rubrics that the person sees."""
    current = Q(archived_at=None)
    return {
        "mine": current & Q(owner=user),
        "builtin": current & Q(owner=None),
        "colleagues": current & ~Q(owner=user) & ~Q(owner=None),
        "archived": Q(archived_at__isnull=False) & (Q() if user.is_admin else Q(owner=user)),
    }


@staff_only
@require_safe
def rubric_list(request: HttpRequest) -> HttpResponse:
    """The rubrics that one sees, by whose they are; htmx gets the results alone."""
    user = signed_in(request)
    form = RubricFilter(request.GET)
    chosen = form.chosen()
    conditions, visible = _tab_conditions(user), Rubric.objects.visible_to(user)
    counts = visible.aggregate(**{tab: Count("pk", filter=condition) for tab, condition in conditions.items()})
    found = visible.filter(conditions[chosen["tab"]])
    if "q" in chosen:
        found = found.matching(chosen["q"])
    found = found.select_related("owner").annotate(size=Count("criteria")).order_by("name", "id")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    for rubric in page:
        rubric.changeable = rubric.may_be_changed_by(user)  # type: ignore[attr-defined]
    context = {
        "form": form,
        "chosen": chosen,
        "tabs": [(tab, label, counts[tab]) for tab, label in RubricFilter.TABS],
        "page_obj": page,
        "query": urlencode(chosen),
        "filtering": "q" in chosen,
    }
    return render_list(request, "conversations/rubric_list.html", "conversations/_rubric_rows.html", context)


@staff_only
@require_safe
def rubric_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The rubric to read, with what can be done with it."""
    user = signed_in(request)
    found = Rubric.objects.visible_to(user).select_related("owner", "copied_from").prefetch_related("criteria")
    rubric = get_object_or_404(found, pk=pk)
    context = {
        "rubric": rubric,
        "value": rubric.value(),
        "changeable": rubric.may_be_changed_by(user),
        "in_use": rubric.versions.exists(),
    }
    return render(request, "conversations/rubric_detail.html", context)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def rubric_new(request: HttpRequest) -> HttpResponse:
    """A blank form; its buttons add, remove and move criteria without saving."""
    user = signed_in(request)
    rows = CriterionFormSet.rearranged(request.POST)
    if request.method != "POST" or rows is not None:
        return _form_page(request, rows if rows is not None else blank_rows())
    form, criteria = RubricForm(request.POST), CriterionFormSet(request.POST)
    if form.is_valid() & criteria.is_valid():
        rubric = rubrics.create_rubric(by=user, value=rubric_value(form, criteria))
        messages.success(request, _("%(rubric)s is saved.") % {"rubric": rubric})
        return redirect("rubric-detail", rubric.pk)
    return _render_form(request, form, criteria)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def rubric_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same form for a rubric that exists; an edit on top of a newer one is refused and kept."""
    user = signed_in(request)
    rubric = get_object_or_404(Rubric.objects.editable_by(user).prefetch_related("criteria"), pk=pk)
    rows = CriterionFormSet.rearranged(request.POST)
    if request.method != "POST" or rows is not None:
        return _form_page(request, rows if rows is not None else rows_of(rubric.value()), rubric)
    form, criteria = RubricForm(request.POST), CriterionFormSet(request.POST)
    if not form.is_valid() & criteria.is_valid():
        return _render_form(request, form, criteria, rubric)
    try:
        rubrics.edit_rubric(
            by=user,
            rubric=rubric,
            value=rubric_value(form, criteria),
            revision=form.cleaned_data["revision"] or 0,
        )
    except rubrics.StaleEditError as error:
        # Told once: the next attempt is made on top of what stands there now.
        form.with_told(revision=Rubric.objects.values_list("revision", flat=True).get(pk=pk))
        form.add_error(None, str(error))
        return _render_form(request, form, criteria, rubric)
    messages.success(request, _("The changes to %(rubric)s are saved.") % {"rubric": form.cleaned_data["name"]})
    return redirect("rubric-detail", rubric.pk)


def _form_page(request: HttpRequest, rows: list[dict[str, object]], rubric: Rubric | None = None) -> HttpResponse:
    """The form with these rows and no judgement of them: what was sent above the criteria, else the rubric's."""
    stored = {"name": rubric.name, "description": rubric.description, "revision": rubric.revision} if rubric else {}
    initial = {field: request.POST.get(field, stored.get(field, "")) for field in RubricForm.base_fields}
    return _render_form(request, RubricForm(initial=initial), CriterionFormSet(rows=rows), rubric)


def _render_form(
    request: HttpRequest, form: RubricForm, criteria: CriterionFormSet, rubric: Rubric | None = None
) -> HttpResponse:
    wrong = form.is_bound and (bool(form.errors) or not criteria.is_valid())
    context = {"form": form, "criteria": criteria, "rubric": rubric, "wrong": wrong}
    return render(request, "conversations/rubric_form.html", context)


@staff_only
@require_POST
def rubric_copy(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A copy of any rubric that one sees, ready to be edited."""
    rubric = get_object_or_404(Rubric.objects.visible_to(signed_in(request)), pk=pk)
    copy = rubrics.copy_rubric(by=signed_in(request), rubric=rubric)
    messages.success(request, _("This is your own copy of %(rubric)s: give it a name.") % {"rubric": rubric})
    return redirect("rubric-edit", copy.pk)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def rubric_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Out of use after a question; nothing is deleted."""
    rubric, user = _changeable(request, pk), signed_in(request)
    if request.method == "POST":
        done = _("%(rubric)s is archived. What was scored by it stays.") % {"rubric": rubric}
        return _answer(request, rubric, lambda: rubrics.archive_rubric(by=user, rubric=rubric), done)
    return ask(
        request,
        Question(
            title=_("Archive “%(rubric)s”?") % {"rubric": rubric},
            text=_("Nobody can choose it for a new scoring. What was scored by it stays, and you can restore it."),
            action=_("Archive rubric"),
            back=reverse("rubric-detail", args=[pk]),
        ),
    )


@staff_only
@require_POST
def rubric_restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Back into use."""
    rubric, user = _changeable(request, pk), signed_in(request)
    done = _("%(rubric)s can be used again.") % {"rubric": rubric}
    return _answer(request, rubric, lambda: rubrics.restore_rubric(by=user, rubric=rubric), done)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def rubric_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Gone for good after a question, where nothing was ever scored by it."""
    rubric = _changeable(request, pk)
    if request.method == "POST":
        done = _("%(rubric)s is deleted.") % {"rubric": rubric}
        deleted = do_and_say(request, lambda: rubrics.delete_unused(by=signed_in(request), rubric=rubric), done)
        return redirect("rubric-list") if deleted else redirect("rubric-detail", pk)
    return ask(
        request,
        Question(
            title=_("Delete “%(rubric)s”?") % {"rubric": rubric},
            text=_("Its criteria and their descriptions are lost for good. Nothing was ever scored by it."),
            action=_("Delete rubric"),
            back=reverse("rubric-detail", args=[pk]),
            danger=True,
        ),
    )


def _changeable(request: HttpRequest, pk: uuid.UUID) -> Rubric:
    return get_object_or_404(Rubric.objects.editable_by(signed_in(request)), pk=pk)


def _answer(request: HttpRequest, rubric: Rubric, act: Callable[[], object], done: str) -> HttpResponse:
    do_and_say(request, act, done)
    return redirect("rubric-detail", rubric.pk)
