"""The portal as it is really run: `manage.py serve`, a plain websocket client, signals and kills."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.standin import running_standin
from config.tests.portal import BASE, Portal, Visitor, free_port, running_portal

pytestmark = pytest.mark.servers

Chat = aiohttp.ClientWebSocketResponse


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as portal:
        yield portal


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Any]]:
    """Opens a chat as somebody's browser would: with the session cookie and the page's origin."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def open_one(portal: Portal, visitor: Visitor, path: str, **headers: str) -> Chat:
            url = portal.url.replace("http", "ws") + path
            return await http.ws_connect(url, headers={"Cookie": visitor.cookie, "Origin": portal.url, **headers})

        yield open_one


def begin(portal: Portal) -> tuple[Visitor, str]:
    """Sign in as the demo student, start the first client there is; the visitor and the path of the chat's socket."""
    visitor = portal.visitor().sign_in("student")
    page = visitor.get("/practice/")[2]
    client = re.search(r"/practice/([0-9a-f-]{36})/", page)
    assert client
    _status, url, chat = visitor.post(f"/practice/{client[1]}/start/", "/practice/", agree="yes")
    assert re.search(r"/sessions/[0-9a-f-]{36}/$", url)
    path = re.search(r'data-socket="([^"]+)"', chat)
    assert path
    return visitor, path[1]


