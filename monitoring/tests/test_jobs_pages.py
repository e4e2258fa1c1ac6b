"""The page of a job: what it shows while it runs and afterwards, and what its buttons do."""

import html
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.template.defaultfilters import striptags
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from monitoring import jobs
from monitoring.models import Job, JobFile, JobProblem
from monitoring.templatetags.pace import left, pace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def job(teacher: User) -> Job:
    """A running import of 400 rows, a quarter done in 50 seconds, with three rows wrong."""
    job = Job.objects.create(
        kind="test", label="Import of roster.csv", owner=teacher, language="en", state="running", worker="machine:1",
        total=400, done=100, failed=3, worked_ms=50_000, started_at=timezone.now(),
    )  # fmt: skip
    for row in (7, 8, 9):
        JobProblem.objects.create(job=job, row=row, field="email", message=f"Row {row} has <no> address.")
    return job


@pytest.fixture
def browser(client: Browser, teacher: User) -> Browser:
    """The owner's."""
    client.force_login(teacher)
    return client


def words(answer: Any) -> str:
    """What people read on the page, on one line."""
    return " ".join(html.unescape(striptags(answer.content.decode())).split())


def end(job: Job, state: str = "completed") -> None:
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=timezone.now())


def test_the_page_says_how_far_it_is_and_how_long_it_takes(browser: Browser, job: Job) -> None:
    answer = browser.get(job.get_absolute_url())
    text = words(answer)
    for part in ("Import of roster.csv", "Running", "100 of 400", "2 a second", "about 2 minutes"):
        assert part in text
    assert "Could not be done 3" in text
    assert "Row 7 email Row 7 has <no> address." in text
    page = answer.content.decode()
    assert 'role="progressbar"' in page
    assert 'aria-valuenow="25"' in page
    assert "<no>" not in page


