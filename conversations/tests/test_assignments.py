"""Assignments: written, published, copied, tried under their rules, with exceptions for one student."""

import datetime as dt
import threading
import zoneinfo
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Enrolment, Notification, Section, SectionTeacher, User
from clients.models import ClientProfile
from clients.services import archive_client
from conftest import make_client, make_user
from conversations import assignments, rubrics, sessions
from conversations.assignments import (
    AssignmentValue,
    CannotStartError,
    Grant,
    InUseError,
    NotReadyError,
    NotYoursError,
    StaleEditError,
    TaskValue,
)
from conversations.lateness import LateRule
from conversations.models import Assignment, Attempt, Rubric, Session, Turn
from conversations.scores import CriterionValue, RubricValue
from conversations.tests.assigned import begin_work, hand_in, set_work
from conversations.tests.pages import begin
from conversations.turns.accept import TurnRefusedError
from conversations.turns.accept import accept as say
from conversations.turns.finish import Outcome, finish
from monitoring.pricing import Usage

pytestmark = pytest.mark.django_db

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def second(teacher: User) -> ClientProfile:
    return make_client(teacher, "Robert Hale")


@pytest.fixture
def rubric(teacher: User) -> Rubric:
    value = RubricValue("Listening", "", (CriterionValue("Hears", 10_000, ("a", "b", "c", "d")),))
    return rubrics.create_rubric(by=teacher, value=value)


def ago(step: dt.timedelta) -> dt.datetime:
    return timezone.now() - step


