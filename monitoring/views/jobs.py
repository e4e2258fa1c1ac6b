"""The page of one job: its progress, what it could not do, its files, and what its owner may do with it."""

import uuid
from collections.abc import Callable
from typing import Any, Protocol

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from monitoring import jobs
from monitoring.models import Job, JobFile
from monitoring.models.job import Person

PER_PAGE = 50


class Verb(Protocol):
    """What an owner may do with a job."""

    def __call__(self, *, by: Person, job: Job) -> None: ...


def job_context(request: HttpRequest, job: Job) -> dict[str, Any]:
    """What `monitoring/_job_part.html` shows, for any page that is about a job; problems go by its `page` parameter."""
    told = job.problems.all() if jobs.may_have_problems(request.user, job) else job.problems.none()
    problems = Paginator(told, PER_PAGE).get_page(request.GET.get("page"))
    handed_out = job.is_ended and jobs.may_have_files(request.user, job)
    made = job.files.filter(purpose=JobFile.Purpose.OUTPUT) if handed_out else []
    return {"job": job, "page_obj": problems, "query": "", "job_files": made}


@login_required
@require_safe
@never_cache
def job_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of a job; htmx gets its part alone, and loads the whole page anew once the job has ended.

    A kind with a page of its own is shown there.
    """
    job = _own(request, pk)
    wants_part = bool(request.headers.get("HX-Request"))
    page = _page_for(request, job)
    if not wants_part and page != "job":
        return redirect(page, pk=pk)
    if wants_part and job.is_ended:
        return HttpResponseClientRefresh()
    template = "monitoring/_job_part.html" if wants_part else "monitoring/job.html"
    return render(request, template, job_context(request, job))


@login_required
@require_safe
@never_cache
def job_file(request: HttpRequest, pk: uuid.UUID, file: uuid.UUID) -> HttpResponseBase:
    """A file that a job made, to keep; 404 for admins where it is for whoever asked alone."""
    job = _own(request, pk)
    made = get_object_or_404(JobFile, job=job, pk=file, purpose=JobFile.Purpose.OUTPUT)
    if not job.is_ended or not jobs.may_have_files(request.user, job):
        raise Http404
    try:
        content = made.content.open()
    except FileNotFoundError as gone:
        raise Http404 from gone
    return FileResponse(content, as_attachment=True, filename=made.name)


def _button(verb: Verb) -> Callable[..., HttpResponseBase]:
    """The view behind a button: do it, or say why not, and show the job again."""

    @login_required
    @require_POST
    def pressed(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        job = _own(request, pk)
        try:
            verb(by=request.user, job=job)
        except jobs.JobStateError as error:
            messages.error(request, str(error))
        return redirect(_page_for(request, job), pk=pk)

    return pressed


job_pause = _button(jobs.pause)
job_resume = _button(jobs.resume)
job_cancel = _button(jobs.cancel)


def _page_for(request: HttpRequest, job: Job) -> str:
    """The route of the job's page: one of its own says what came of it, which is not for who only keeps jobs going."""
    return jobs.page_of(job) if jobs.may_have_problems(request.user, job) else "job"


def _own(request: HttpRequest, pk: uuid.UUID) -> Job:
    """The job, for its owner and who may change jobs; 404 for others."""
    return get_object_or_404(Job.objects.visible_to(request.user), pk=pk)
