"""What a student may rely on when a socket, the database, a deploy or our own code breaks off a reply."""

import asyncio
import time
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import User
from bench.standin import StandIn
from conversations import consumers, protocol
from conversations.live import engine as engines
from conversations.live import runner
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import PATIENCE, Chat, OpenChat, another, ended, sign_in
from conversations.turns import accept as accepting
from conversations.turns.finish import finish
from monitoring.models import Heartbeat

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


async def test_the_reply_goes_on_after_the_student_left(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.05
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    await chat.until("started")
    await chat.close()
    back = await open_chat(student, talk, resume=True)
    assert (await back.until("done"))[-1]["status"] == "complete"


async def test_the_text_so_far_is_saved_while_the_reply_runs(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    await chat.until("delta")
    async with asyncio.timeout(PATIENCE):
        while not (turn := await Turn.objects.aget()).partial_text:  # noqa: ASYNC110  (a moment)
            await asyncio.sleep(0.02)
    assert turn.status == "streaming"


async def test_a_drain_finishes_running_replies_then_closes_so_that_clients_reconnect(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any, other_student: User
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.1
    busy, idle = await open_chat(student, talk), await open_chat(student, await in_database(another, student))
    await busy.say("Tell me about the rent")
    await busy.until("started")
    draining = asyncio.create_task(engine.drain())
    assert await idle.frame() == {"closed": 1012}
    assert engines.check_serving()
    await busy.say("One more")
    assert (await busy.until("error"))[-1]["code"] == "provider_unavailable"
    assert (await busy.until("done"))[-1]["status"] == "complete"
    assert await busy.frame() == {"closed": 1012}
    await draining
    assert not await Heartbeat.objects.filter(pk=engine.process_id).aexists()
    newcomer = Chat(talk.pk, await in_database(sign_in, student))
    assert await newcomer.open() == {"closed": 1012}


async def test_a_drain_that_takes_too_long_interrupts_the_reply_and_keeps_its_text(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.3
    quick.DRAIN_SECONDS = 0.1
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    await chat.until("delta")
    await engine.drain()
    turn = await Turn.objects.aget()
    assert (turn.status, turn.error) == ("interrupted", "server_stopped")
    assert (await Message.objects.aget(pk=turn.reply_id)).content


async def test_a_send_that_the_database_does_not_take_is_never_acknowledged(
    open_chat: OpenChat, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await open_chat(student, talk)

    def away(**_: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(consumers, "accept", away)
    key = await chat.say("Hello")
    error = await chat.frame()
    assert (error["type"], error["client_key"]) == ("error", key)

    monkeypatch.setattr(consumers, "bring_up_to_date", lambda *_: away())
    await chat.send(type="resume", after=0)
    assert (await chat.frame())["type"] == "error"


async def test_a_turn_that_breaks_in_our_own_code_is_ended_and_the_engine_goes_on(
    chat: Any, api: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clients.voices import speaking

    def broken(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(speaking, "parameters", broken)
        done = await ended(chat)
    assert (done["status"], (await Turn.objects.aget()).error) == ("failed", "server")
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("done"))[-1]["status"] == "complete"


async def test_a_reply_is_written_down_when_the_database_comes_back(
    open_chat: OpenChat, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await open_chat(student, talk)
    tries = []

    def away_at_first(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("the server closed the connection")
        return finish(*arguments)

    monkeypatch.setattr(runner, "finish", away_at_first)
    await chat.say("Hello")
    assert (await chat.until("done"))[-1]["status"] == "complete"
    assert len(tries) == 3


async def test_a_broken_socket_does_not_stop_the_turn_or_the_others(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session
) -> None:
    good, bad = await open_chat(student, talk), await open_chat(student, talk, resume=True)
    await bad.send(type="ping")
    await bad.until("pong")
    broken = next(viewer for viewer in engine.hub.of(talk.pk) if viewer.resumed)

    async def fails(*_: Any, **__: Any) -> None:
        raise ConnectionResetError

    broken.send.__self__.send = fails  # type: ignore[attr-defined]  # the consumer behind the viewer
    await good.say("Hello")
    assert (await good.until("done"))[-1]["status"] == "complete"
    assert broken not in engine.hub.of(talk.pk)


async def test_a_round_of_the_watch_that_fails_doubts_everybody_again(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from conversations.live import watch

    chat = await open_chat(student, talk)
    await asyncio.sleep(0.2)

    def away(_viewers: Any) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(watch, "still_allowed", away)

        def change_password() -> None:
            student.set_password("another-word-2")
            student.save()

        await in_database(change_password)
        await asyncio.sleep(0.3)
    assert await chat.frame() == {"closed": 4410}


async def test_a_round_of_the_engine_that_fails_is_logged_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = []

    async def fails() -> None:
        calls.append(1)
        raise OperationalError("away")

    with caplog.at_level("ERROR", "rapport.engine"):
        task = asyncio.create_task(engines._every(0.01, fails))
        async with asyncio.timeout(PATIENCE):
            while len(calls) < 2:  # noqa: ASYNC110  (a moment)
                await asyncio.sleep(0.01)
        task.cancel()
    assert len(calls) > 1
    assert "will try again" in caplog.text


@pytest.fixture
async def slowly(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Accepting takes its time; set once it has begun."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def accept(**arguments: Any) -> accepting.Accepted:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.4)
        return accepting.accept(**arguments)

    monkeypatch.setattr(consumers, "accept", accept)
    return begun


async def test_a_drain_waits_for_a_send_that_is_being_accepted_and_for_its_reply(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, slowly: asyncio.Event
) -> None:
    chat = await open_chat(student, talk)
    await chat.say("Hello")
    await slowly.wait()
    draining = asyncio.create_task(engine.drain())
    assert engine.runner.accepting_in == {talk.pk}
    # The socket, too, stays for the end of the reply.
    assert (await chat.until("done"))[-1]["status"] == "complete"
    await draining
    assert not engine.runner.accepting_in


async def test_a_send_whose_socket_is_taken_away_while_it_is_accepted_is_answered_all_the_same(
    engine: Engine, student: User, talk: Session, slowly: asyncio.Event
) -> None:
    chat = Chat(talk.pk, await in_database(sign_in, student))
    assert (await chat.open())["type"] == "hello"
    await chat.say("Hello")
    await slowly.wait()
    # As the server does with a socket that has been closed for a while.
    chat.socket.future.cancel()
    await engine.runner.drain(PATIENCE)
    assert (await Turn.objects.aget()).status == "complete"
    assert (await Message.objects.filter(role="client").aget()).status == "complete"


async def test_a_send_of_a_socket_that_breaks_in_that_moment_is_answered_all_the_same(
    engine: Engine, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat(talk.pk, await in_database(sign_in, student))
    assert (await chat.open())["type"] == "hello"

    def gone(_message: Message) -> str:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(protocol, "accepted", gone)
        await chat.say("Hello")
        with pytest.raises(ConnectionResetError):
            await chat.until("done")
    await engine.runner.drain(PATIENCE)
    assert (await Turn.objects.aget()).status == "complete"
