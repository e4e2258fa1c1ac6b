"""Attempts at an assignment: who may begin one and when it ends."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import assignments, sessions
from conversations.assignments import AssignmentValue, CannotStartError, Grant, TaskValue
from conversations.lateness import LateRule
from conversations.models import Session, Turn
from conversations.tests.assigned import ago, begin_work, hand_in, set_work
from conversations.tests.pages import begin
from conversations.turns.accept import TurnRefusedError
from conversations.turns.accept import accept as say
from conversations.turns.finish import Outcome, finish
from monitoring.pricing import Usage

pytestmark = pytest.mark.django_db

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def test_a_start_gives_the_open_attempt_again_and_free_practice_stays_apart(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    free = begin(student, client_profile)
    work = set_work(teacher, section, client_profile)
    session = begin_work(student, work)
    assert session != free
    assert begin_work(student, work) == session
    assert sessions.open_session(student, client_profile) == free


def test_attempts_run_out_and_one_in_which_nothing_was_said_does_not_count(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, max_attempts=1)
    hand_in(student, work, exchanges=0)
    hand_in(student, work)
    with pytest.raises(CannotStartError, match="no attempt left"):
        begin_work(student, work)
    assignments.grant_exception(by=teacher, assignment=work, student=student, grant=Grant(extra_attempts=1))
    assert hand_in(student, work).number == 3


def test_an_attempt_whose_reply_was_stopped_is_used_and_one_without_an_exchange_never_finished(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, second, max_attempts=1, in_order=True)
    hand_in(student, work, exchanges=0)
    with pytest.raises(CannotStartError, match="Maria Delgado first"):
        begin_work(student, work, position=1)
    session = begin_work(student, work)
    say(by=student, session_id=session.pk, client_key=session.pk, text="Hello", owner=session.pk)
    turn = Turn.objects.get()
    finish(turn.pk, turn.fence, Outcome(Turn.Status.STOPPED, "Hello, I am", Usage()))
    sessions.end(by=student, session=session)
    with pytest.raises(CannotStartError, match="no attempt left"):
        begin_work(student, work)
    (standing,) = assignments.standings([work], [student])
    assert (standing.tasks[0].left, standing.tasks[0].is_done, standing.is_done) == (0, False, False)


@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_starts_at_once_are_one_attempt_by_the_rules_that_a_teacher_saves_meanwhile(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    sessions.accept_notice(by=student)
    together = threading.Barrier(4)

    def at_once(act: Callable[[], Any]) -> Any:
        together.wait(60)
        try:
            return act()
        finally:
            connections.close_all()

    for _ in range(3):
        work = set_work(teacher, section, client_profile, max_attempts=1, time_limit_minutes=30)
        longer = AssignmentValue("First talk", [TaskValue(client_profile)], max_attempts=1, time_limit_minutes=60)
        edit = partial(assignments.edit_assignment, by=teacher, assignment=work, value=longer, revision=work.revision)
        start = partial(assignments.start_attempt, by=student, task=work.clients.get())
        with ThreadPoolExecutor(4) as pool:
            begun = list(pool.map(at_once, [edit, start, start, start]))[1:]
        session = Session.objects.get(assignment=work)
        assert begun == [session] * 3
        assert session.deadline_at
        assert round((session.deadline_at - session.started_at).total_seconds() / 60) == 60
        sessions.end(by=student, session=session)


def test_only_students_of_the_section_begin_and_only_what_is_published_and_open(
    teacher: User, student: User, other_student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, opens_at=timezone.now() + HOUR)
    with pytest.raises(CannotStartError, match="not open to you"):
        begin_work(other_student, work)
    with pytest.raises(CannotStartError, match="not open yet"):
        begin_work(student, work)
    with pytest.raises(CannotStartError, match="not open to you"):
        begin_work(teacher, work)
    assignments.archive_assignment(by=teacher, assignment=work)
    with pytest.raises(CannotStartError, match="not open to you"):
        begin_work(student, work)


def test_after_the_due_date_an_extension_opens_what_the_rule_closed(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, due_at=ago(HOUR), late_rule=LateRule.REFUSE)
    with pytest.raises(CannotStartError, match="closed"):
        begin_work(student, work)
    later = timezone.now() + DAY
    assignments.grant_exception(by=teacher, assignment=work, student=student, grant=Grant(due_at=later))
    assert begin_work(student, work).deadline_at == later


def test_clients_in_order_open_one_after_the_other(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, second, in_order=True, min_exchanges=2)
    with pytest.raises(CannotStartError, match="Maria Delgado first"):
        begin_work(student, work, position=1)
    hand_in(student, work, exchanges=1)
    with pytest.raises(CannotStartError, match="Maria Delgado first"):
        begin_work(student, work, position=1)
    hand_in(student, work, exchanges=2)
    assert begin_work(student, work, position=1).client == second


def test_after_the_deadline_nothing_is_accepted_and_the_attempt_is_handed_in_as_of_then(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, time_limit_minutes=30)
    session = begin_work(student, work)
    assert session.deadline_at
    assert abs(session.deadline_at - session.started_at - dt.timedelta(minutes=30)) < dt.timedelta(seconds=5)
    assert sessions.close_overdue() == 0
    passed = ago(dt.timedelta(seconds=5))
    Session.objects.filter(pk=session.pk).update(deadline_at=passed)
    with pytest.raises(TurnRefusedError, match="time for this conversation is over"):
        say(by=student, session_id=session.pk, client_key=session.pk, text="One more", owner=session.pk)
    assert sessions.close_overdue() == 1
    session.refresh_from_db()
    assert (session.status, session.ended_at) == ("completed", passed)


def test_an_attempt_left_idle_waits_for_its_student(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    session = begin_work(student, set_work(teacher, section, client_profile))
    Session.objects.filter(pk=session.pk).update(last_activity_at=ago(10 * DAY))
    assert sessions.abandon_idle() == 0


def test_more_time_moves_the_deadline_of_the_attempt_that_runs(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, time_limit_minutes=30)
    session = begin_work(student, work)
    before, revision = session.deadline_at, session.revision
    assert before
    exception = assignments.grant_exception(by=teacher, assignment=work, student=student, grant=Grant(extra_minutes=15))
    session.refresh_from_db()
    assert (session.deadline_at, session.revision) == (before + dt.timedelta(minutes=15), revision + 1)
    assignments.withdraw_exception(by=teacher, exception=exception)
    session.refresh_from_db()
    assert session.deadline_at == before
