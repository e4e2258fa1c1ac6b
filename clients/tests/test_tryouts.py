"""A teacher lets scripted students talk with a client, reads what came back, and corrects it."""

import time
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from bench.standin import running_standin
from clients import tryouts
from clients.library import load_library
from clients.models import ClientProfile, ClientTryout
from clients.services import ClientRuleError, NotYoursError
from clients.students import STYLES
from clients.tests.pages import body, signed_in, url
from clients.tryouts import EXCHANGES, Talk, start_tryout
from conftest import make_user
from monitoring import jobs
from monitoring.models import Job, LedgerEntry, Reservation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_slice(settings: Any) -> None:
    """A whole rehearsal is done in one turn of a worker."""
    settings.JOB_SLICE_SECONDS = 60


def rehearsed(by: User, client: ClientProfile) -> ClientTryout:
    tryout = start_tryout(by=by, client=client)
    assert tryout.job
    jobs.work(tryout.job.pk, tryout.job.fence)
    tryout.refresh_from_db()
    return tryout


def test_every_kind_of_student_talks_with_the_client_and_it_costs_nothing_without_a_model(
    client_profile: ClientProfile, teacher: User
) -> None:
    tryout = rehearsed(teacher, client_profile)
    talks = [Talk.from_json(talk) for talk in tryout.talks]
    assert [talk.style for talk in talks] == list(STYLES)
    assert all(1 <= len(talk.replies) <= EXCHANGES for talk in talks)
    assert sum(talk.breaks + talk.leaks for talk in talks) == 0
    job = Job.objects.get(tryout=tryout)
    assert (job.state, job.done, job.percent) == ("completed", len(STYLES) * EXCHANGES, 100)
    assert (tryout.cost_microusd, tryout.finished_at is not None) == (0, True)
    assert not Reservation.objects.filter(state="held").exists()


def test_a_rule_written_beside_a_reply_leads_back_to_that_reply_and_nowhere_else(
    client_profile: ClientProfile, teacher: User
) -> None:
    tryout = rehearsed(teacher, client_profile)
    browser, place = signed_in(teacher), reverse("tryout", args=[tryout.job_id])
    assert f'name="back" value="{tryout.job_id}"' in body(browser.get(place))
    assert 'id="reply-0-1"' in body(browser.get(place))
    address, bench = (reverse(name, args=[client_profile.pk]) for name in ("client-rule-new", "client-bench"))
    refused = browser.post(address, {"text": "", "back": tryout.job_id, "place": "-0-1"})
    assert f'name="back" value="{tryout.job_id}"' in body(refused)
    for number, (back, spot, wanted) in enumerate(
        [
            (str(tryout.job_id), "-0-1", f"{place}#reply-0-1"),
            (str(tryout.job_id), "//elsewhere", place),
            (str(client_profile.pk), "-0-1", bench),
            ("//elsewhere", "", bench),
        ]
    ):
        sent = {"text": f"Rule {number}.", "back": back, "place": spot}
        assert browser.post(address, sent)["Location"] == wanted


