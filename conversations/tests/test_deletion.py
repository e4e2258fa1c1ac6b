"""Retention of conversations: what is old enough goes with all that hangs on it, and what it cost stays."""

import datetime as dt
import re
import uuid
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notification, RosterFile, Section, User
from clients.models import ClientProfile
from conftest import make_user
from conversations import sessions
from conversations.deletion import delete_sessions
from conversations.models import Evaluation, Message, RubricVersion, Session, Turn
from conversations.rubrics import create_rubric
from conversations.tests.everything import make_student, money, practise, write_about
from conversations.tests.pages import at_once, free_money
from conversations.tests.rubrics import listening
from conversations.turns.accept import accept
from monitoring import audit, figures, jobs, periods, retention
from monitoring.models import Job, RetentionRun

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.usefixtures("media", "prices")]

LONG_AGO = dt.timedelta(days=400)


def apply(**days: int) -> dict[str, int]:
    """How many rows of each kind a run by these rules deletes."""
    by = make_user(f"keeper-{uuid.uuid4().hex[:6]}", User.Role.OPERATOR)
    retention.save_rules(by=by, days=days)
    for trial in (True, False):
        job = retention.begin(by=by, trial=trial)
        while not job.is_ended:
            jobs.work(job.pk, job.fence)
            job.refresh_from_db()
        assert job.state == Job.State.COMPLETED, job.error
    return {name: count["deleted"] for name, count in RetentionRun.objects.latest("pk").counts.items()}


def breaches() -> dict[str, list[str]]:
    return {name: finding.breaches for name, finding in audit.run(at_rest=True) if finding.breaches}


def past(session: Session) -> None:
    moment = timezone.now() - LONG_AGO
    Session.objects.filter(pk=session.pk).update(started_at=moment, ended_at=moment, last_activity_at=moment)


@pytest.fixture
def old(section: Section, client_profile: ClientProfile, teacher: User, operator: User) -> Session:
    """A graded conversation of long ago with a row in every table, and a branch of it that ended as long ago."""
    student = make_student("zebrawort", section)
    talk = practise(student, client_profile, "zebrawort")
    write_about(student, talk, teacher, operator, "zebrawort")
    # What is with a tutor goes in test_tutoring.py.
    assert delete_sessions(Session.objects.exclude(persona=""), 1_000) == 1
    branch = Session.objects.get(branch_of__isnull=False)
    sessions.end(by=student, session=branch)
    for session in (talk, branch):
        past(session)
    return talk


def test_old_conversations_go_with_everything_in_them_and_their_cost_stays(
    old: Session, student: User, client_profile: ClientProfile
) -> None:
    kept = practise(student, client_profile, "kept")
    before, usage = money(), figures.usage_between(periods.today(), periods.today(), "kind")
    assert apply(conversations=365) == {"conversations": 2}
    assert Session.objects.get() == kept
    assert not Evaluation.objects.exists()
    assert not Message.objects.exclude(session=kept).exists()
    assert not Notification.objects.filter(kind__in=["safety", "flagged"]).exists()
    assert (money(), figures.usage_between(periods.today(), periods.today(), "kind")) == (before, usage)
    assert breaches() == {}


@pytest.mark.several_writers
def test_notifications_of_flags_and_alerts_are_found_by_an_index(old: Session) -> None:
    with CaptureQueriesContext(connection) as asked:
        # The branch, and what it goes on from.
        assert delete_sessions(Session.objects.all(), 1_000) == delete_sessions(Session.objects.all(), 1_000) == 1
    deleted = [one["sql"] for one in asked.captured_queries if re.match("DELETE FROM .*'safety'", one["sql"])]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {deleted[0]}")
        assert "notification_of_flags" in str(cursor.fetchall())


def test_what_a_younger_conversation_goes_on_from_waits_for_it(old: Session) -> None:
    branch = Session.objects.get(branch_of__isnull=False)
    Session.objects.filter(pk=branch.pk).update(ended_at=timezone.now())
    assert apply(conversations=365) == {"conversations": 0}
    assert Session.objects.count() == 2


def test_conversations_are_kept_without_a_rule(old: Session) -> None:
    assert retention.kinds()["conversations"].default_days is None
    assert apply(transcript_readings=365) == {"transcript_readings": 0}
    assert Session.objects.count() == 2


def test_a_roster_that_was_left_goes_with_its_file(teacher: User, media: Path) -> None:
    kept = RosterFile.objects.create(owner=teacher, name="a.csv", content=ContentFile(b"email", "a"))
    RosterFile.objects.filter(pk=kept.pk).update(created_at=timezone.now() - dt.timedelta(days=2))
    assert apply(rosters=1) == {"rosters": 1}
    assert not RosterFile.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_what_turns_noted_can_go_alone(old: Session, student: User, client_profile: ClientProfile) -> None:
    kept = practise(student, client_profile, "kept")
    Turn.objects.filter(session=kept).update(state={"trust": 5})
    assert apply(turn_states=365) == {"turn_states": 3}
    assert not Turn.objects.filter(session=old).exclude(state={}).exists()
    assert Turn.objects.filter(session=kept).exclude(state={}).count() == 3


def test_a_batch_has_about_as_many_rows_as_asked_and_one_conversation_at_least(
    student: User, client_profile: ClientProfile, section: Section
) -> None:
    for _number in range(3):
        practise(student, client_profile, "hello")
    assert delete_sessions(Session.objects.all(), at_most=1) == 1
    assert delete_sessions(Session.objects.all(), at_most=1_000) == 2
    assert delete_sessions(Session.objects.all(), at_most=1_000) == 0


def test_what_still_runs_is_left_alone(
    student: User, teacher: User, client_profile: ClientProfile, section: Section
) -> None:
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client_profile)
    accept(by=student, session_id=session.pk, client_key=uuid.uuid4(), text="Hello", owner=uuid.uuid4())
    assert delete_sessions(Session.objects.all(), at_most=1_000) == 0
    Turn.objects.update(status="stopped")
    version = RubricVersion.freeze(create_rubric(by=teacher, value=listening()))
    held = Evaluation.objects.create(
        session=session, version=version, voice="claude", model="m", asked_by=teacher, reservation=free_money(teacher)
    )
    assert delete_sessions(Session.objects.all(), at_most=1_000) == 0
    Evaluation.objects.filter(pk=held.pk).update(reservation=None)
    assert delete_sessions(Session.objects.all(), at_most=1_000) == 1


@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_two_that_delete_at_once_delete_each_conversation_once(
    student: User, client_profile: ClientProfile, section: Section
) -> None:
    for _number in range(3):
        practise(student, client_profile, "hello")
    deleted: list[int] = []

    def delete() -> None:
        with transaction.atomic():
            deleted.append(delete_sessions(Session.objects.all(), at_most=1_000))

    assert at_once(delete, 3) == ["NoneType"] * 3
    assert sum(deleted) == 3
    assert breaches() == {}
