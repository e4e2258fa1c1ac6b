"""Scoring: drafts that no student sees, release, revision and withdrawal, with every state kept."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Notification, Section, SectionTeacher, User
from clients.models import ClientProfile
from conversations import rubrics, sessions
from conversations.models import Mark, Rubric, Scoring, ScoringRevision, Session
from conversations.rubrics import MarkValue
from conversations.scores import Total
from conversations.tests.pages import begin
from conversations.tests.rubrics import WHOLE_MARKS, ended_talk, listening

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """The student's conversation, ended."""
    return ended_talk(student, client_profile)


@pytest.fixture
def draft(talk: Session, teacher: User, rubric: Rubric) -> Scoring:
    """A whole scoring that nobody has released."""
    return rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS, comment="Well begun.")


def read_by(user: User) -> list[int]:
    """The numbers of the states that this person may read."""
    return sorted(ScoringRevision.objects.visible_to(user).values_list("number", flat=True))


def test_a_student_never_sees_a_draft(
    draft: Scoring, talk: Session, student: User, other_student: User, teacher: User, other_teacher: User
) -> None:
    assert read_by(student) == []
    assert not Scoring.objects.visible_to(student).exists()
    rubrics.release(by=teacher, session=talk, number=1)
    rubrics.score(by=teacher, session=talk, marks=[MarkValue(1), MarkValue(1)], number=1)
    assert read_by(student) == [1]
    assert read_by(teacher) == [1, 2]
    assert read_by(other_student) == read_by(other_teacher) == []
    assert not Scoring.objects.visible_to(other_student).exists()
    assert not Scoring.objects.visible_to(other_teacher).exists()
    rubrics.withdraw(by=teacher, session=talk)
    assert read_by(student) == []
    assert read_by(teacher) == [1, 2]


def test_the_total_is_that_of_the_frozen_weights(draft: Scoring) -> None:
    assert draft.latest is not None
    assert draft.latest.weighted == 2_500 * 4 + 7_500 * 2
    assert draft.latest.total == Total(25_000)


def test_an_edit_of_the_rubric_does_not_move_what_was_scored(
    draft: Scoring, talk: Session, teacher: User, rubric: Rubric
) -> None:
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(10_000, name="Other"), revision=0)
    again = rubrics.score(by=teacher, session=talk, marks=WHOLE_MARKS, number=1)
    assert again.latest is not None
    assert again.latest.version.value == listening()
    anew = rubrics.score(by=teacher, session=talk, rubric=rubric, marks=[MarkValue(3)], number=2)
    assert anew.latest is not None
    assert anew.latest.version.value == listening(10_000, name="Other")
    assert [row.description for row in ScoringRevision.objects.get(number=1).rows()] == ["always", "seldom"]


def test_release_keeps_who_and_when_and_a_new_release_takes_its_place(
    draft: Scoring, talk: Session, teacher: User, operator: User, student: User
) -> None:
    rubrics.release(by=teacher, session=talk, number=1)
    rubrics.score(by=operator, session=talk, marks=[MarkValue(3), MarkValue(3)], number=1)
    rubrics.release(by=operator, session=talk, number=2)
    second, first = ScoringRevision.objects.all()
    assert (first.released_by, first.withdrawn_by) == (teacher, operator)
    assert (second.released_by, second.withdrawn_by, second.saved_by) == (operator, None, operator)
    assert first.released_at
    assert second.released_at
    assert first.released_at < second.released_at
    assert read_by(student) == [2]
    assert [mark.comment for mark in first.marks.all()] == ["Open from the first line.", ""]


def test_releasing_twice_is_one_release(draft: Scoring, talk: Session, teacher: User) -> None:
    rubrics.release(by=teacher, session=talk, number=1)
    before = ScoringRevision.objects.get().released_at
    rubrics.release(by=teacher, session=talk, number=1)
    after = ScoringRevision.objects.get()
    assert (after.released_at, after.withdrawn_at) == (before, None)


def test_a_withdrawn_scoring_can_be_released_again(draft: Scoring, talk: Session, teacher: User, student: User) -> None:
    rubrics.release(by=teacher, session=talk, number=1)
    rubrics.withdraw(by=teacher, session=talk)
    assert ScoringRevision.objects.get().withdrawn_by == teacher
    rubrics.release(by=teacher, session=talk, number=1)
    assert read_by(student) == [1]
    assert ScoringRevision.objects.get().withdrawn_at is None


def test_the_student_is_told_of_each_release_and_of_nothing_else(
    draft: Scoring, talk: Session, teacher: User, student: User
) -> None:
    for _twice in range(2):
        rubrics.release(by=teacher, session=talk, number=1)
    assert Notification.objects.filter(kind="released").count() == 1
    rubrics.withdraw(by=teacher, session=talk)
    rubrics.release(by=teacher, session=talk, number=1)
    told = Notification.objects.filter(kind="released")
    assert [row.user for row in told] == [student] * 2
    assert {row.path for row in told} == {f"/sessions/{talk.pk}/transcript/"}
    assert "Maria Delgado" in told[0].sentence