async def hear(chat: Chat, kind: str, within: float = 60) -> list[dict[str, Any]]:
    """Frames up to and with the first of this type."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(within):
        while not frames or frames[-1]["type"] != kind:
            message = await chat.receive()
            assert message.type == aiohttp.WSMsgType.TEXT, (message, chat.close_code)
            frames.append(json.loads(message.data))
    return frames


async def say(chat: Chat, text: str) -> None:
    await chat.send_json({"type": "send", "client_key": str(uuid.uuid4()), "text": text})


async def test_a_plain_client_that_knows_only_the_protocol_holds_a_conversation(
    portal: Portal, connect: Callable[..., Any]
) -> None:
    visitor, path = await asyncio.to_thread(begin, portal)
    chat = await connect(portal, visitor, path)
    assert (await hear(chat, "hello"))[0]["protocol"] == 1
    for text in ("Hello, my name is Alex.", "What brings you here today?"):
        await say(chat, text)
        done = (await hear(chat, "done"))[-1]
        assert done["status"] == "complete"
        assert done["text"]
    await chat.close()


async def test_frames_that_are_too_big_close_their_own_socket_only(portal: Portal, connect: Callable[..., Any]) -> None:
    visitor, path = await asyncio.to_thread(begin, portal)
    big, other = await connect(portal, visitor, path), await connect(portal, visitor, path)
    await hear(big, "hello")
    await hear(other, "hello")
    await big.send_str("x" * 2 * 2**20)
    message = await big.receive(timeout=60)
    assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
    assert big.close_code == 1009
    await other.send_json({"type": "ping"})
    assert (await hear(other, "pong"))[-1] == {"type": "pong"}
    await other.close()


@pytest.mark.parametrize("origin", ["null", "https://elsewhere.example", ""])
async def test_a_page_of_another_site_cannot_open_a_chat(
    portal: Portal, connect: Callable[..., Any], origin: str
) -> None:
    visitor, path = await asyncio.to_thread(begin, portal)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await connect(portal, visitor, path, Origin=origin)
    assert refusal.value.status in {400, 403}


def test_every_page_forbids_foreign_and_inline_code(portal: Portal) -> None:
    import urllib.request

    with urllib.request.urlopen(portal.url + "/accounts/login/") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


async def test_a_killed_server_loses_no_acknowledged_word_and_its_reply_can_be_tried_again(
    tmp_path: Path, connect: Callable[..., Any]
) -> None:
    quick = {"HEARTBEAT_SECONDS": "0.3", "HEARTBEAT_DEAD_SECONDS": "1.5", "CHECKPOINT_SECONDS": "0.1"}
    with running_portal(tmp_path, SCRIPTED_PIECE_SECONDS="0.5", **quick) as portal:
        visitor, path = await asyncio.to_thread(begin, portal)
        chat = await connect(portal, visitor, path)
        await say(chat, "What brings you here today?")
        started = (await hear(chat, "started"))[-1]
        await hear(chat, "delta")
        await asyncio.sleep(2)  # many checkpoints
        await asyncio.to_thread(portal.stop, signal.SIGKILL)
        await asyncio.to_thread(portal.start)

        again = await connect(portal, visitor, path)
        reply: dict[str, Any] = {}
        while not reply:
            # The reaper may end the turn before or after we look: a stored message, or its `done`.
            await again.send_json({"type": "resume", "after": 0})
            await again.send_json({"type": "ping"})
            seen = await hear(again, "pong")
            ends = [f for f in seen if started["message"] in {f.get("id"), f["type"] == "done" and f["message"]}]
            reply = ends[0] if ends else {}
            await asyncio.sleep(0.3)
        assert reply["status"] == "interrupted"
        assert reply["text"]
        await again.send_json({"type": "retry", "message": started["message"]})
        done = {"message": started["message"]}
        while done["message"] == started["message"]:
            done = (await hear(again, "done"))[-1]
        assert done["status"] == "complete"
        await again.close()


async def test_a_server_told_to_stop_finishes_its_replies_and_closes_so_that_clients_come_back(
    tmp_path: Path, connect: Callable[..., Any]
) -> None:
    with running_portal(tmp_path, SCRIPTED_PIECE_SECONDS="0.1") as portal:
        visitor, path = await asyncio.to_thread(begin, portal)
        chat = await connect(portal, visitor, path)
        await say(chat, "What brings you here today?")
        await hear(chat, "started")
        stopping = asyncio.create_task(asyncio.to_thread(portal.stop))
        assert (await hear(chat, "done"))[-1]["status"] == "complete"
        message = await chat.receive(timeout=60)
        assert message.type == aiohttp.WSMsgType.CLOSE
        assert chat.close_code == 1012
        assert await stopping == 0


async def test_the_same_conversation_runs_through_any_server_that_speaks_the_messages_protocol(
    tmp_path: Path, connect: Callable[..., Any]
) -> None:
    with (
        running_standin(text="I would rather not say.", ttft=5, delay=5) as api,
        running_portal(tmp_path, ANTHROPIC_API_KEY="test-key", ANTHROPIC_BASE_URL=api.url) as portal,
    ):
        visitor, path = await asyncio.to_thread(begin, portal)
        chat = await connect(portal, visitor, path)
        await say(chat, "What brings you here today?")
        assert (await hear(chat, "done"))[-1]["text"] == "I would rather not say."
        await chat.close()
        request = api.requests()[-1]["body"]
        assert request["model"] == "claude-haiku-5-5"
        assert request["messages"][-1]["content"][0]["text"] == "What brings you here today?"


async def test_a_reply_that_is_larger_than_what_the_server_takes_still_arrives_whole(
    tmp_path: Path, connect: Callable[..., Any]
) -> None:
    long = ("\U0001f4ac" * 300 + " ") * 200
    with (
        running_standin(text=long, ttft=1, delay=0) as api,
        running_portal(
            tmp_path, ANTHROPIC_API_KEY="test-key", ANTHROPIC_BASE_URL=api.url, REPLY_MAX_CHARACTERS="100000"
        ) as portal,
    ):
        visitor, path = await asyncio.to_thread(begin, portal)
        chat = await connect(portal, visitor, path)
        await say(chat, "What brings you here today?")
        assert (await hear(chat, "done"))[-1]["text"] == long
        await chat.close()


def test_the_demo_starts_everything_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "HOME", "COV", "LANG"))}
    env = {**kept, "DEMO": "true", "DATA_DIR": str(tmp_path), "WORKER_PULSE_SECONDS": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "manage.py", "demo", "--port", str(port)]
    demo = subprocess.Popen(
        command, cwd=BASE, env={**env, "DJANGO_SETTINGS_MODULE": "config.settings"}, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        ready = wait_for(lambda: "ok" in Visitor(f"http://127.0.0.1:{port}").get("/readyz")[2].partition("worker")[2])
        assert ready, "the worker never answered"
        taken = subprocess.run(
            command, cwd=BASE, env={**env, "DJANGO_SETTINGS_MODULE": "config.settings"}, capture_output=True, text=True,
            check=False, timeout=180,
        )  # fmt: skip
        assert taken.returncode != 0
        assert "taken" in taken.stderr
    finally:
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=180)
    assert "student@example.com" in output
    assert demo.returncode == 0
    assert not left_behind(str(tmp_path))


def test_a_demo_whose_server_dies_ends_as_a_whole(tmp_path: Path) -> None:
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "HOME", "COV", "LANG"))}
    env = {**kept, "DEMO": "true", "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    demo = subprocess.Popen([sys.executable, "manage.py", "demo", "--port", str(port)], cwd=BASE, env=env)
    assert wait_for(lambda: Visitor(f"http://127.0.0.1:{port}").get("/healthz")[0] == 200)
    server = next(pid for pid, line in left_behind(str(tmp_path)).items() if " serve " in line)
    os.kill(server, signal.SIGKILL)
    assert demo.wait(180) == 1
    assert not left_behind(str(tmp_path))


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> bool:
    """Whether the condition becomes true in time; a refused connection is not yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


def left_behind(data_dir: str) -> dict[int, str]:
    """Processes whose environment names this data directory, with their command lines."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DATA_DIR={data_dir}".encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found
