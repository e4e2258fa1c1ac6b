"""Background work: done once whatever dies, and always in a state that somebody meant."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from monitoring import jobs, tasks
from monitoring.jobs import JobFailedError, JobStateError, Problem, Progress
from monitoring.models import ErrorEntry, Job, JobFile
from monitoring.tests.books import ask, book, booked, silence, turn

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.usefixtures("kinds", "media")]

State = Job.State
ENDS = {State.COMPLETED, State.COMPLETED_WITH_FAILURES, State.FAILED, State.CANCELLED}


def test_a_job_does_every_row_once_and_says_so(teacher: User) -> None:
    job = turn(ask(teacher))
    assert booked() == [1, 2, 3, 4, 5]
    assert (job.state, job.done, job.failed, job.total, job.percent) == ("completed", 5, 0, 5, 100)
    assert job.finished_at
    assert job.started_at
    assert job.created_at <= job.started_at <= job.finished_at
    assert job.worker == ""
    assert str(job) == "Book rows (completed)"


def test_what_could_not_be_done_is_kept_row_by_row(teacher: User) -> None:
    job = turn(ask(teacher, rows=7, wrong=True))
    assert (job.state, job.done, job.failed) == ("completed_with_failures", 7, 2)
    found = [(problem.row, problem.field, problem.message) for problem in job.problems.all()]
    assert found == [(3, "section", "No such section."), (6, "section", "No such section.")]
    assert str(job.problems.all()[0]) == "No such section."


def test_rows_of_any_file_can_be_complained_about(teacher: User) -> None:
    problem = Problem("a\x00b" * 400, row=1, field="c\x00" * 200)
    jobs.register("test.odd", lambda _job: Progress({}, done=1, failed=1, problems=[problem], finished=True))
    job = turn(jobs.create(by=teacher, kind="test.odd", label="x" * 300))
    assert job.state == "completed_with_failures"
    assert "\x00" not in job.problems.get().message


def test_a_long_job_lets_others_have_a_turn(teacher: User, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 0.0
    job = turn(ask(teacher, rows=3))
    assert (job.state, job.done, job.worker, job.attempts) == ("running", 1, "", 0)
    turn(job)
    assert turn(job).state == "completed"
    assert booked() == [1, 2, 3]


def test_a_task_that_comes_twice_does_nothing_the_second_time(teacher: User, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 0.0
    job = ask(teacher, rows=3)
    jobs.work(job.pk, 0)
    jobs.work(job.pk, 0)
    tasks.work(str(job.pk), 0)
    assert booked() == [1]


def test_the_rate_and_the_time_left_come_from_the_time_worked(teacher: User) -> None:
    job = Job(owner=teacher, kind="test.book", label="x", state=State.RUNNING, total=400, done=100, worked_ms=50_000)
    assert (job.percent, job.rate, job.seconds_left) == (25, 2.0, 150.0)
    job.total = None
    assert (job.percent, job.rate, job.seconds_left) == (None, 2.0, None)
    job.total, job.done = 400, 0
    assert (job.percent, job.rate, job.seconds_left) == (0, None, None)
    job.done, job.state = 500, State.PAUSED
    assert (job.percent, job.seconds_left) == (100, None)


def test_a_paused_job_does_nothing_until_it_is_resumed(teacher: User, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 0.0
    job = turn(ask(teacher, rows=3))
    jobs.pause(by=teacher, job=job)
    assert turn(job).state == "paused"
    silence(job)
    assert jobs.resume_stale() == 0
    assert booked() == [1]
    jobs.resume(by=teacher, job=job)
    assert job.state == "pending"
    turn(job)
    assert turn(job).state == "completed"
    assert booked() == [1, 2, 3]


def test_the_step_that_runs_when_somebody_pauses_is_finished(teacher: User) -> None:
    def paused_in_it(job: Job) -> Progress:
        jobs.pause(by=teacher, job=Job.objects.get(pk=job.pk))
        return book(job)

    jobs.register("test.book", paused_in_it)
    job = turn(ask(teacher, rows=3))
    assert (job.state, job.done, job.worker) == ("paused", 1, "")
    assert booked() == [1]
    last = turn(ask(teacher, rows=1))
    assert last.state == "completed"


def test_a_cancelled_job_counts_nothing_of_the_step_that_ran(teacher: User) -> None:
    def cancelled_in_the_second(job: Job) -> Progress:
        if job.checkpoint:
            jobs.cancel(by=teacher, job=Job.objects.get(pk=job.pk))
        return book(job)

    jobs.register("test.book", cancelled_in_the_second, atomic=False)
    job = turn(ask(teacher, rows=3, wrong=True))
    assert (job.state, job.done, job.checkpoint) == ("cancelled", 1, {"row": 1})
    with pytest.raises(JobStateError, match=r"State: cancelled\."):
        jobs.resume(by=teacher, job=job)


def test_a_step_whose_claim_is_lost_takes_its_effect_back(teacher: User) -> None:
    def overtaken(job: Job) -> Progress:
        progress = book(job)
        Job.objects.filter(pk=job.pk).update(fence=job.fence + 1)
        return progress

    jobs.register("test.book", overtaken)
    job = turn(ask(teacher, rows=3))
    assert booked() == []
    assert (job.done, job.checkpoint) == (0, {})


@pytest.mark.parametrize("verb", [jobs.pause, jobs.resume, jobs.cancel])
def test_only_the_owner_and_admins_decide_about_a_job(
    verb: Callable[..., None], teacher: User, other_teacher: User, operator: User
) -> None:
    job = ask(teacher)
    if verb is jobs.resume:
        jobs.pause(by=teacher, job=job)
    with pytest.raises(PermissionDenied):
        verb(by=other_teacher, job=job)
    assert set(Job.objects.visible_to(other_teacher)) == set()
    assert set(Job.objects.visible_to(teacher)) == {job}
    verb(by=operator, job=job)


def test_work_that_nobody_asked_for_belongs_to_admins(student: User, operator: User) -> None:
    job = ask(None)
    assert not Job.objects.visible_to(student).exists()
    assert Job.objects.visible_to(operator).get() == job


def test_an_unknown_kind_of_work_is_refused_at_once(teacher: User) -> None:
    with pytest.raises(LookupError):
        jobs.create(by=teacher, kind="test.unknown", label="x")
    assert not Job.objects.exists()


def test_a_step_that_gives_up_ends_the_job_with_its_reason(teacher: User) -> None:
    def give_up(job: Job) -> Progress:
        raise JobFailedError("The file is empty.")

    jobs.register("test.book", give_up)
    job = turn(ask(teacher))
    assert (job.state, job.error) == ("failed", "The file is empty.")
    assert not ErrorEntry.objects.filter(kind="job.step").exists()


def test_a_step_that_breaks_is_tried_again_and_fails_the_third_time(teacher: User) -> None:
    def broken(job: Job) -> Progress:
        book(job)
        raise ValueError("secret detail")

    jobs.register("test.book", broken)
    job = turn(ask(teacher))
    for attempt in (1, 2):
        assert (job.state, job.attempts, job.worker) == ("running", attempt, "")
        assert jobs.resume_stale() == 0
        silence(job)
        tasks.resume_jobs()
        turn(job)
    assert job.state == "failed"
    assert "secret detail" not in job.error
    entries = ErrorEntry.objects.filter(kind="job.step", detail__startswith="ValueError", detail__contains="test_jobs")
    assert entries.exclude(detail__contains="secret").count() == 3
    assert booked() == []


def test_one_bad_moment_is_forgotten_once_the_step_succeeds(teacher: User) -> None:
    moments = iter([True, False, True, True, False] + [False] * 9)

    def shaky(job: Job) -> Progress:
        if next(moments):
            raise OSError("away")
        return book(job)

    jobs.register("test.book", shaky)
    job = ask(teacher)
    while not turn(job).is_ended:
        silence(job)
        jobs.resume_stale()
    assert job.state == "completed"
    assert booked() == [1, 2, 3, 4, 5]


def test_a_job_that_kills_its_workers_fails_in_the_end(teacher: User) -> None:
    job = ask(teacher)
    for _attempt in range(3):
        assert jobs._claim(job.pk, Job.objects.get(pk=job.pk).fence)
        silence(job)
        assert jobs.resume_stale() == 1
    assert turn(job).state == "failed"
    assert booked() == []


def test_a_job_of_a_kind_that_is_gone_fails_and_tells_operators(teacher: User) -> None:
    job = ask(teacher)
    jobs._handlers.clear()
    while not turn(job).is_ended:
        silence(job)
        jobs.resume_stale()
    assert job.state == "failed"
    assert ErrorEntry.objects.filter(kind="job.step", source=f"test.book {job.pk}").count() == 3


def test_steps_speak_the_language_of_whoever_asked(teacher: User) -> None:
    spoken: list[str] = []

    def listen(job: Job) -> Progress:
        spoken.append(translation.get_language() or "")
        return Progress({}, finished=True)

    jobs.register("test.book", listen)
    with translation.override("es"):
        job = ask(teacher)
    turn(job)
    assert spoken == ["es"]


def test_files_lie_under_names_that_tell_nothing_and_go_when_the_job_ends(
    teacher: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    def copy(job: Job) -> Progress:
        given = job.files.get(purpose=JobFile.Purpose.INPUT)
        with given.content.open() as content:
            jobs.attach(job=job, name="report.csv", content=ContentFile(content.read().upper()))
        return Progress({}, done=1, finished=True)

    jobs.register("test.copy", copy)
    job = jobs.create(by=teacher, kind="test.copy", label="Copy", files=[ContentFile(b"ana,b", name="roster.csv")])
    given = job.files.get()
    path = given.content.name
    assert path
    assert (str(given), given.size) == ("roster.csv", 5)
    folder, _slash, name = path.partition("/")
    assert folder == "jobs"
    assert uuid.UUID(name)
    with django_capture_on_commit_callbacks(execute=True):
        assert turn(job).state == "completed"
    assert not default_storage.exists(path)
    made = job.files.get()
    assert made.name == "report.csv"
    with made.content.open() as content:
        assert content.read() == b"ANA,B"


def test_a_file_made_again_takes_the_place_of_the_first(
    teacher: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    job = ask(teacher)
    first = jobs.attach(job=job, name="report.csv", content=ContentFile(b"1"))
    path = str(first.content.name)
    with django_capture_on_commit_callbacks(execute=True):
        jobs.attach(job=job, name="report.csv", content=ContentFile(b"22"))
    assert job.files.get().size == 2
    assert not default_storage.exists(path)


def test_a_cancelled_job_gives_back_what_was_handed_in(
    teacher: User, django_capture_on_commit_callbacks: Callable[..., Any], media: Path
) -> None:
    job = jobs.create(by=teacher, kind="test.book", label="x", files=[ContentFile(b"a", name="a.csv")])
    with django_capture_on_commit_callbacks(execute=True):
        jobs.cancel(by=teacher, job=job)
    assert not job.files.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_the_database_refuses_an_end_without_a_time(teacher: User) -> None:
    job = ask(teacher)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state=State.COMPLETED)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(finished_at=timezone.now())


# --- No sequence of verbs goes astray ---------------------------------------------------------------------------------

# What may follow what, said a second time and by hand: the model's own table is under test too.
MEANT = {
    "pending": {"running", "paused", "cancelled"},
    "running": {"paused", "completed", "completed_with_failures", "failed", "cancelled"},
    "paused": {"pending", "completed", "completed_with_failures", "failed", "cancelled"},
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(
        st.sampled_from(["pause", "resume", "cancel", "claim", "step", "wrong", "last", "give up", "break", "die"]),
        max_size=25,
    )
)
def test_no_sequence_of_verbs_leads_anywhere_undefined(events: list[str], operator: User) -> None:
    job = jobs.create(by=operator, kind="test.book", label="x")
    claims: list[Job] = []

    def obey(held: Job) -> Progress:
        if event == "give up":
            raise JobFailedError("no")
        if event == "break":
            raise ValueError
        return Progress(
            {"steps": held.checkpoint.get("steps", 0) + 1}, done=1, failed=event == "wrong", finished=event == "last"
        )

    jobs.register("test.book", obey)
    for event in events:
        before = Job.objects.get(pk=job.pk)
        if event in {"pause", "resume", "cancel"}:
            with suppress(JobStateError):
                getattr(jobs, event)(by=operator, job=job)
        elif event == "claim":
            claim = jobs._claim(job.pk, before.fence)
            claims += [claim] if claim else []
        elif event == "die":
            silence(job)
            jobs.resume_stale()
        else:
            # By every claim there ever was, as if none of these workers had died; each knows what it saw last.
            claims = [jobs._advance(claim) or claim for claim in claims]
        after = Job.objects.get(pk=job.pk)
        assert after.fence >= before.fence
        assert after.state == before.state or after.state in MEANT.get(before.state, set())
        if before.state in ENDS:
            assert (after.state, after.finished_at, after.done) == (before.state, before.finished_at, before.done)
        assert after.checkpoint.get("steps", 0) == after.done
