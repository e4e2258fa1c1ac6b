"""Background work: asked for once, done by workers in small steps, paused, resumed and cancelled by whoever asked.

A worker claims a job by raising its fence and writes only under it, so that whoever lost the claim writes nothing. A
step's effect, its problems and the checkpoint after it are one transaction: done once, or not at all. See docs/jobs.md.
"""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

# The app object alone, to enqueue by name; tasks stay in tasks.py.
from celery import current_app  # noqa: TID251
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files import File
from django.db import transaction
from django.db.models import DateTimeField, F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from monitoring import errors
from monitoring.logs import process_name
from monitoring.models import Job, JobFile, JobProblem
from monitoring.models.job import Person
from monitoring.redaction import described

logger = logging.getLogger("rapport.jobs")

State = Job.State
# So many forgotten jobs are sent for in one round; the next round sends for the rest.
SENT_AT_ONCE = 500


class JobStateError(Exception):
    """A job cannot do this in the state it is in; the text says which, for whoever asked."""


class JobFailedError(Exception):
    """A step's way to say that going on makes no sense; the text says why, for whoever asked."""


class _LostClaimError(Exception):
    """Somebody else has the job, or it was cancelled: what this step did must not stay."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a step could not do: the row by its number in the file (None: no single row), the field, and why."""

    message: str
    row: int | None = None
    field: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did.

    `checkpoint` is where the next one begins, as JSON; `done` counts the rows of this step, `failed` those of them that
    could not be done; `total`, once known, is how many rows there are in all; `finished` says that this was the last.
    `later` asks for a rest before the next step, of a minute or two, where whatever the work waits for is away.
    """

    checkpoint: dict[str, Any]
    done: int = 0
    failed: int = 0
    total: int | None = None
    finished: bool = False
    problems: Sequence[Problem] = ()
    later: bool = False


Step = Callable[[Job], Progress]


@dataclass(frozen=True, slots=True)
class _Handler:
    step: Step
    atomic: bool
    page: str
    private: bool


_handlers: dict[str, _Handler] = {}


def register(kind: str, step: Step, *, atomic: bool = True, page: str = "job", private: bool = False) -> None:
    """Say who does the jobs of this kind; apps above call this when they start. A second one replaces the first.

    `step` does one batch, begins at `job.checkpoint`, and should take about a second: it runs in a transaction, and on
    SQLite everybody waits for that. With `atomic=False` it runs outside one, for work that waits for others, such as a
    model; such a step may be done again after a crash and must notice by keys of its own what it did already. `page` is
    the route of a page of its own, by the job's key, that shows the job's part and what came of it. With `private` the
    files that are made are for whoever asked alone: the access log says that this person has read what is in them.
    """
    _handlers[kind] = _Handler(step, atomic, page, private)


def private_kinds() -> list[str]:
    """The kinds whose files are for whoever asked alone: in them is what was said."""
    return [kind for kind, handler in _handlers.items() if handler.private]


def page_of(job: Job) -> str:
    """The route of the page that shows this job, by its key."""
    handler = _handlers.get(job.kind)
    return handler.page if handler else "job"


def may_have_files(person: Person, job: Job) -> bool:
    """Whether this person, who sees the job, may have the files that it made."""
    handler = _handlers.get(job.kind)
    if job.owner_id == person.pk:
        return True
    return person.has_perm("monitoring.view_jobfile") and not (handler and handler.private)


def may_have_problems(person: Person, job: Job) -> bool:
    """Whether this person, who sees the job, may read what it could not do: that names people."""
    return job.owner_id == person.pk or person.has_perm("monitoring.view_jobproblem")


# --- For whoever asks -------------------------------------------------------------------------------------------------


@transaction.atomic
def create(
    *,
    by: Person | None,
    kind: str,
    label: str,
    input: dict[str, Any] | None = None,  # noqa: A002
    total: int | None = None,
    files: Sequence[File] = (),
) -> Job:
    """A new job that a worker takes after commit; `by` is None for work that nobody signed in asked for.

    `label` says to people what it is. `files` are handed in under their own names and deleted when the job ends.
    Raises LookupError for a kind that nobody registered.
    """
    if kind not in _handlers:
        raise LookupError(kind)
    owner_id = by.pk if by else None
    language = translation.get_language() or settings.LANGUAGE_CODE
    job = Job.objects.create(
        kind=kind, label=label[:200], owner_id=owner_id, language=language, input=input or {}, total=total
    )
    for file in files:
        attach(job=job, name=file.name or "file", content=file, purpose=JobFile.Purpose.INPUT)
    _enqueue(job.pk, job.fence)
    return job


@transaction.atomic
def pause(*, by: Person, job: Job) -> None:
    """Let the step that runs finish, and begin no other. Raises PermissionDenied, JobStateError."""
    _move(by, job, State.PAUSED)


@transaction.atomic
def resume(*, by: Person, job: Job) -> None:
    """Go on after the last step that was finished. Raises PermissionDenied, JobStateError."""
    # A step that has been running since before the pause counts for nothing from now on, and is done again.
    _move(by, job, State.PENDING, worker="", attempts=0, beat_at=timezone.now())
    _enqueue(job.pk, job.fence)


@transaction.atomic
def cancel(*, by: Person, job: Job) -> None:
    """Do nothing more: not even the step that runs now stays. What earlier steps did does.

    Raises PermissionDenied, JobStateError.
    """
    _move(by, job, State.CANCELLED, worker="", finished_at=timezone.now())
    _drop_files(job.pk)


def _move(by: Person, job: Job, to: Job.State, **fields: Any) -> None:
    """Move the state for someone who may; afterwards `job` is as the database has it."""
    mine = Job.objects.visible_to(by).filter(pk=job.pk)
    if not mine.exists():
        raise PermissionDenied
    moved = mine.move(to, **fields)
    job.refresh_from_db()
    if not moved:
        raise JobStateError(_("This cannot be done now. State: %(state)s.") % {"state": job.get_state_display()})


# --- For steps --------------------------------------------------------------------------------------------------------


@transaction.atomic
def attach(*, job: Job, name: str, content: File, purpose: str = JobFile.Purpose.OUTPUT) -> JobFile:
    """Keep a file with the job, in place of an earlier one of that purpose and name.

    What is made stays; what was handed in and what is in the making is deleted when the job ends.
    """
    name = name[:200]
    replaced = JobFile.objects.filter(job=job, purpose=purpose, name=name)
    delete_files(replaced)
    file = JobFile(job=job, purpose=purpose, name=name, size=content.size)
    file.content.save(name, content)
    return file


def _drop_files(job_id: uuid.UUID) -> None:
    delete_files(JobFile.objects.filter(job_id=job_id).exclude(purpose=JobFile.Purpose.OUTPUT))


def delete_files(rows: QuerySet[JobFile]) -> int:
    """Delete rows now and their files once that is certain; how many. Whatever is rolled back has lost no file."""
    found = list(rows)
    for row in found:
        row.delete()
        transaction.on_commit(partial(row.content.delete, save=False), robust=True)
    return len(found)


# --- For workers ------------------------------------------------------------------------------------------------------


def work(job_id: uuid.UUID, fence: int) -> None:
    """Claim the job at this fence and do steps for JOB_SLICE_SECONDS, then let others have a turn.

    Nothing happens where another worker claimed it first, or where it is paused or has ended.
    """
    job = _claim(job_id, fence)
    if job is None:
        return
    until = time.monotonic() + settings.JOB_SLICE_SECONDS
    with translation.override(job.language):
        job = _advance(job)
        while job and job.state == State.RUNNING and time.monotonic() < until:
            job = _advance(job)
    if job and Job.objects.held(job).update(worker="", attempts=0) and job.state == State.RUNNING:
        _enqueue(job.pk, job.fence)


def resume_stale() -> int:
    """Send for the jobs whose worker died or whose task was lost; how many. Safe to do at any time, by anyone."""
    sent = 0
    for job_id, fence in Job.objects.stale().order_by("beat_at").values_list("pk", "fence")[:SENT_AT_ONCE]:
        # Judged again by the row as it is now: a slow worker may just have come back.
        if Job.objects.stale().filter(pk=job_id, fence=fence).update(worker="", beat_at=timezone.now()):
            _enqueue(job_id, fence)
            sent += 1
    return sent


def _enqueue(job_id: uuid.UUID, fence: int) -> None:
    # A broker that is away now costs no more than time: beat sends for forgotten jobs every minute.
    transaction.on_commit(
        lambda: current_app.send_task("monitoring.work", args=[str(job_id), fence], retry=False), robust=True
    )


@transaction.atomic
def _claim(job_id: uuid.UUID, fence: int) -> Job | None:
    """The job under a new fence, if it still waits at this one; a job that kills its workers fails instead."""
    waiting = Job.objects.filter(pk=job_id, fence=fence, worker="")
    exhausted = waiting.filter(state=State.RUNNING, attempts__gte=settings.JOB_ATTEMPTS).first()
    if exhausted:
        _fail(exhausted, _our_fault(exhausted))
        return None
    now = timezone.now()
    claimed = waiting.filter(state__in=[State.PENDING, State.RUNNING]).move(
        State.RUNNING,
        fence=fence + 1,
        attempts=F("attempts") + 1,
        worker=process_name()[:200],
        beat_at=now,
        started_at=Coalesce("started_at", Value(now, output_field=DateTimeField())),
    )
    return Job.objects.filter(pk=job_id, fence=fence + 1).first() if claimed else None


def _advance(job: Job) -> Job | None:
    """Do one step; the job after it, or None where it must not go on here."""
    handler = _handlers.get(job.kind)
    if handler is None:
        _stumble(job, LookupError(f"no handler for {job.kind}"))
        return None
    started = time.monotonic()
    try:
        with transaction.atomic() if handler.atomic else nullcontext():
            progress = handler.step(job)
            _save(job, progress, max(1, round((time.monotonic() - started) * 1_000)))
    except _LostClaimError:
        return None
    except JobFailedError as error:
        _fail(job, str(error))
        return None
    except Exception as error:  # noqa: BLE001  # a step is another app's code
        _stumble(job, error)
        return None
    if progress.later and not progress.finished:
        _put_off(job)
        return None
    return Job.objects.get(pk=job.pk)


def _put_off(job: Job) -> None:
    """Let go of it without sending for it: beat does, once it has been silent for long enough."""
    Job.objects.held(job).update(worker="", attempts=0, beat_at=timezone.now())


@transaction.atomic
def _save(job: Job, progress: Progress, worked_ms: int) -> None:
    """Write what a step did, under the claim. Raises _LostClaimError, with which everything that it did must go."""
    fields: dict[str, Any] = {
        "checkpoint": progress.checkpoint,
        "done": F("done") + progress.done,
        "failed": F("failed") + progress.failed,
        "total": job.total if progress.total is None else progress.total,
        "worked_ms": F("worked_ms") + worked_ms,
        "beat_at": timezone.now(),
        # This claim is the first attempt at the next step.
        "attempts": 1,
    }
    held = Job.objects.held(job)
    if progress.finished:
        failures = job.failed + progress.failed
        end = State.COMPLETED_WITH_FAILURES if failures else State.COMPLETED
        saved = held.move(end, finished_at=timezone.now(), worker="", **fields)
        _drop_files(job.pk)
    else:
        saved = held.update(**fields)
    if not saved:
        raise _LostClaimError
    problems = (
        JobProblem(job=job, row=problem.row, field=_stored(problem.field, 100), message=_stored(problem.message, 500))
        for problem in progress.problems
    )
    JobProblem.objects.bulk_create(problems, batch_size=500)


def _stored(text: str, length: int) -> str:
    """The text cut to length, without the NUL that no database stores: rows of files hold anything."""
    return text[:length].replace("\x00", "�")


def _stumble(job: Job, error: Exception) -> None:
    """A step broke: operators read why, and it is tried again after a while, JOB_ATTEMPTS times in all."""
    if not Job.objects.held(job).exists():
        return
    logger.error("job %s (%s) broke", job.pk, job.kind, exc_info=error)
    errors.record(kind="job.step", source=f"{job.kind} {job.pk}", detail=described(error))
    if job.attempts >= settings.JOB_ATTEMPTS:
        _fail(job, _our_fault(job))
    else:
        # Whatever was wrong may need a moment.
        Job.objects.held(job).update(worker="", beat_at=timezone.now())


@transaction.atomic
def _fail(job: Job, why: str) -> None:
    """End it, if it is still ours."""
    if Job.objects.held(job).move(State.FAILED, error=why[:500], worker="", finished_at=timezone.now()):
        _drop_files(job.pk)


def _our_fault(job: Job) -> str:
    with translation.override(job.language):
        return _("Something went wrong on our side. Operators can read what it was in the list of errors.")
