"""The suite's student shows what any page that follows protocol 1 would show, over any number of connections."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import hypothesis
import hypothesis.strategies as st
import pytest
from aiohttp import web

from bench.faults import student as students
from bench.faults.student import Frame, Line, Seat, Student, Talk

REPLY = "r1"
Script = Callable[[web.WebSocketResponse, int], Awaitable[None]]


def delta(index: int, text: str = "a") -> Frame:
    return {"type": "delta", "message": REPLY, "index": index, "text": text}


def accepted(key: str, sequence: int = 1) -> Frame:
    return {"type": "accepted", "client_key": key, "id": "m1", "sequence": sequence}


def done(text: str, sequence: int = 2, status: str = "complete") -> Frame:
    return {"type": "done", "message": REPLY, "sequence": sequence, "status": status, "text": text, "usage": {}}


def message(sequence: int, text: str = "Hello", role: str = "student", **more: object) -> Frame:
    return {
        "type": "message", "id": f"m{sequence}", "sequence": sequence, "role": role, "text": text,
        "status": "complete", "created_at": "", **more,
    }  # fmt: skip


def test_deltas_in_order_make_the_text_and_the_end_replaces_it() -> None:
    talk = Talk()
    for number, piece in enumerate(("I ", "don't ", "know."), start=1):
        assert talk.take(delta(number, piece)) == []
    assert talk.running[REPLY].text == "I don't know."
    talk.take(done("I don't know.", sequence=1))
    assert talk.lines == {1: Line(REPLY, "client", "I don't know.", "complete")}
    assert talk.running == {}


def test_a_gap_asks_to_be_brought_up_to_date_and_the_snapshot_heals_it() -> None:
    talk = Talk()
    talk.take(delta(1, "I "))
    assert talk.take(delta(3, "know.")) == [{"type": "resume", "after": 0}]
    talk.take({"type": "snapshot", "message": REPLY, "index": 3, "text": "I don't know."})
    assert talk.take(delta(3, "know.")) == []
    talk.take(delta(4, " Do you?"))
    assert talk.running[REPLY].text == "I don't know. Do you?"


@hypothesis.given(st.data())
def test_whatever_is_lost_on_the_way_the_text_is_right_after_the_snapshot(data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=12))
    talk = Talk()
    for index, piece in enumerate(pieces, start=1):
        if data.draw(st.booleans()):
            continue
        if talk.take(delta(index, piece)):
            talk.take({"type": "snapshot", "message": REPLY, "index": index, "text": "".join(pieces[:index])})
    shown = talk.running.get(REPLY)
    assert shown is None or shown.text == "".join(pieces[: shown.index])


def test_what_is_not_answered_is_said_again_on_a_new_connection_and_what_is_acked_is_not() -> None:
    talk = Talk()
    first, second = (talk.say(key, key)["client_key"] for key in ("k1", "k2"))
    talk.take(accepted(first))
    assert talk.greeting() == [
        {"type": "resume", "after": 1},
        {"type": "send", "client_key": second, "text": "k2"},
    ]
    assert talk.acked == {"k1": ("m1", 1, "k1")}


def test_a_refused_send_is_kept_with_its_reason_and_may_be_said_again() -> None:
    talk = Talk()
    talk.say("k1", "Hello")
    refusal = {"type": "error", "code": "rate_limited", "detail": "Wait.", "client_key": "k1"}
    talk.take(refusal)
    talk.take({"type": "error", "code": "invalid", "detail": "Something else."})
    assert (talk.unsent, talk.refused) == ({}, {"k1": refusal})
    talk.say("k1", "Hello")
    assert talk.refused == {}


def test_a_hole_is_asked_for_from_its_beginning_and_a_cut_list_is_asked_for_again() -> None:
    talk = Talk()
    talk.take(message(1))
    talk.take(message(3))
    assert talk.held == 1
    assert talk.take(message(2, more=True)) == [{"type": "resume", "after": 3}]
    assert talk.conflicts == 0
    talk.take(message(2, "Something else"))
    assert talk.conflicts == 1


def test_the_reply_to_something_is_the_first_from_the_client_behind_it() -> None:
    talk = Talk()
    for frame in (message(1), message(2, "Well.", "client"), message(3), done("Yes.", sequence=4)):
        talk.take(frame)
    assert [line and line.text for line in map(talk.reply_after, (0, 2, 4))] == ["Well.", "Yes.", None]


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    """A server that follows the script for each connection, numbered from 0; its address."""
    numbers = iter(range(1_000))

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await script(socket, next(numbers))
        return socket

    app = web.Application()
    app.router.add_get("/ws", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        yield f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def a_student(*addresses: str) -> AsyncIterator[Student]:
    async with aiohttp.ClientSession() as http:
        student = Student(http, Seat(uuid.uuid4(), uuid.uuid4(), "/ws", "sessionid=1"), addresses)
        try:
            yield await student.open(10)
        finally:
            await student.close()


HELLO = {"type": "hello", "protocol": 1, "session": "s", "status": "active", "last_sequence": 0}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(students, "RETRY_FIRST", 0.02)


async def test_a_student_comes_back_and_says_again_what_was_not_acked() -> None:
    heard: list[Frame] = []

    async def script(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(HELLO)
        async for item in socket:
            frame = json.loads(item.data)
            if frame["type"] != "send":
                continue
            heard.append(frame)
            if number == 0:
                await socket.close(code=1012)
                return
            await socket.send_json(accepted(frame["client_key"]))
            await socket.send_json(done("Well."))

    async with serving(script) as address, a_student("127.0.0.1:1", address) as student:
        reply = await student.say("Hello", seconds=10)
        assert reply == Line(REPLY, "client", "Well.", "complete")
        assert student.closes == [1012]
        assert len(student.away) == 1
    assert len({frame["client_key"] for frame in heard}) == 1
    assert len(heard) >= 2


@pytest.mark.parametrize("code", [4401, 4404, 4410])
async def test_a_student_who_was_shown_out_does_not_come_back(code: int) -> None:
    visits: list[int] = []

    async def script(socket: web.WebSocketResponse, number: int) -> None:
        visits.append(number)
        await socket.close(code=code)

    async with serving(script) as address, a_student(address) as student:
        await asyncio.sleep(0.2)
        assert student.over == code
        assert await student.say("Hello", seconds=0.1) is None
    assert visits == [0]


async def test_to_insist_is_to_say_the_same_again_until_it_is_taken() -> None:
    keys: list[str] = []

    async def script(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(HELLO)
        async for item in socket:
            frame = json.loads(item.data)
            if frame["type"] == "send":
                keys.append(frame["client_key"])
                if len(keys) == 1:
                    refusal = {
                        "type": "error",
                        "code": "provider_unavailable",
                        "detail": "Wait.",
                        "client_key": keys[0],
                    }
                    await socket.send_json(refusal)
                else:
                    await socket.send_json(accepted(keys[0]))
                    await socket.send_json(done("Well."))

    async with serving(script) as address, a_student(address) as student:
        reply = await student.say("Hello", insist=True, seconds=10)
        assert reply is not None
        assert keys == [keys[0]] * 2
