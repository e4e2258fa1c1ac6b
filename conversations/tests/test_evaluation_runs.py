"""Runs of evaluations as work: paid for once and kept run by run, whatever dies or fails meanwhile."""

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Section, SectionTeacher, User
from bench.standin import StandIn
from clients.models import ClientProfile
from clients.voices import structured
from conversations import evaluation
from conversations.evaluation import runs
from conversations.models import Evaluation, Rubric, Session
from conversations.tasks import settle_forgotten_evaluations
from conversations.tests.evaluated import ask, talked, work, worked
from conversations.tests.pages import add, at_once
from monitoring import audit, jobs
from monitoring.models import Budget, Job, LedgerEntry, Reservation

# Breakers are read in a thread of their own, so everything is committed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("prices", "audited")]


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    return talked(student, client_profile)


def killed(*_arguments: Any) -> Any:
    """What a worker does that is killed while it waits for a model."""
    raise SystemExit


def test_a_killed_worker_is_paid_for_by_estimate_and_the_others_runs_stay(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.JOB_SLICE_SECONDS = 0
    asked = ask(teacher, talk, rubric)
    work(asked.job)

    with monkeypatch.context() as patch:
        patch.setattr(structured, "ask_all", killed)
        with pytest.raises(SystemExit):
            work(asked.job)
    held = Reservation.objects.get(state="held")
    assert list(runs.held_by_evaluations()) == [held.pk]
    assert not [finding for name, finding in audit.run() if name == "held money" and finding.breaches]
    # Found too soon it may still be at work, so it is let be and looked at again later.
    Job.objects.update(worker="")
    assert (work(asked.job).state, Reservation.objects.get(pk=held.pk).state) == ("running", "held")
    Reservation.objects.filter(pk=held.pk).update(created_at=timezone.now() - dt.timedelta(minutes=2))
    done = worked(asked)
    assert (done.status, len(done.runs)) == ("done", 3)
    lost = LedgerEntry.objects.get(reservation=held)
    assert (lost.outcome, lost.estimated) == ("interrupted", True)
    assert lost.cost_microusd > 0
    assert judge.stats()["requests"] == 3
    assert LedgerEntry.objects.count() == 4
    assert done.cost_microusd == sum(entry.cost_microusd for entry in LedgerEntry.objects.all())


def test_a_worker_that_comes_back_late_keeps_nothing_and_pays_nothing(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.JOB_SLICE_SECONDS = 0
    asked, really_ask = ask(teacher, talk, rubric), structured.ask_all

    def ask_late(*arguments: Any) -> Any:
        answers = really_ask(*arguments)
        monkeypatch.setattr(structured, "ask_all", really_ask)
        Reservation.objects.update(created_at=timezone.now() - dt.timedelta(minutes=2))
        Job.objects.update(worker="")
        worked(Evaluation.objects.select_related("job").get())
        return answers

    monkeypatch.setattr(structured, "ask_all", ask_late)
    work(asked.job)
    done = Evaluation.objects.get()
    assert (done.status, len(done.runs), LedgerEntry.objects.count()) == ("done", 3, 4)
    assert LedgerEntry.objects.filter(outcome="interrupted").count() == 1


def test_cancelled_work_goes_on_where_it_was_when_it_is_asked_for_again(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric, settings: Any
) -> None:
    settings.JOB_SLICE_SECONDS = 0
    asked = ask(teacher, talk, rubric)
    assert asked.is_waited_for
    jobs.cancel(by=teacher, job=work(asked.job))
    left = Evaluation.objects.select_related("job").get()
    assert (left.status, len(left.runs), left.is_waited_for) == ("running", 1, False)
    again = ask(teacher, talk, rubric)
    assert again == left
    assert worked(again).status == "done"
    assert judge.stats()["requests"] == 3


def test_what_a_dead_worker_holds_for_cancelled_work_is_settled_by_the_clock(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(teacher, talk, rubric)

    monkeypatch.setattr(structured, "ask_all", killed)
    with pytest.raises(SystemExit):
        work(asked.job)
    assert asked.job
    jobs.cancel(by=teacher, job=asked.job)
    settle_forgotten_evaluations()
    assert Reservation.objects.filter(state="held").exists()
    Reservation.objects.update(created_at=timezone.now() - dt.timedelta(minutes=11))
    settle_forgotten_evaluations()
    settle_forgotten_evaluations()
    assert LedgerEntry.objects.get().outcome == "interrupted"


@pytest.mark.parametrize(
    ("modes", "why"),
    [
        ({"fault": "refusal"}, "would not judge"),
        ({"text": "Four."}, "in the form that was asked for"),
        ({"fault": "400"}, "does not take this conversation"),
    ],
)
def test_one_that_cannot_be_judged_fails_in_plain_words_and_the_others_go_on(
    judge: StandIn, teacher: User, student: User, client_profile: ClientProfile, rubric: Rubric, modes: Any, why: str
) -> None:
    talks = [talked(student, client_profile) for _number in range(2)]
    first, second = evaluation.evaluate(by=teacher, sessions=talks, rubric=rubric)
    # Both are asked for at once, and which comes first is chance: the first three answers to one of them are bad.
    add(talks[1], "student", "THE BAD ONE")
    really = judge.book.modes_for

    def modes_for(model: str, headers: dict[str, str]) -> Any:
        bad = "THE BAD ONE" in json.dumps(judge.book.seen[-1]["body"])
        return really(model, headers).changed(modes if bad else {})

    judge.book.modes_for = modes_for  # type: ignore[method-assign]
    done, failed = worked(first), worked(second)
    assert (done.status, failed.status) == ("done", "failed")
    assert why in failed.error
    assert done.job
    assert (done.job.state, done.job.done, done.job.failed) == ("completed_with_failures", 6, 3)
    assert why in done.job.problems.get().message
    # Asked for again it is a new one, and the failed one stays as it was.
    assert ask(teacher, talks[1], rubric).pk != failed.pk
    jobs.cancel(by=teacher, job=Job.objects.latest("created_at"))


def test_a_provider_that_is_away_is_waited_for_and_then_given_up(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric
) -> None:
    judge.modes(fault="529")
    asked = ask(teacher, talk, rubric)
    job = work(asked.job)
    # Put off: no worker has it, and the clock sends for it once it was silent for long enough.
    assert (job.state, job.worker, job.fence) == ("running", "", 1)
    judge.modes(fault="")
    assert worked(asked).status == "done"
    judge.modes(fault="401")
    again = ask(teacher, talk, rubric, again=True)
    for _round in range(runs.TRIES):
        work(again.job)
    again.refresh_from_db()
    assert (again.status, again.error) == ("failed", "The model could not be reached. Ask again later.")


def test_a_long_outage_ends_all_of_the_work(
    judge: StandIn, teacher: User, student: User, client_profile: ClientProfile, rubric: Rubric
) -> None:
    judge.modes(fault="401")
    talks = [talked(student, client_profile) for _number in range(9)]
    asked = evaluation.evaluate(by=teacher, sessions=talks, rubric=rubric)
    for _round in range(runs.OUTAGES):
        work(asked[0].job)
    assert set(Evaluation.objects.values_list("status", flat=True)) == {"failed"}
    assert Job.objects.get().state == "completed_with_failures"


def test_a_budget_that_is_used_up_stops_the_evaluation_and_says_so(
    judge: StandIn, teacher: User, section: Section, talk: Session, rubric: Rubric
) -> None:
    Budget.objects.create(scope="section", scope_id=section.pk, period="day", limit_microusd=1)
    done = worked(ask(teacher, talk, rubric))
    assert done.status == "failed"
    assert "budget" in done.error.lower()
    assert judge.stats()["requests"] == 0


def test_a_model_without_a_price_is_not_asked(
    judge: StandIn, settings: Any, teacher: User, talk: Session, rubric: Rubric
) -> None:
    settings.MODEL_DEFAULT = "claude-unknown"
    assert "has no price" in worked(ask(teacher, talk, rubric)).error
    assert evaluation.cost_of(rubric.value(), 1_000) is None


def test_whoever_has_left_the_section_meanwhile_gets_nothing(
    judge: StandIn, teacher: User, section: Section, talk: Session, rubric: Rubric
) -> None:
    asked = ask(teacher, talk, rubric)
    SectionTeacher.objects.all().delete()
    assert "may not score" in worked(asked).error
    assert judge.stats()["requests"] == 0


def test_an_evaluation_that_another_job_has_taken_over_is_left_alone(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric
) -> None:
    asked, other = ask(teacher, talk, rubric), jobs.create(by=teacher, kind=runs.KIND, label="Other")
    assert runs._reserve(asked.pk, other) is None
    runs._judge_by_rule(asked.pk, other)
    assert worked(asked).status == "done"
    assert work(other).state == "completed"
    assert LedgerEntry.objects.count() == 3


def test_a_conversation_that_goes_on_again_is_not_judged_meanwhile(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric
) -> None:
    asked = ask(teacher, talk, rubric)
    Session.objects.filter(pk=talk.pk).update(status="active", ended_at=None)
    assert "goes on again" in worked(asked).error


@pytest.mark.several_writers
@pytest.mark.servers
@pytest.mark.unaudited("a run is begun and left")
def test_of_workers_that_begin_a_run_at_once_one_holds_money(
    judge: StandIn, teacher: User, talk: Session, rubric: Rubric
) -> None:
    asked = ask(teacher, talk, rubric)
    assert asked.job
    job = asked.job
    assert at_once(lambda: runs._reserve(asked.pk, job), 4) == ["NoneType", "NoneType", "NoneType", "_Begun"]
    assert Reservation.objects.count() == 1