def test_a_model_that_falls_out_of_the_role_is_shown_with_what_it_said_and_its_cost(
    client_profile: ClientProfile, teacher: User, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "test"
    with running_standin(text="Thank you for sharing that with me. As an AI language model I cannot feel.") as api:
        settings.ANTHROPIC_BASE_URL = api.url
        tryout = rehearsed(teacher, client_profile)
    talks = [Talk.from_json(talk) for talk in tryout.talks]
    assert all(talk.breaks == len(talk.replies) for talk in talks)
    entries = LedgerEntry.objects.filter(kind="rehearsal")
    assert entries.count() == sum(len(talk.replies) for talk in talks)
    assert tryout.cost_microusd == sum(entry.cost_microusd for entry in entries) > 0
    page = body(signed_in(teacher).get(reverse("tryout", args=[tryout.job_id])))
    assert "Out of character" in page
    assert "As an AI language model I cannot feel." in page
    assert "too many" in page


def test_a_rehearsal_goes_on_where_a_worker_died(client_profile: ClientProfile, teacher: User, settings: Any) -> None:
    settings.JOB_SLICE_SECONDS = 0
    tryout = start_tryout(by=teacher, client=client_profile)
    for _ in range(500):
        job = Job.objects.get(tryout=tryout)
        if job.is_ended:
            break
        jobs.work(job.pk, job.fence)
    tryout.refresh_from_db()
    settings.JOB_SLICE_SECONDS = 60
    other = ClientTryout.objects.create(client=client_profile, by=teacher, voice="scripted")
    seed = job.input["seed"]
    whole = Job(kind=tryouts.KIND, input={"tryout": str(other.pk), "seed": seed})
    while not tryouts.step(whole).finished:
        pass
    other.refresh_from_db()
    assert tryout.talks == other.talks


def test_one_rehearsal_of_a_client_at_a_time_and_only_by_who_sees_it(
    client_profile: ClientProfile, teacher: User, student: User
) -> None:
    start_tryout(by=teacher, client=client_profile)
    with pytest.raises(ClientRuleError, match="is running"):
        start_tryout(by=teacher, client=client_profile)
    for stranger in (student, make_user("other.teacher", User.Role.TEACHER)):
        with pytest.raises(NotYoursError):
            start_tryout(by=stranger, client=client_profile)


def test_the_page_of_a_client_leads_to_its_rehearsals_and_a_reply_to_a_rule(
    client_profile: ClientProfile, teacher: User
) -> None:
    browser = signed_in(teacher)
    assert url("client-bench", client_profile) in body(browser.get(url("client-detail", client_profile)))
    started = browser.post(url("client-bench-run", client_profile))
    job = Job.objects.get()
    assert started.headers["Location"] == reverse("tryout", args=[job.pk])
    jobs.work(job.pk, job.fence)
    page = body(browser.get(started.headers["Location"]))
    assert "Correct this reply" in page
    assert "Real clients" in page
    saved = browser.post(
        reverse("client-rule-new", args=[client_profile.pk]), {"text": "Never jokes about money.", "about": "Ha."}
    )
    page = body(browser.get(saved.headers["Location"]))
    assert "Never jokes about money." in page
    assert "After the reply “Ha.”" in page
    rule = client_profile.rules.get()
    browser.post(reverse("client-rule-remove", args=[rule.pk]))
    assert not client_profile.rules.exists()


def test_a_talk_survives_being_written_down() -> None:
    talk = tryouts.Rehearsal(load_library()[0].snapshot, "", Talk("skilled", 1))
    talk.next_line()
    kept = talk.take("I don't know.")
    assert Talk.from_json(kept.to_json()) == kept


@pytest.mark.servers
def test_what_a_model_says_is_kept_without_characters_that_no_database_keeps(
    client_profile: ClientProfile, teacher: User, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "test"
    with running_standin(text="Well\0, \ud83d no. <b>No.</b>") as api:
        settings.ANTHROPIC_BASE_URL = api.url
        tryout = rehearsed(teacher, client_profile)
    assert tryout.finished_at
    assert tryout.talks[0]["replies"][0]["reply"] == "Well, ? no. <b>No.</b>"
    page = body(signed_in(teacher).get(reverse("tryout", args=[tryout.job_id])))
    assert "&lt;b&gt;No.&lt;/b&gt;" in page


def test_a_rehearsal_ends_once_the_client_is_not_shared_any_more(client_profile: ClientProfile, teacher: User) -> None:
    colleague = make_user("colleague", User.Role.TEACHER)
    ClientProfile.objects.update(visibility=ClientProfile.Visibility.SHARED)
    tryout = start_tryout(by=colleague, client=client_profile)
    ClientProfile.objects.update(visibility=ClientProfile.Visibility.PRIVATE)
    assert tryout.job
    jobs.work(tryout.job.pk, tryout.job.fence)
    job = Job.objects.get()
    assert (job.state, job.error) == ("failed", "This client is not shared with you.")


def test_a_slow_reply_ends_before_another_worker_would_ask_for_it_too(
    client_profile: ClientProfile, teacher: User, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY, settings.JOB_DEAD_SECONDS, settings.JOB_SLICE_SECONDS = "test", 1.0, 0
    with running_standin(text="one two three four five six seven eight", delay=10_000, ttft=1) as api:
        settings.ANTHROPIC_BASE_URL = api.url
        began = time.monotonic()
        rehearsed(teacher, client_profile)
    assert time.monotonic() - began < 30
    assert not Reservation.objects.filter(state="held").exists()


def test_a_reply_that_was_cut_is_asked_for_again_and_both_are_in_the_cost(
    client_profile: ClientProfile, teacher: User, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "test"
    with running_standin(text="I don't know what to say.", delay=1, ttft=1) as api:
        settings.ANTHROPIC_BASE_URL = api.url
        api.next(fault="cut", at=2)
        tryout = rehearsed(teacher, client_profile)
        assert tryout.talks == []
        job = Job.objects.get()
        jobs.work(job.pk, job.fence)
    tryout.refresh_from_db()
    assert tryout.finished_at
    entries = LedgerEntry.objects.filter(kind="rehearsal")
    assert entries.filter(outcome="interrupted").count() == 1
    assert tryout.cost_microusd == sum(entry.cost_microusd for entry in entries)