def test_students_see_an_assignment_once_it_is_published_and_are_told_once(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    value = AssignmentValue("First talk", [TaskValue(client_profile)])
    draft = assignments.create_assignment(by=teacher, section=section, value=value)
    assert not Assignment.objects.visible_to(student).exists()
    for _again in range(2):
        assignments.publish(by=teacher, assignment=draft)
    assert Assignment.objects.visible_to(student).get() == draft
    told = Notification.objects.get(user=student)
    assert (told.kind, told.names["assignment"]) == ("published", "First talk")


def test_an_assignment_without_a_usable_client_cannot_be_published(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    empty = assignments.create_assignment(by=teacher, section=section, value=AssignmentValue("Empty"))
    with pytest.raises(NotReadyError, match="at least one client"):
        assignments.publish(by=teacher, assignment=empty)
    value = AssignmentValue("Gone", [TaskValue(client_profile)])
    gone = assignments.create_assignment(by=teacher, section=section, value=value)
    archive_client(by=teacher, client=client_profile)
    with pytest.raises(NotReadyError, match="archived"):
        assignments.publish(by=teacher, assignment=gone)


def test_teachers_of_other_sections_change_nothing(
    teacher: User, other_teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile)
    value = AssignmentValue("Mine now", [TaskValue(client_profile)])
    with pytest.raises(NotYoursError):
        assignments.edit_assignment(by=other_teacher, assignment=work, value=value, revision=work.revision)
    with pytest.raises(NotYoursError):
        assignments.create_assignment(by=other_teacher, section=section, value=value)
    with pytest.raises(NotYoursError):
        assignments.copy_assignment(by=other_teacher, assignment=work, section=section)


def test_a_client_or_rubric_that_one_does_not_see_cannot_be_set(
    teacher: User, other_teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    theirs = make_client(other_teacher, "Private")
    with pytest.raises(NotReadyError, match="Private"):
        set_work(teacher, section, theirs)
    value = RubricValue("Theirs", "", (CriterionValue("Hears", 10_000, ("a", "b", "c", "d")),))
    with pytest.raises(NotReadyError, match="Theirs"):
        set_work(teacher, section, client_profile, rubric=rubrics.create_rubric(by=other_teacher, value=value))


def test_an_edit_on_top_of_a_newer_one_is_refused(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile)
    value = AssignmentValue("Second thoughts", [TaskValue(client_profile)])
    assignments.edit_assignment(by=teacher, assignment=work, value=value, revision=work.revision)
    with pytest.raises(StaleEditError):
        assignments.edit_assignment(by=teacher, assignment=work, value=value, revision=work.revision)


def test_clients_can_be_added_moved_and_removed_until_somebody_has_talked_with_them(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, second)
    begin_work(student, work)
    swapped = AssignmentValue("First talk", [TaskValue(second), TaskValue(client_profile)])
    edited = assignments.edit_assignment(by=teacher, assignment=work, value=swapped, revision=work.revision)
    assert [task.client for task in edited.clients.all()] == [second, client_profile]
    only_first = AssignmentValue("First talk", [TaskValue(client_profile)])
    edited = assignments.edit_assignment(by=teacher, assignment=work, value=only_first, revision=edited.revision)
    with pytest.raises(InUseError, match="must stay"):
        assignments.edit_assignment(
            by=teacher,
            assignment=work,
            value=AssignmentValue("First talk", [TaskValue(second)]),
            revision=edited.revision,
        )
    assert [task.client for task in work.clients.all()] == [client_profile]


def test_what_an_attempt_is_made_with_is_frozen_when_it_begins(
    teacher: User,
    student: User,
    section: Section,
    client_profile: ClientProfile,
    rubric: Rubric,
    settings: Any,
    prices: None,
) -> None:
    settings.ANTHROPIC_API_KEY = "sk-test"
    work = set_work(teacher, section, client_profile, rubric=rubric, min_exchanges=4)
    session = begin_work(student, work)
    attempt, version = session.attempt, session.client_version
    changed = RubricValue("Changed", "", (CriterionValue("Speaks", 10_000, ("a", "b", "c", "d")),))
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=changed, revision=rubric.revision)
    ClientProfile.objects.filter(pk=client_profile.pk).update(background="Another life", prompt_override="Another")
    value = AssignmentValue("First talk", [TaskValue(client_profile, rubric, 9)])
    assignments.edit_assignment(by=teacher, assignment=work, value=value, revision=work.revision)
    again = Session.objects.get(pk=session.pk)
    assert again.client_version == version
    assert again.attempt.rubric_version
    assert again.attempt.rubric_version.value.name == "Listening"
    assert (again.attempt.min_exchanges, again.attempt.prices) == (4, attempt.prices)
    assert attempt.prices[0]["output"] > 0
    assert rubrics.frozen_version(again) == attempt.rubric_version


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
        together.wait(5)
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


def test_an_ended_attempt_can_be_reopened_until_its_scoring_is_released(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric)
    attempt = hand_in(student, work)
    session = assignments.reopen_attempt(by=teacher, attempt=attempt, minutes=20)
    assert session.is_open
    assert session.deadline_at is not None
    assert begin_work(student, work) == session
    with pytest.raises(NotReadyError, match="still open"):
        assignments.reopen_attempt(by=teacher, attempt=attempt)
    sessions.end(by=student, session=session)
    rubrics.score(by=teacher, session=session, marks=[rubrics.MarkValue(3, "")])
    rubrics.release(by=teacher, session=session, number=1)
    with pytest.raises(NotReadyError, match="released"):
        assignments.reopen_attempt(by=teacher, attempt=attempt)


def test_what_students_have_begun_can_be_archived_but_not_hidden_or_deleted(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile)
    assignments.unpublish(by=teacher, assignment=work)
    assignments.publish(by=teacher, assignment=work)
    begin_work(student, work)
    for undo in (assignments.unpublish, assignments.delete_unused):
        with pytest.raises(InUseError, match="archive"):
            undo(by=teacher, assignment=work)
    assignments.archive_assignment(by=teacher, assignment=work)
    assignments.restore_assignment(by=teacher, assignment=work)
    assert Assignment.objects.visible_to(student).get() == work


def test_a_copy_moves_its_dates_and_leaves_out_what_cannot_be_used(
    teacher: User, section: Section, client_profile: ClientProfile, second: ClientProfile, rubric: Rubric
) -> None:
    due = timezone.now() + DAY
    work = set_work(teacher, section, client_profile, second, rubric=rubric, due_at=due, max_attempts=2)
    archive_client(by=teacher, client=second)
    next_term = Section.objects.create(name="Next term")
    SectionTeacher.objects.create(section=next_term, teacher=teacher)
    copy = assignments.copy_assignment(by=teacher, assignment=work, section=next_term, shift=180 * DAY)
    assert (copy.due_at, copy.max_attempts, copy.is_published) == (due + 180 * DAY, 2, False)
    assert copy.copied_from == work
    assert [(task.client, task.rubric) for task in copy.clients.all()] == [(client_profile, rubric)]


def test_a_copy_into_the_hour_that_the_clocks_skip_is_still_due_after_it_opens(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    zone = zoneinfo.ZoneInfo("Europe/Madrid")
    opens, due = (dt.datetime(2027, 3, 21, *at, tzinfo=zone) for at in ((2, 15), (3, 10)))
    work = set_work(teacher, section, client_profile, opens_at=opens, due_at=due)
    with timezone.override(zone):
        copy = assignments.copy_assignment(by=teacher, assignment=work, section=section, shift=7 * DAY)
    assert copy.opens_at
    assert copy.due_at
    assert copy.due_at - copy.opens_at == dt.timedelta(minutes=55)


def test_a_standing_says_what_is_done_open_and_left(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    work = set_work(
        teacher, section, client_profile, second, max_attempts=2, in_order=True, due_at=ago(HOUR), min_exchanges=2
    )
    standing = assignments.standings([work], [student])[0]
    assert [task.left for task in standing.tasks] == [2, 2]
    assert [task.blocked_by for task in standing.tasks] == [None, client_profile]
    assert (standing.is_overdue, standing.is_open, standing.is_done) == (True, True, False)
    hand_in(student, work)
    begin_work(student, work, position=1)
    standing = assignments.standings([work], [student])[0]
    assert [(task.is_done, task.left, bool(task.running)) for task in standing.tasks] == [
        (True, 1, False),
        (False, 1, True),
    ]
    assert (standing.done_count, standing.is_running) == (1, True)
    assert [standing.may_start(task) for task in standing.tasks] == [True, False]


def test_standings_of_a_whole_section_take_three_queries(
    teacher: User, section: Section, client_profile: ClientProfile, django_assert_num_queries: Any
) -> None:
    work = [set_work(teacher, section, client_profile, title=title) for title in ("One", "Two")]
    people = [make_user(f"s{number}", "student") for number in range(5)]
    for person in people:
        Enrolment.objects.create(section=section, student=person)
        hand_in(person, work[0])
    with django_assert_num_queries(3):
        found = assignments.standings(work, people)
    assert [one.is_done for one in found] == [True] * 5 + [False] * 5


def test_deducted_days_follow_the_students_own_due_date(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, due_at=ago(3 * DAY), late_rule=LateRule.DEDUCT, late_percent=20)
    attempt = hand_in(student, work)
    kept = assignments.standings([work], [student])[0].deadlines.kept(Decimal(100), attempt.finished_at)
    assert kept == Decimal("20.0")
    due = Grant(due_at=ago(DAY / 2))
    assignments.grant_exception(by=teacher, assignment=work, student=student, grant=due)
    kept = assignments.standings([work], [student])[0].deadlines.kept(Decimal(100), attempt.finished_at)
    assert kept == Decimal("80.0")
    assert Attempt.objects.visible_to(student).get() == attempt
