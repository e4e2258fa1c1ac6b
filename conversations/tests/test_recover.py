"""What a student may rely on when nobody is at a turn any more: it is ended once, with what had arrived."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from conversations.live import runner
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import PATIENCE, OpenChat, orphan
from conversations.turns.finish import Outcome, finish
from conversations.turns.recover import check_stuck, recover
from monitoring import heartbeats, pricing
from monitoring.models import Heartbeat, LedgerEntry, Reservation

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


async def test_a_turn_whose_process_died_is_interrupted_with_what_had_arrived_and_can_be_retried(
    open_chat: OpenChat, student: User, talk: Session, engine: Engine
) -> None:
    dead = uuid.uuid4()
    accepted = await in_database(orphan, student, talk, dead, "Half a sen")
    await in_database(recover)
    turn = await Turn.objects.aget()
    assert (turn.status, turn.error) == ("interrupted", "process_died")
    reply = await Message.objects.aget(pk=accepted.turn.reply_id)
    assert (reply.status, reply.content) == ("interrupted", "Half a sen")
    chat = await open_chat(student, talk)
    await chat.send(type="retry", message=str(reply.pk))
    assert (await chat.until("done"))[-1]["status"] == "complete"


async def test_a_dead_claude_turn_is_billed_by_estimate_from_the_moment_it_was_sent(
    claude_talk: Session, student: User, engine: Engine
) -> None:
    await in_database(orphan, student, claude_talk, uuid.uuid4(), "Half a sen")
    await in_database(recover)
    entry = await LedgerEntry.objects.aget()
    assert entry.estimated
    assert entry.cost_microusd > 0


async def test_an_accepted_turn_that_nobody_took_is_ended_after_a_while(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    await in_database(orphan, student, talk, None, "")
    assert await in_database(recover) == 0
    await Turn.objects.aupdate(accepted_at=timezone.now() - dt.timedelta(hours=1))
    await in_database(recover)
    assert (await Turn.objects.aget()).error == "never_taken"


async def test_a_turn_of_a_living_process_is_left_alone_and_a_late_finish_changes_nothing(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    alive = uuid.uuid4()
    await in_database(heartbeats.beat, alive, Heartbeat.Kind.WEB)
    accepted = await in_database(orphan, student, talk, alive, "Half")
    assert await in_database(recover) == 0
    await in_database(heartbeats.stop, alive)
    await in_database(recover)
    assert (await Turn.objects.aget()).error == "process_died"
    outcome = Outcome(Turn.Status.COMPLETE, "Half a sentence.", pricing.Usage())
    assert await in_database(finish, accepted.turn.pk, 1, outcome) is None
    assert (await Message.objects.aget(pk=accepted.turn.reply_id)).content == "Half"


async def test_a_turn_that_the_process_dropped_is_ended_by_its_own_recovery(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 0.6
    chat = await open_chat(student, talk)

    def broken(*_: Any) -> None:
        raise RuntimeError("no voice")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "speak", broken)
        await chat.say("Hello")
        assert (await chat.until("done"))[-1]["status"] == "interrupted"
    assert not engine.runner.live
    assert (await Turn.objects.aget()).error == "dropped"
    assert not await Reservation.objects.filter(state="held").aexists()


async def test_a_turn_that_is_accepted_and_not_yet_begun_is_not_taken_for_dropped(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    await in_database(heartbeats.beat, engine.process_id, Heartbeat.Kind.WEB)
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    written, begin = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        await in_database(orphan, student, talk, engine.process_id, "")
        await Turn.objects.aupdate(accepted_at=timezone.now() - dt.timedelta(hours=1))
        written.set()
        await begin.wait()

    accepting = asyncio.create_task(engine.runner.accept(talk.pk, slow()))
    await written.wait()
    assert await in_database(recover, engine.process_id, set(), engine.runner.accepting_in) == 0
    assert await Turn.objects.running().aexists()
    begin.set()
    await accepting
    await in_database(recover, engine.process_id, set(), engine.runner.accepting_in)
    assert (await Turn.objects.aget()).error == "dropped"


async def test_a_process_whose_database_was_away_does_not_end_its_own_replies(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.1
    accepted = await in_database(orphan, student, talk, engine.process_id, "")
    assert accepted.claimed
    engine.runner.start(accepted.claimed)
    await Heartbeat.objects.aupdate(beat_at=timezone.now() - dt.timedelta(hours=1))
    assert await in_database(recover, engine.process_id, engine.runner.at_work) == 0
    engine._beaten_at -= 3600
    await engine._recover()  # late itself: it does not judge others
    await engine._beat()
    await engine._recover()  # and gives them time to say that they live
    await engine.runner.drain(PATIENCE)
    assert (await Turn.objects.aget()).status == "complete"


async def test_a_turn_that_outlives_every_clock_is_told_to_operators(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 3_600.0
    alive = uuid.uuid4()
    await in_database(heartbeats.beat, alive, Heartbeat.Kind.WEB)
    await in_database(orphan, student, talk, alive, "Half a sen")
    assert await in_database(check_stuck) == ""
    await Turn.objects.aupdate(accepted_at=timezone.now() - dt.timedelta(minutes=26))
    assert await in_database(check_stuck) == "a reply runs although its time is long over"
    await in_database(heartbeats.stop, alive)
    await in_database(recover)
