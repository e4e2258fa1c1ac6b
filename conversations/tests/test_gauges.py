"""What the dashboard hears of conversations: how many, how they stand, and who talks."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from clients.models import ClientProfile
from conversations import gauges, sessions
from conversations.models import Session
from monitoring.dashboard import panels_for
from monitoring.tables import Level
from monitoring.tests.ledger import ago, settled
from monitoring.tests.looking import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """The student's conversation, which has just begun."""
    sessions.accept_notice(by=student)
    return sessions.start(by=student, client=client_profile)


def move(talk: Session, **fields: Any) -> None:
    Session.objects.filter(pk=talk.pk).update(**fields)


def test_active_sessions_are_those_in_which_something_happened_lately(talk: Session) -> None:
    assert gauges.active_sessions().value == 1
    move(talk, last_activity_at=ago(minutes=16))
    assert gauges.active_sessions().value == 0
    assert gauges.active_sessions().note.endswith("1 more is open and quiet.")
    assert gauges.active_rows() == []


def test_messages_a_minute_count_each_answered_message_once() -> None:
    reply = uuid.uuid4()
    for minutes, kind in ((1, "turn"), (2, "turn"), (2, "evaluation"), (6, "turn")):
        settled(ago(minutes=minutes), kind=kind, message_uuid=reply if minutes < 3 else uuid.uuid4())
    assert gauges.messages_a_minute().value == pytest.approx(1 / 5)
    assert gauges.turns_in_flight().value == 0


def test_completion_is_of_the_conversations_that_ended(talk: Session) -> None:
    def told(**fields: Any) -> list[float | None]:
        move(talk, **fields)
        gauges.ended_between.forget()
        return [gauges.completed_today().value, gauges.completed_lately().value]

    assert told() == [None, None]
    assert told(status=Session.Status.COMPLETED, ended_at=timezone.now()) == [1, 1]
    assert told(status=Session.Status.ABANDONED) == [0, 0]
    assert gauges.completed_today().note.startswith("Of 1 that ended; 1 was abandoned.")
    assert told(ended_at=ago(days=3)) == [None, 0]
    # A teacher's test of a client is no practice.
    assert told(kind=Session.Kind.TEST) == [None, None]


def test_who_talks_with_whom_and_where_leads_to_the_conversation(talk: Session) -> None:
    [row] = gauges.active_rows()
    assert row.values[:3] == ("Student", "Maria Delgado", "SW 101 Interviewing")
    assert str(row.values[-1]) == "Talking"
    assert str(talk.pk) in row.link


def test_who_talks_is_for_those_alone_who_may_see_conversations() -> None:
    for right, shown in (("conversations.view_session", True), ("monitoring.view_dailyusage", False)):
        panels = {panel.key for panel in panels_for(Person(right))}
        assert ({"active", "log"} <= panels) == shown
        assert bool({"active", "log"} & panels) == shown


def test_a_conversation_that_is_stuck_stands_out(talk: Session) -> None:
    move(talk, last_activity_at=ago(minutes=5))
    state = gauges.active_rows()[0].values[-1]
    assert (str(state), state.level) == ("Stuck", Level.DANGER)  # type: ignore[union-attr]


def test_the_log_tells_beginnings_and_ends_newest_first(talk: Session) -> None:
    move(talk, section=None, started_at=ago(minutes=9))
    assert [str(row.values[1]) for row in gauges.log_rows()] == ["Began"]
    for status, words in (("completed", "Completed"), ("abandoned", "Abandoned")):
        move(talk, status=status, ended_at=ago(minutes=1))
        rows = gauges.log_rows()
        assert [str(row.values[1]) for row in rows] == [words, "Began"]
        assert rows[0].values[4] is None
