"""Workers of background work, real ones: killed, too many, too slow, and sent for by the real queue."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction

from accounts.models import User
from monitoring import jobs
from monitoring.jobs import Progress
from monitoring.models import Job
from monitoring.tests.books import ask, book, booked, silence, turn

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.usefixtures("kinds", "media")]

ROOT = Path(__file__).resolve().parents[2]

WORKER = """
import os, signal, sys, uuid
import django
django.setup()
from monitoring import jobs
from monitoring.tests.books import book

def book_and_die(job):
    if not job.input.get("inside") and job.checkpoint.get("row") == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    progress = book(job)
    if job.input.get("inside") and progress.checkpoint["row"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return progress

jobs.register("test.book", book_and_die)
jobs.work(uuid.UUID(sys.argv[1]), int(sys.argv[2]))
"""


def database_url() -> str:
    """The address of the database under test, for another process."""
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{at['NAME']}"
    password = f":{at['PASSWORD']}" if at["PASSWORD"] else ""
    return f"postgres://{at['USER']}{password}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("inside", [False, True], ids=["between steps", "inside a step"])
def test_a_killed_worker_costs_no_row_and_repeats_none(inside: bool, teacher: User, tmp_path: Path) -> None:
    job = ask(teacher, inside=inside)
    env = {
        **{name: value for name, value in os.environ.items() if name.startswith(("PATH", "HOME", "COV", "LANG"))},
        "DJANGO_SETTINGS_MODULE": "config.test_settings",
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-c", WORKER, str(job.pk), str(job.fence)]
    killed = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    job.refresh_from_db()
    assert (job.state, job.done, booked()) == ("running", 2, [1, 2])
    assert job.worker
    assert turn(job).done == 2  # as long as it may live nobody takes its job
    silence(job)
    assert jobs.resume_stale() == 1
    assert turn(job).state == "completed"
    assert booked() == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_with_the_same_task_one_does_it(teacher: User) -> None:
    job = ask(teacher, rows=10)

    def one(_number: int) -> None:
        try:
            jobs.work(job.pk, 0)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(12)))
    job.refresh_from_db()
    assert (job.state, job.done, job.fence) == ("completed", 10, 1)
    assert booked() == list(range(1, 11))


@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["overtaken", "cancelled"])
def test_a_slow_worker_that_lost_its_job_leaves_nothing_behind(what: str, teacher: User) -> None:
    inside, overtaken = threading.Event(), threading.Event()

    def slow_once(job: Job) -> Progress:
        progress = book(job)
        if not inside.is_set():
            inside.set()
            assert overtaken.wait(60)
        return progress

    jobs.register("test.book", slow_once)
    job = ask(teacher)

    def slow() -> None:
        try:
            jobs.work(job.pk, 0)
        finally:
            connection.close()

    worker = threading.Thread(target=slow)
    worker.start()
    assert inside.wait(60)
    if what == "overtaken":
        silence(job)
        assert jobs.resume_stale() == 1
        assert turn(job).state == "completed"
    else:
        jobs.cancel(by=teacher, job=job)
    overtaken.set()
    worker.join(120)
    job.refresh_from_db()
    rows = [1, 2, 3, 4, 5] if what == "overtaken" else []
    assert booked() == rows
    assert (job.done, job.state) == (len(rows), "completed" if rows else "cancelled")


def sent_for(job: Job) -> list[Any]:
    """Take everything out of the real queue; the name and arguments of the tasks that are about this job."""
    found = []
    with current_app.connection_for_write() as broker:
        queue = broker.SimpleQueue("celery")
        with suppress(queue.Empty):
            while True:
                # Without waiting: a look that waits may still take a message after it was closed, which is then lost.
                message = queue.get_nowait()
                message.ack()
                args = message.decode()[0]
                found += [(message.headers["task"], args)] if str(job.pk) in args else []
        queue.close()
    return found


@pytest.mark.django_db(transaction=True)
def test_a_job_is_sent_for_once_it_is_committed_and_runs_from_the_real_queue(teacher: User) -> None:
    with transaction.atomic():
        job = ask(teacher)
        assert sent_for(job) == []
    ((name, args),) = sent_for(job)
    # As a worker does when it starts.
    current_app.loader.import_default_modules()
    current_app.tasks[name](*args)
    job.refresh_from_db()
    assert job.state == "completed"
    assert sent_for(job) == []


@pytest.mark.django_db(transaction=True)
def test_after_its_turn_a_job_is_sent_for_again_and_so_it_is_when_resumed(teacher: User, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 0.0
    job = ask(teacher)
    sent_for(job)
    turn(job)
    assert sent_for(job) == [("monitoring.work", [str(job.pk), 1])]
    jobs.pause(by=teacher, job=job)
    assert sent_for(job) == []
    jobs.resume(by=teacher, job=job)
    assert sent_for(job) == [("monitoring.work", [str(job.pk), 1])]
