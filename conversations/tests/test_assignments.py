"""Assignments: written, published, copied, with exceptions for one student, and where each student stands."""

import datetime as dt
import zoneinfo
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Enrolment, Notification, Section, SectionTeacher, User
from clients.models import ClientProfile
from clients.services import archive_client
from conftest import make_client, make_user
from conversations import assignments, rubrics, sessions
from conversations.assignments import (
    AssignmentValue,
    Grant,
    InUseError,
    NotReadyError,
    NotYoursError,
    StaleEditError,
    TaskValue,
)
from conversations.lateness import LateRule
from conversations.models import Assignment, Attempt, Rubric, Session
from conversations.scores import CriterionValue, RubricValue
from conversations.tests.assigned import ago, begin_work, hand_in, set_work

pytestmark = pytest.mark.django_db

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def rubric(teacher: User) -> Rubric:
    value = RubricValue("Listening", "", (CriterionValue("Hears", 10_000, ("a", "b", "c", "d")),))
    return rubrics.create_rubric(by=teacher, value=value)


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


@pytest.mark.usefixtures("still")
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
