"""Rosters: the upload, the preview in which everything is chosen, and the report of an import."""

import dataclasses
import uuid
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import RosterFile, Section
from accounts.permissions import signed_in, staff_only
from accounts.roster import RosterError
from accounts.roster_forms import RosterForm, RosterUploadForm, choices_of, read_as
from accounts.services import RuleBrokenError, TooManyTriesError, rosters
from monitoring.models import Job
from monitoring.views.jobs import job_context

LATEST = 5
# So many sections of a file a preview names; the report has them all in the portal.
MOST_SECTIONS = 50
# What a job counted, in the order of its report.
FIGURES = [
    ("created", gettext_lazy("new accounts")),
    ("enrolled", gettext_lazy("enrolled")),
    ("returned", gettext_lazy("returned")),
    ("removed", gettext_lazy("removed")),
    ("teaches", gettext_lazy("teachers added")),
    ("updated", gettext_lazy("accounts changed")),
    ("sections", gettext_lazy("sections made")),
    ("sections_changed", gettext_lazy("sections changed")),
    ("archived", gettext_lazy("sections archived")),
]


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def roster_new(request: HttpRequest) -> HttpResponse:
    """Choose a file and where its people go; nothing is imported yet. Too many imports are answered with 429."""
    user = signed_in(request)
    initial = {"section": request.GET.get("section", "")}
    form = RosterUploadForm(request.POST or None, request.FILES or None, by=user, initial=initial)
    wait = 0
    if request.method == "POST" and form.is_valid():
        section = form.cleaned_data["section"]
        try:
            kept = rosters.keep(by=user, file=form.cleaned_data["file"])
        except (RosterError, RuleBrokenError) as error:
            form.add_error("file", str(error))
            wait = error.retry_after if isinstance(error, TooManyTriesError) else 0
        else:
            chosen = f"?{urlencode({'section': str(section.pk)})}" if section else ""
            return redirect(reverse("roster", args=[kept.pk]) + chosen)
    latest = Job.objects.filter(owner=user, kind=rosters.KIND)[:LATEST]
    response = render(request, "accounts/roster_new.html", {"form": form, "latest": latest})
    if wait:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response.headers["Retry-After"] = str(wait)
    return response


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def roster(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The roster as it will be read; by `do=import` it is handed to the background, by any other POST shown anew."""
    user = signed_in(request)
    kept = get_object_or_404(RosterFile.objects.visible_to(user), pk=pk)
    choices = choices_of(request.POST or request.GET)
    wrong = ""
    if request.method == "POST" and request.POST.get("do") == "import":
        try:
            job = rosters.begin_import(by=user, kept=kept, choices=choices)
        except (RosterError, RuleBrokenError) as error:
            wrong = str(error)
        else:
            return redirect("roster-report", job.pk)
    return _preview(request, kept, choices, wrong)


@staff_only
@require_POST
def roster_discard(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete the file; nothing was imported."""
    user = signed_in(request)
    rosters.discard(by=user, kept=get_object_or_404(RosterFile.objects.visible_to(user), pk=pk))
    messages.success(request, _("The file is deleted. Nothing was imported."))
    return redirect("roster-new")


@staff_only
@require_safe
@never_cache
def roster_report(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How an import goes, and what it changed."""
    user = signed_in(request)
    job = get_object_or_404(Job.objects.visible_to(user).filter(kind=rosters.KIND), pk=pk)
    counts: dict[str, int] = job.checkpoint.get("counts", {})
    new: dict[str, int] = job.checkpoint.get("new", {})
    sections = Section.objects.visible_to(user).filter(pk__in=new.keys()).order_by("name", "id") if new else []
    context = {
        **job_context(request, job),
        "counts": counts,
        "figures": _figures(job, counts),
        "nothing_new": not any(counts.get(name) for name, _label in FIGURES),
        "new_in": [(section, new[str(section.pk)]) for section in sections],
    }
    return render(request, "accounts/roster_report.html", context)


def _figures(job: Job, counts: dict[str, int]) -> list[tuple[str, int]]:
    """What changed, without zeros, and how many rows changed nothing or failed."""
    rows = [("unchanged", gettext_lazy("unchanged")), ("failed", gettext_lazy("rows that failed"))]
    numbers = {**counts, "failed": job.failed}
    return [(str(label), numbers[name]) for name, label in [*FIGURES, *rows] if numbers.get(name)]


def _preview(request: HttpRequest, kept: RosterFile, choices: rosters.Choices, wrong: str) -> HttpResponse:
    user = signed_in(request)
    try:
        opened, found = rosters.look(by=user, kept=kept, choices=choices)
    except RosterError as error:
        # What was chosen does not fit; the page shows the file as it is found out, and the choices with what is wrong.
        wrong = wrong or str(error)
        guessed = dataclasses.replace(choices, columns={}, reading=rosters.Reading())
        opened, found = rosters.look(by=user, kept=kept, choices=guessed)
    missing = opened.missing(user)
    context: dict[str, Any] = {
        "kept": kept,
        "form": RosterForm(by=user, opened=opened, choices=choices),
        "opened": opened,
        "read_as": read_as(opened),
        "found": found,
        "choices": choices,
        "into": next(iter(found.sections), None) if choices.section else None,
        "sections": found.sections[:MOST_SECTIONS],
        "more_sections": max(0, len(found.sections) - MOST_SECTIONS),
        "wrong": wrong,
        "missing": missing,
        "may_import": not missing and not wrong and found.good > 0,
    }
    return render(request, "accounts/roster.html", context)
