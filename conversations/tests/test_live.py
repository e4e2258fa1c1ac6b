"""The parts of the live engine by themselves: what waits while a viewer catches up, early stops, lost fences."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.live.hub import Hub, Viewer
from conversations.live.runner import Runner
from conversations.models import Message, Session, Turn
from conversations.tasks import abandon_idle, recover_turns
from conversations.tests.conftest import PATIENCE
from conversations.turns import accept as accepting
from conversations.turns.finish import Outcome, finish
from monitoring import pricing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


def viewer_of(session_id: uuid.UUID, heard: list[dict[str, Any]]) -> Viewer:
    async def send(frame: str) -> None:
        heard.append(json.loads(frame))

    async def close(code: int) -> None:
        heard.append({"closed": code})

    return Viewer(uuid.uuid4(), session_id, "sign-in", "hash", False, "en", "Maria", send, close)


def message(sequence: int, **fields: Any) -> Message:
    return Message(session_id=uuid.uuid4(), sequence=sequence, role="student", content=f"Number {sequence}", **fields)


async def test_what_happens_while_a_viewer_catches_up_comes_after_in_order_and_nothing_twice() -> None:
    heard: list[dict[str, Any]] = []
    viewer = viewer_of(uuid.uuid4(), heard)
    viewer.waiting, viewer.held_sequence = [], 4
    await viewer.tell('{"type": "delta", "index": 2}', index=2)
    await viewer.give(message(4))
    await viewer.give(message(5))
    await viewer.tell('{"type": "delta", "index": 3}', index=3)
    await viewer.give_done(message(6, status="complete"))
    await viewer.give(message(9))
    assert heard == []
    await viewer.release_waiting(shown_index=2)
    assert [(f["type"], f.get("index") or f["sequence"]) for f in heard] == [("message", 5), ("delta", 3), ("done", 6)]
    await viewer.give(message(7))
    assert heard[-1]["sequence"] == 7
    assert viewer.held_sequence == 7


async def test_a_change_that_was_missed_is_left_to_the_watch(talk: Session) -> None:
    hub = Hub()
    heard: list[dict[str, Any]] = []
    viewer = viewer_of(talk.pk, heard)
    hub.add(viewer, talk)
    known = hub.revisions[talk.pk]
    hub.told(talk.pk, known + 2)
    assert hub.revisions[talk.pk] == known
    hub.told(talk.pk, known + 1)
    assert hub.revisions[talk.pk] == known + 1
    second = viewer_of(talk.pk, heard)
    hub.add(second, talk)
    hub.remove(viewer)
    assert hub.of(talk.pk) == [second]
    hub.remove(second)
    assert hub.sessions() == []
    assert hub.revisions == {}


async def test_a_reply_stopped_before_it_began_never_calls_a_voice(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    accepted = await in_database(
        accepting.accept, by=student, session_id=talk.pk, client_key=uuid.uuid4(), text="Hello", owner=engine.process_id
    )
    assert accepted.claimed
    runner: Runner = engine.runner
    runner.start(accepted.claimed)
    runner.stop(accepted.turn.reply_id)
    runner.stop(uuid.uuid4())
    await runner.drain(PATIENCE)
    turn = await Turn.objects.aget()
    assert (turn.status, turn.partial_text) == ("stopped", "")


async def test_a_reply_that_was_ended_elsewhere_is_not_written_again(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    accepted = await in_database(
        accepting.accept,
        by=student,
        session_id=talk.pk,
        client_key=uuid.uuid4(),
        text="Tell me about the rent",
        owner=engine.process_id,
    )
    assert accepted.claimed
    engine.runner.start(accepted.claimed)
    outcome = Outcome(Turn.Status.INTERRUPTED, "Ended by the reaper", pricing.Usage())
    assert await in_database(finish, accepted.turn.pk, 1, outcome)
    await engine.runner.drain(PATIENCE)
    assert (await Message.objects.aget(pk=accepted.turn.reply_id)).content == "Ended by the reaper"


def test_the_tasks_of_beat_do_their_verbs(student: User, talk: Session) -> None:
    long_ago = timezone.now() - dt.timedelta(days=1)
    turn = accepting.accept(
        by=student, session_id=talk.pk, client_key=uuid.uuid4(), text="Hello", owner=uuid.uuid4()
    ).turn
    Turn.objects.update(accepted_at=long_ago)
    recover_turns()
    turn.refresh_from_db()
    assert turn.status == "interrupted"
    Session.objects.update(last_activity_at=long_ago)
    abandon_idle()
    talk.refresh_from_db()
    assert talk.status == "abandoned"
