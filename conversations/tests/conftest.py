"""A second client, a rubric, an engine in the test's own event loop, sockets to it, and a provider on this machine."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import transaction
from django.test import Client as Browser

from accounts.models import User
from bench.standin import StandIn, running_standin
from clients.models import ClientProfile
from config.asgi import application
from conftest import make_client
from conversations import rubrics, sessions
from conversations.live import engine as engines
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Rubric, Session, Turn
from conversations.tests.rubrics import listening
from conversations.turns import accept as accepting
from monitoring.models import Reservation

OpenChat = Callable[..., Any]


class Chat:
    """A plain client of the chat socket: it knows protocol 1 and a sign-in cookie, nothing else."""

    def __init__(self, session_id: uuid.UUID | str, cookie: str = "", origin: str = "http://127.0.0.1") -> None:
        headers = [(b"origin", origin.encode()), (b"host", b"127.0.0.1")]
        if cookie:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        self.socket = WebsocketCommunicator(application, f"/ws/sessions/{session_id}/", headers=headers)

    async def open(self) -> dict[str, Any]:
        """Connect and return the first frame, or {"closed": code}."""
        accepted, _subprotocol = await self.socket.connect(timeout=5)
        assert accepted
        return await self.frame()

    async def frame(self, within: float = 5) -> dict[str, Any]:
        """The next frame, or {"closed": code} when the server closes."""
        event = await self.socket.receive_output(within)
        if event["type"] == "websocket.close":
            return {"closed": event.get("code")}
        frame: dict[str, Any] = json.loads(event["text"])
        return frame

    async def until(self, kind: str, within: float = 5) -> list[dict[str, Any]]:
        """All frames up to and with the first of this type."""
        frames: list[dict[str, Any]] = []
        async with asyncio.timeout(within):
            while not frames or (frames[-1].get("type") != kind and "closed" not in frames[-1]):
                frames.append(await self.frame(within))
        assert frames[-1].get("type") == kind, frames
        return frames

    async def send(self, **frame: Any) -> None:
        """Send a frame."""
        await self.socket.send_to(text_data=json.dumps(frame))

    async def say(self, text: str, key: uuid.UUID | None = None) -> str:
        """Send a message; its key."""
        key = key or uuid.uuid4()
        await self.send(type="send", client_key=str(key), text=text)
        return str(key)

    async def quiet(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for so long."""
        return await self.socket.receive_nothing(timeout=seconds)

    async def close(self) -> None:
        """Leave."""
        await self.socket.disconnect()


def sign_in(user: User) -> str:
    """The session cookie of this person, signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def quick(settings: Any) -> Any:
    """Clocks that tick fast enough for a test; the rules are the same."""
    settings.SCRIPTED_PIECE_SECONDS = 0.005
    settings.WATCH_SECONDS = 0.05
    settings.CHECKPOINT_SECONDS = 0.05
    settings.HEARTBEAT_SECONDS = 0.1
    settings.HEARTBEAT_DEAD_SECONDS = 0.6
    settings.DELTA_JOIN_SECONDS = 0.01
    settings.BACKOFF_FIRST_SECONDS = 0.01
    return settings


@pytest.fixture
async def engine(transactional_db: None, quick: Any) -> AsyncIterator[Engine]:
    """The engine of this test's event loop, stopped at its end."""
    running = await engines.engine()
    yield running
    await running.runner.drain(5)
    await running.stop()
    engines._engines.clear()


@pytest.fixture
def second(teacher: User) -> ClientProfile:
    """Another client of the teacher."""
    return make_client(teacher, "Robert Hale")


@pytest.fixture
def rubric(teacher: User) -> Rubric:
    """The teacher's own: one criterion of a quarter, one of three quarters."""
    return rubrics.create_rubric(by=teacher, value=listening())


@pytest.fixture
def talk(transactional_db: None, student: User, client_profile: ClientProfile) -> Session:
    """A practice session of the student with the teacher's client."""
    sessions.accept_notice(by=student)
    return sessions.start(by=student, client=client_profile)


@pytest.fixture
async def open_chat(engine: Engine) -> AsyncIterator[OpenChat]:
    """Opens chats and closes them at the end: `await open_chat(user, session)`."""
    chats: list[Chat] = []

    async def open_one(user: User, session: Session, *, resume: bool = False) -> Chat:
        chat = Chat(session.pk, await in_database(sign_in, user))
        hello = await chat.open()
        assert hello["type"] == "hello", hello
        if resume:
            await chat.send(type="resume", after=0)
        chats.append(chat)
        return chat

    yield open_one
    for chat in chats:
        await chat.close()


@pytest.fixture
def api() -> Iterator[StandIn]:
    """A stand-in for the provider: five quick words a reply."""
    with running_standin(tokens=5, delay=5, ttft=5) as api:
        yield api


@pytest.fixture
def claude_talk(api: StandIn, quick: Any, prices: None, student: User, client_profile: ClientProfile) -> Session:
    """A practice session that Claude speaks in."""
    quick.ANTHROPIC_API_KEY = "test-key"
    quick.ANTHROPIC_BASE_URL = api.url
    quick.REPLY_FIRST_TEXT_SECONDS = 1.0
    quick.REPLY_SILENCE_SECONDS = 0.4
    quick.REPLY_TOTAL_SECONDS = 1.5
    sessions.accept_notice(by=student)
    return sessions.start(by=student, client=client_profile)


@pytest.fixture
async def chat(open_chat: OpenChat, student: User, claude_talk: Session) -> Any:
    """The student's chat with Claude."""
    return await open_chat(student, claude_talk)


async def ended(chat: Any, text: str = "Hello") -> dict[str, Any]:
    """Say this; the end of the reply, after which no money is held and no turn runs."""
    await chat.say(text)
    done: dict[str, Any] = (await chat.until("done"))[-1]
    assert not await Reservation.objects.filter(state="held").aexists()
    assert not await Turn.objects.running().aexists()
    return done


@transaction.atomic
def orphan(student: User, talk: Session, owner: uuid.UUID | None, text: str) -> accepting.Accepted:
    """A turn of an owner who is not at it; whole at once, since the engine's own rounds look for such."""
    accepted = accepting.accept(
        by=student, session_id=talk.pk, client_key=uuid.uuid4(), text="Hello", owner=owner or uuid.uuid4()
    )
    if not owner:
        Turn.objects.update(status="accepted", owner=None)
    if text:
        Turn.objects.update(status="streaming", partial_text=text, partial_index=3)
    return accepted


def another(student: User) -> Session:
    """One more practice session of the student, with a client of its own."""
    return sessions.start(by=student, client=make_client(None, name="Another One"))
