"""What a student may rely on when several web processes share the work."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from accounts.models import User
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Message, Session
from conversations.tests.conftest import PATIENCE, OpenChat, orphan
from conversations.turns import accept as accepting
from monitoring.models import LedgerEntry

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


@pytest.fixture
async def elsewhere(engine: Engine) -> AsyncIterator[Engine]:
    """Another web process on the same database, as far as a process is an engine of its own."""
    other = Engine()
    await other.start()
    yield other
    await other.runner.drain(PATIENCE)
    await other.stop()


async def test_a_turn_is_answered_once_even_if_two_processes_want_it(
    engine: Engine, student: User, talk: Session
) -> None:
    accepted = await in_database(orphan, student, talk, engine.process_id, "")
    other = Engine()
    assert accepted.claimed
    engine.runner.start(accepted.claimed)
    engine.runner.start(accepted.claimed)
    other.runner.start(accepted.claimed)
    await engine.runner.drain(PATIENCE)
    await other.runner.drain(PATIENCE)
    assert await Message.objects.filter(role="client").acount() == 1
    assert await LedgerEntry.objects.acount() == 1


async def test_a_socket_sees_and_stops_a_reply_that_runs_in_another_process(
    elsewhere: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    chat = await open_chat(student, talk, resume=True)
    accepted = await in_database(
        accepting.accept,
        by=student,
        session_id=talk.pk,
        client_key=uuid.uuid4(),
        text="Tell me about the rent",
        owner=elsewhere.process_id,
    )
    assert accepted.claimed
    elsewhere.runner.start(accepted.claimed)
    frames = await chat.until("snapshot")
    assert {f["type"] for f in frames} >= {"message", "started", "snapshot"}
    late = await open_chat(student, talk, resume=True)
    assert (await late.until("snapshot"))[-1]["message"] == str(accepted.turn.reply_id)
    await chat.send(type="stop", message=str(accepted.turn.reply_id))
    done = (await chat.until("done"))[-1]
    assert done["status"] == "stopped"
    assert (await late.until("done"))[-1] == done


async def test_a_socket_that_has_not_resumed_hears_nothing_of_other_processes_turns(
    elsewhere: Engine, open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk)
    accepted = await in_database(
        accepting.accept,
        by=student,
        session_id=talk.pk,
        client_key=uuid.uuid4(),
        text="Hello",
        owner=elsewhere.process_id,
    )
    assert accepted.claimed
    elsewhere.runner.start(accepted.claimed)
    await elsewhere.runner.drain(PATIENCE)
    assert await chat.quiet(0.5)
