"""Rosters that are large, interrupted or too many: steps of few queries, files that do not stay, days with an end."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts import services, tasks
from accounts.models import RosterFile, Section, User
from accounts.services import rosters
from accounts.tests.rosters import counted, finished, imported, uploaded
from conftest import make_user
from monitoring import jobs
from monitoring.models import Job, JobFile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


def many(rows: int, sections: int = 3) -> str:
    """A roster of so many people in so many sections."""
    lines = (f"Person Number{n},p{n}@example.edu,S-{n},Group {n % sections}" for n in range(rows))
    return "\n".join(["name,email,student id,section", *lines])


@pytest.mark.servers
def test_a_large_roster_is_written_in_steps_of_few_queries_and_goes_on_after_a_step_that_was_killed(
    operator: User, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.JOB_SLICE_SECONDS = 0
    kept = rosters.keep(by=operator, file=uploaded(many(1_200)))
    with django_assert_max_num_queries(12):
        _opened, found = rosters.look(by=operator, kept=kept, choices=rosters.Choices())
    assert (found.rows, found.wrong, found.new_sections) == (1_200, 0, 3)
    job = rosters.begin_import(by=operator, kept=kept, choices=rosters.Choices())
    with django_assert_max_num_queries(50):  # SQLite takes few rows a statement
        jobs.work(job.pk, job.fence)
    job.refresh_from_db()
    assert 490 < job.done <= 500

    def killed(*_args: Any, **_kwargs: Any) -> None:
        raise SystemExit  # after its rows were written, before its checkpoint

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_save", killed)
        with pytest.raises(SystemExit):
            jobs.work(job.pk, job.fence)
    assert User.objects.filter(email__endswith="@example.edu").count() == job.done
    job.refresh_from_db()
    Job.objects.filter(pk=job.pk).update(worker="")  # as the watch over silent workers does
    assert counted(finished(job)) == {"sections": 3, "created": 1_200, "enrolled": 1_200}
    assert (job.done, job.failed, job.state) == (1_200, 0, Job.State.COMPLETED)
    assert Section.objects.count() == 3
    assert not JobFile.objects.exists()


def test_a_file_waits_for_its_owner_alone_at_most_a_day_and_never_many_of_them(
    teacher: User, operator: User, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        kept = [rosters.keep(by=teacher, file=uploaded("email\na@example.com\n")) for _number in range(7)]
    assert RosterFile.objects.count() == 5
    assert sum(path.is_file() for path in media.rglob("*")) == 5
    with pytest.raises(services.NotAllowedError):
        rosters.begin_import(by=operator, kept=kept[-1], choices=rosters.Choices())
    with pytest.raises(services.NotAllowedError):
        rosters.discard(by=operator, kept=kept[-1])
    with pytest.raises(services.NotAllowedError):
        rosters.keep(by=make_user("student", User.Role.STUDENT), file=uploaded("email\na@example.com\n"))
    with django_capture_on_commit_callbacks(execute=True):
        rosters.discard(by=teacher, kept=kept[-1])
        RosterFile.objects.filter(pk=kept[-2].pk).update(created_at=timezone.now() - rosters.DAY * 2)
        tasks.clear_rosters()
    assert sum(path.is_file() for path in media.rglob("*")) == 3


def test_after_very_many_imports_a_day_the_next_moment_is_named(
    teacher: User, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "MOST_A_DAY", 2)
    for _number in range(2):
        imported(teacher, "email\na@example.com\n", section)
    with pytest.raises(services.TooManyTriesError, match="At most 2 rosters") as refused:
        rosters.keep(by=teacher, file=uploaded("email\na@example.com\n"))
    assert 86_000 < refused.value.retry_after <= 86_400
    Job.objects.update(created_at=timezone.now() - rosters.DAY)
    rosters.keep(by=teacher, file=uploaded("email\na@example.com\n"))