def test_nothing_incomplete_is_released(talk: Session, teacher: User, rubric: Rubric) -> None:
    with pytest.raises(rubrics.IncompleteError, match="no scoring yet"):
        rubrics.release(by=teacher, session=talk, number=0)
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=[MarkValue(4), MarkValue(None, "Not yet.")])
    with pytest.raises(rubrics.IncompleteError, match="every criterion"):
        rubrics.release(by=teacher, session=talk, number=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScoringRevision.objects.update(released_at=talk.started_at, released_by=teacher)


def test_nothing_is_released_while_the_conversation_goes_on(
    student: User, client_profile: ClientProfile, teacher: User, rubric: Rubric
) -> None:
    talk = begin(student, client_profile)
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS)
    with pytest.raises(rubrics.IncompleteError, match="still going on"):
        rubrics.release(by=teacher, session=talk, number=1)
    sessions.end(by=student, session=talk)
    assert rubrics.release(by=teacher, session=talk, number=1).is_released


def test_only_the_teachers_of_the_section_and_admins_score(
    draft: Scoring, talk: Session, student: User, other_teacher: User, operator: User, section: Section
) -> None:
    for outsider in (student, other_teacher):
        with pytest.raises(rubrics.NotYoursError):
            rubrics.score(by=outsider, session=talk, marks=WHOLE_MARKS, number=1)
        with pytest.raises(rubrics.NotYoursError):
            rubrics.release(by=outsider, session=talk, number=1)
        with pytest.raises(rubrics.NotYoursError):
            rubrics.withdraw(by=outsider, session=talk)
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    rubrics.score(by=other_teacher, session=talk, marks=WHOLE_MARKS, number=1)
    assert rubrics.release(by=operator, session=talk, number=2).is_released


def test_a_teachers_test_is_not_scored(teacher: User, operator: User, client_profile: ClientProfile) -> None:
    test = begin(teacher, client_profile)
    for person in (teacher, operator):
        assert not Session.objects.scorable_by(person).filter(pk=test.pk).exists()
        assert not test.may_be_scored_by(person)


def test_an_archived_rubric_is_chosen_for_no_new_scoring_but_goes_on_where_it_is_used(
    draft: Scoring, talk: Session, teacher: User, rubric: Rubric
) -> None:
    rubrics.archive_rubric(by=teacher, rubric=rubric)
    with pytest.raises(rubrics.NotYoursError, match="archived"):
        rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS, number=1)
    assert rubrics.score(by=teacher, session=talk, marks=WHOLE_MARKS, number=1).latest is not None


def test_a_save_or_release_on_top_of_a_newer_one_is_refused(draft: Scoring, talk: Session, teacher: User) -> None:
    rubrics.score(by=teacher, session=talk, marks=[MarkValue(1), MarkValue(1)], number=1)
    with pytest.raises(rubrics.StaleEditError):
        rubrics.score(by=teacher, session=talk, marks=WHOLE_MARKS, number=1)
    with pytest.raises(rubrics.StaleEditError):
        rubrics.release(by=teacher, session=talk, number=1)
    assert ScoringRevision.objects.count() == 2


def test_the_first_scoring_needs_a_rubric(talk: Session, teacher: User) -> None:
    with pytest.raises(rubrics.IncompleteError, match="Choose a rubric"):
        rubrics.score(by=teacher, session=talk, marks=WHOLE_MARKS)


@pytest.mark.parametrize("marks", [[MarkValue(4)], [MarkValue(4), MarkValue(5)]])
def test_marks_that_do_not_fit_the_rubric_leave_nothing_behind(
    talk: Session, teacher: User, rubric: Rubric, marks: list[MarkValue]
) -> None:
    with pytest.raises(ValueError):
        rubrics.score(by=teacher, session=talk, rubric=rubric, marks=marks)
    assert not Scoring.objects.exists()


def test_the_database_keeps_no_level_outside_one_to_four(draft: Scoring) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Mark.objects.filter(position=0).update(level=5)


@pytest.mark.servers
@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_of_two_first_drafts_at_once_one_is_saved_and_the_other_is_told(
    talk: Session, teacher: User, rubric: Rubric
) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(4)

    def save() -> None:
        together.wait()
        try:
            rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS)
            outcomes.append("saved")
        except rubrics.StaleEditError:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "told", "told", "told"]
    assert ScoringRevision.objects.count() == 1


@pytest.mark.servers
@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_whoever_waits_for_the_scoring_of_another_is_told_of_it_and_not_that_there_is_none(
    talk: Session, teacher: User, rubric: Rubric
) -> None:
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS)
    outcomes: list[str] = []

    def release() -> None:
        try:
            rubrics.release(by=teacher, session=talk, number=1)
        except rubrics.RubricRuleError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    with transaction.atomic():
        rubrics.score(by=teacher, session=talk, marks=WHOLE_MARKS, number=1)
        waiting = threading.Thread(target=release)
        waiting.start()
        # Long enough for it to stand at the lock.
        waiting.join(0.5)
    waiting.join()
    assert outcomes == ["StaleEditError"]