def test_work_of_unknown_length_shows_no_share(browser: Browser, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(total=None)
    page = browser.get(job.get_absolute_url()).content.decode()
    assert 'role="progressbar"' in page
    assert "aria-valuenow" not in page
    assert "Time left" not in page


def test_a_running_job_is_asked_for_again_every_two_seconds(browser: Browser, job: Job) -> None:
    part = browser.get(job.get_absolute_url(), headers=HTMX).content.decode()
    assert "<html" not in part
    assert f'hx-get="{job.get_absolute_url()}?page=1"' in part
    assert 'hx-trigger="every 2s"' in part
    assert "<html" in browser.get(job.get_absolute_url()).content.decode()


@pytest.mark.parametrize("state", ["paused", "completed", "failed", "cancelled"])
def test_what_does_not_run_is_not_asked_for_again(state: str, browser: Browser, job: Job) -> None:
    if state == "paused":
        Job.objects.filter(pk=job.pk).update(state=state)
    else:
        end(job, state)
    assert "hx-get" not in browser.get(job.get_absolute_url()).content.decode()


def test_the_page_that_shows_a_job_is_loaded_anew_when_it_has_ended(browser: Browser, job: Job) -> None:
    end(job)
    assert browser.get(job.get_absolute_url(), headers=HTMX)["HX-Refresh"] == "true"


def test_its_buttons_pause_resume_and_cancel_without_a_script(browser: Browser, job: Job) -> None:
    page = browser.get(job.get_absolute_url()).content.decode()
    assert page.count("csrfmiddlewaretoken") >= 2
    for name, state, offered in (
        ("pause", "paused", ["job-resume", "job-cancel"]),
        ("resume", "pending", ["job-pause", "job-cancel"]),
        ("cancel", "cancelled", []),
    ):
        answer = browser.post(reverse(f"job-{name}", args=[job.pk]), follow=True)
        assert answer.redirect_chain == [(job.get_absolute_url(), 302)]
        job.refresh_from_db()
        assert job.state == state
        page = answer.content.decode()
        assert [button for button in ("job-pause", "job-resume", "job-cancel") if f'id="{button}"' in page] == offered


def test_the_buttons_need_their_token(job: Job, teacher: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(teacher)
    for name in ("pause", "resume", "cancel"):
        assert browser.post(reverse(f"job-{name}", args=[job.pk])).status_code == 403
    job.refresh_from_db()
    assert job.state == "running"


def test_a_button_that_comes_too_late_says_why(browser: Browser, job: Job) -> None:
    end(job)
    answer = browser.post(reverse("job-pause", args=[job.pk]), follow=True)
    assert "This cannot be done now. State: completed." in words(answer)


def test_a_job_that_failed_says_why(browser: Browser, job: Job) -> None:
    end(job, "failed")
    Job.objects.filter(pk=job.pk).update(error="The file is empty.")
    assert "The file is empty." in words(browser.get(job.get_absolute_url()))


def test_many_problems_come_in_pages_and_cost_no_more_queries(
    browser: Browser, job: Job, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    problems = [JobProblem(job=job, row=row, message=f"Row {row} is wrong.") for row in range(10, 1_000)]
    JobProblem.objects.bulk_create(problems)
    end(job)
    for number in range(20):
        jobs.attach(job=job, name=f"{number}.csv", content=ContentFile(b"x"))
    with django_assert_max_num_queries(12):
        answer = browser.get(job.get_absolute_url(), {"page": "20"})
    text = words(answer)
    assert "Page 20 of 20" in text
    assert "Row 999 is wrong." in text
    assert "Row 10 is wrong." not in text


def test_what_a_job_made_is_handed_out_under_its_name(browser: Browser, job: Job) -> None:
    made = jobs.attach(job=job, name="grades; 1.csv", content=ContentFile(b"ana,3\n"))
    path = reverse("job-file", args=[job.pk, made.pk])
    assert path not in browser.get(job.get_absolute_url()).content.decode()
    assert browser.get(path).status_code == 404
    end(job)
    assert path in browser.get(job.get_absolute_url()).content.decode()
    answer = browser.get(path)
    assert b"".join(answer.streaming_content) == b"ana,3\n"  # type: ignore[attr-defined]
    assert answer["Content-Disposition"] == 'attachment; filename="grades; 1.csv"'


def test_no_other_file_can_be_had(browser: Browser, job: Job, other_teacher: User) -> None:
    end(job)
    handed_in = jobs.attach(job=job, name="roster.csv", content=ContentFile(b"x"), purpose=JobFile.Purpose.INPUT)
    other = Job.objects.create(
        kind="test", label="x", owner=other_teacher, language="en", state="completed", finished_at=timezone.now()
    )
    foreign = jobs.attach(job=other, name="x.csv", content=ContentFile(b"x"))
    lost = jobs.attach(job=job, name="lost.csv", content=ContentFile(b"x"))
    lost.content.storage.delete(str(lost.content.name))
    for pk, file in ((job.pk, handed_in.pk), (job.pk, foreign.pk), (other.pk, foreign.pk), (job.pk, lost.pk)):
        assert browser.get(reverse("job-file", args=[pk, file])).status_code == 404
    assert browser.get(f"/media/{handed_in.content.name}").status_code == 404
    assert browser.get(reverse("job", args=[uuid.uuid4()])).status_code == 404


def test_operators_read_jobs_in_the_admin_and_change_none(client: Browser, operator: User, job: Job) -> None:
    client.force_login(operator)
    jobs.attach(job=job, name="report.csv", content=ContentFile(b"x"))
    listed = reverse("admin:monitoring_job_changelist")
    assert "Import of roster.csv" in words(client.get(listed))
    assert "Import of roster.csv" not in words(client.get(listed, {"state__exact": "paused"}))
    assert "Row 7 has <no> address." in words(client.get(reverse("admin:monitoring_jobproblem_changelist")))
    assert "report.csv" in words(client.get(reverse("admin:monitoring_jobfile_changelist")))
    row = reverse("admin:monitoring_job_change", args=[job.pk])
    assert client.get(row).status_code == 200
    assert client.post(row, {"label": "x"}).status_code == 403
    assert client.post(reverse("admin:monitoring_job_delete", args=[job.pk])).status_code == 403
    assert client.get(reverse("admin:monitoring_job_add")).status_code == 403


@pytest.mark.parametrize(
    ("rate", "said"), [(None, ""), (0.25, "15 a minute"), (0.99, "59 a minute"), (1, "1 a second"), (2.6, "3 a second")]
)
def test_a_pace_is_said_in_the_unit_that_fits(rate: float | None, said: str) -> None:
    assert pace(rate) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""), (0, "1 second"), (45, "45 seconds"), (89.4, "89 seconds"), (100, "2 minutes"),
        (3_600, "60 minutes"), (5_400, "2 hours"), (36_000, "10 hours"),
    ],
)  # fmt: skip
def test_time_left_is_said_in_the_unit_that_fits(seconds: float | None, said: str) -> None:
    assert left(seconds) == said


def test_who_keeps_jobs_going_sees_no_files_nor_whom_a_job_names(
    client: Browser, caretaker: User, auditor: User, support: User, job: Job, media: Any
) -> None:
    made = jobs.attach(job=job, name="names.csv", content=ContentFile(b"Ana"))
    JobProblem.objects.create(job=job, row=1, message="Ana has an account already.")
    client.force_login(caretaker)
    client.post(reverse("job-cancel", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    page = client.get(reverse("job", args=[job.pk])).text
    assert "names.csv" not in page
    assert "Ana" not in page
    assert client.get(reverse("job-file", args=[job.pk, made.pk])).status_code == 404
    for user in (auditor, support):
        client.force_login(user)
        assert client.get(reverse("job", args=[job.pk])).status_code == 404


def test_the_admin_leads_to_the_page_who_may_use_it_and_shows_nobody_what_was_asked_for(
    client: Browser, job: Job, caretaker: User, auditor: User
) -> None:
    Job.objects.filter(pk=job.pk).update(input={"search": "what Ada said"}, checkpoint={"row": "Ada Lovelace"})
    for looker, led in ((caretaker, True), (auditor, False)):
        client.force_login(looker)
        page = client.get(reverse("admin:monitoring_job_change", args=[job.pk])).content.decode()
        assert "Import of roster.csv" in page
        assert (job.get_absolute_url() in page) is led
        assert "Ada" not in page


def test_the_page_leads_back_to_all_jobs_who_sees_them(browser: Browser, job: Job, caretaker: User) -> None:
    every = reverse("admin:monitoring_job_changelist")
    assert every not in browser.get(job.get_absolute_url()).text
    browser.force_login(caretaker)
    assert every in browser.get(job.get_absolute_url()).text
