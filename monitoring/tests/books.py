"""Work for the tests of jobs: a job that writes its rows into books, and a worker whose time goes by."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from monitoring import errors, jobs
from monitoring.jobs import Problem, Progress
from monitoring.models import ErrorEntry, Job


def book(job: Job) -> Progress:
    """Write one row into the books for each of the job's rows, one row a step; every third row is wrong."""
    row = job.checkpoint.get("row", 0) + 1
    errors.record(kind="test.row", source=str(row), severity="warning")
    wrong = bool(job.input.get("wrong")) and row % 3 == 0
    problems = [Problem("No such section.", row=row, field="section")] if wrong else []
    finished = row >= job.input["rows"]
    return Progress({"row": row}, done=1, failed=len(problems), problems=problems, finished=finished)


def booked() -> list[int]:
    """The rows that the books hold, in the order in which they were written."""
    rows = ErrorEntry.objects.filter(kind="test.row").order_by("pk").values_list("source", flat=True)
    return [int(row) for row in rows]


def ask(by: User | None, rows: int = 5, **more: Any) -> Job:
    """A job of so many rows."""
    return jobs.create(by=by, kind="test.book", label="Book rows", input={"rows": rows, **more}, total=rows)


def turn(job: Job) -> Job:
    """One turn of a worker with the task that is due; the job as it is afterwards."""
    job.refresh_from_db()
    jobs.work(job.pk, job.fence)
    job.refresh_from_db()
    return job


def silence(job: Job) -> None:
    """Let so much time pass that its worker counts as dead."""
    long_ago = timezone.now() - dt.timedelta(seconds=settings.JOB_DEAD_SECONDS + 1)
    Job.objects.filter(pk=job.pk).update(beat_at=long_ago)
