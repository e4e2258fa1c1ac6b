"""A second client, a rubric, an engine in the test's own event loop, sockets to it, and providers on this machine."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import transaction
from django.test import Client as Browser

from accounts.models import Section, SectionTeacher, User
from bench.standin import StandIn, running_standin
from clients.models import ClientProfile
from config.asgi import application
from conftest import make_client, make_user
from conversations import rubrics, sessions
from conversations.evaluation import calibration
from conversations.live import engine as engines
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Rubric, Session, Turn
from conversations.tests.evaluated import judgement
from conversations.tests.everything import OTHER, WORD, make_student, practise, write_about
from conversations.tests.rubrics import listening
from conversations.turns import accept as accepting
from monitoring.models import Reservation

OpenChat = Callable[..., Any]

# Seconds for what takes milliseconds: a busy machine is no reason to fail.
PATIENCE = 60.0


class Chat:
    """A plain client of the chat socket: it knows protocol 1 and a sign-in cookie, nothing else."""

    def __init__(self, session_id: uuid.UUID | str, cookie: str = "", origin: str = "http://127.0.0.1") -> None:
        headers = [(b"origin", origin.encode()), (b"host", b"127.0.0.1")]
        if cookie:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        self.socket = WebsocketCommunicator(application, f"/ws/sessions/{session_id}/", headers=headers)
        self.unread: list[dict[str, Any]] = []

    async def open(self) -> dict[str, Any]:
        """Connect and return the first frame, or {"closed": code}."""
        accepted, _subprotocol = await self.socket.connect(timeout=PATIENCE)
        assert accepted
        return await self.frame()

    async def resume(self, after: int = 0) -> None:
        """Ask for everything after that message; when this returns, what happens next is live news."""
        await self.send(type="resume", after=after)
        await self.send(type="ping")
        *self.unread, _pong = await self.until("pong")

    async def frame(self, within: float = PATIENCE) -> dict[str, Any]:
        """The next frame, or {"closed": code} when the server closes."""
        if self.unread:
            return self.unread.pop(0)
        event = await self.socket.receive_output(within)
        if event["type"] == "websocket.close":
            return {"closed": event.get("code")}
        frame: dict[str, Any] = json.loads(event["text"])
        return frame

    async def until(self, kind: str, within: float = PATIENCE) -> list[dict[str, Any]]:
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
        return not self.unread and await self.socket.receive_nothing(timeout=seconds)

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
    """Clocks that tick fast enough for a test; the rules are the same.

    A process counts as dead no sooner than always: a machine that stands still for a moment kills nobody.
    """
    settings.SCRIPTED_PIECE_SECONDS = 0.005
    settings.WATCH_SECONDS = 0.05
    settings.CHECKPOINT_SECONDS = 0.05
    settings.HEARTBEAT_SECONDS = 0.1
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
def colleague(section: Section) -> User:
    """Teaches the section too."""
    colleague = make_user("colleague", User.Role.TEACHER)
    SectionTeacher.objects.create(section=section, teacher=colleague)
    return colleague


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
            await chat.resume()
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
def judge(settings: Any) -> Iterator[StandIn]:
    """A model that judges both criteria: 3 and 2, with one true quote each."""
    settings.BACKOFF_FIRST_SECONDS, settings.BACKOFF_MAX_SECONDS = 0.01, 0.02
    settings.REPLY_FIRST_TEXT_SECONDS = settings.REPLY_SILENCE_SECONDS = PATIENCE
    settings.JOB_SLICE_SECONDS = 60
    with running_standin(text=judgement(3, 2), ttft=1, delay=0) as api:
        settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "test-key", api.url
        yield api


@pytest.fixture
def one_slice(settings: Any) -> None:
    """Drafts are made in one turn of a worker; nothing is kept of how those of the test before agreed."""
    settings.JOB_SLICE_SECONDS = 60
    calibration._hidden.cache_clear()


@pytest.fixture
def claude_talk(api: StandIn, quick: Any, prices: None, student: User, client_profile: ClientProfile) -> Session:
    """A practice session that Claude speaks in."""
    quick.ANTHROPIC_API_KEY = "test-key"
    quick.ANTHROPIC_BASE_URL = api.url
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


@pytest.fixture
def admin(db: None) -> User:
    """A school admin."""
    return make_user("school-admin", User.Role.ADMIN)


@pytest.fixture
def two(media: Path, section: Section, client_profile: ClientProfile, teacher: User, admin: User, prices: None) -> User:
    """A student with a row in every table, and another one with as much."""
    for word in (WORD, OTHER):
        student = make_student(word, section)
        talk = practise(student, client_profile, word)
        write_about(student, talk, teacher, admin, word)
    return User.objects.get(email=f"{WORD}@example.com")
