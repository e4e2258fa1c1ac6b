"""A student's browser without a screen: it speaks protocol 1, comes back by itself and remembers what was acked."""

import asyncio
import collections
import contextlib
import dataclasses
import json
import random
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

Frame = dict[str, Any]
FINAL_CLOSES = {4401, 4404, 4410}
RETRY_FIRST, RETRY_MOST = 0.5, 8.0
PONG_WITHIN = 10.0


@dataclasses.dataclass(frozen=True)
class Seat:
    """Whose session this is, and the Cookie header that opens its socket."""

    user: uuid.UUID
    session: uuid.UUID
    path: str
    cookie: str


@dataclasses.dataclass(frozen=True)
class Line:
    """One stored message as a student holds it."""

    id: str
    role: str
    text: str
    status: str


@dataclasses.dataclass
class Running:
    """A reply on its way: the text up to and with delta `index`."""

    index: int = 0
    text: str = ""


class Talk:
    """What a student's page shows, made of nothing but frames. Pure."""

    def __init__(self) -> None:
        self.lines: dict[int, Line] = {}
        self.running: dict[str, Running] = {}
        self.unsent: dict[str, str] = {}
        self.acked: dict[str, tuple[str, int, str]] = {}
        self.refused: dict[str, Frame] = {}
        self.status = ""
        self.kinds: collections.Counter[str] = collections.Counter()
        # Messages that came again as something else: another id or other words under the same number.
        self.conflicts = 0
        self.last_text_at = 0.0

    @property
    def held(self) -> int:
        """The last number up to which nothing is missing."""
        number = 0
        while number + 1 in self.lines:
            number += 1
        return number

    def say(self, key: str, text: str) -> Frame:
        """The frame that says this; until it is answered it is sent again on every new connection."""
        self.unsent[key] = text
        self.refused.pop(key, None)
        return {"type": "send", "client_key": key, "text": text}

    def greeting(self) -> list[Frame]:
        """What a new connection begins with: being brought up to date, and what is not answered yet."""
        again = [{"type": "send", "client_key": key, "text": text} for key, text in self.unsent.items()]
        return [{"type": "resume", "after": self.held}, *again]

    def take(self, frame: Frame) -> list[Frame]:
        """Take in one frame; what to answer, if anything."""
        kind = frame["type"]
        self.kinds[kind] += 1
        match kind:
            case "accepted":
                self._accepted(frame)
            case "error" if frame.get("client_key") in self.unsent:
                del self.unsent[frame["client_key"]]
                self.refused[frame["client_key"]] = frame
            case "message":
                self._store(frame["sequence"], Line(frame["id"], frame["role"], frame["text"], frame["status"]))
                if frame.get("more"):
                    return [{"type": "resume", "after": self.held}]
            case "started":
                self.running.setdefault(frame["message"], Running())
            case "delta":
                return self._delta(frame)
            case "snapshot":
                self.running[frame["message"]] = Running(frame["index"], frame["text"])
            case "done":
                self.running.pop(frame["message"], None)
                self._store(frame["sequence"], Line(frame["message"], "client", frame["text"], frame["status"]))
            case "session" | "hello":
                self.status = frame["status"]
        if kind in {"delta", "snapshot", "done"}:
            self.last_text_at = time.monotonic()
        return []

    def _accepted(self, frame: Frame) -> None:
        key = frame["client_key"]
        text = self.unsent.pop(key, None)
        if text is not None:
            self.acked[key] = (frame["id"], frame["sequence"], text)
            self._store(frame["sequence"], Line(frame["id"], "student", text, "complete"))

    def _delta(self, frame: Frame) -> list[Frame]:
        self.last_text_at = time.monotonic()
        shown = self.running.setdefault(frame["message"], Running())
        if frame["index"] == shown.index + 1:
            shown.index, shown.text = frame["index"], shown.text + frame["text"]
        elif frame["index"] > shown.index:
            return [{"type": "resume", "after": self.held}]
        return []

    def _store(self, sequence: int, line: Line) -> None:
        before = self.lines.get(sequence)
        if before and (before.id, before.text) != (line.id, line.text):
            self.conflicts += 1
        self.lines[sequence] = line
        self.running.pop(line.id, None)

    def reply_after(self, sequence: int) -> Line | None:
        """The first finished reply behind that number."""
        later = (number for number, line in self.lines.items() if number > sequence and line.role == "client")
        number = min(later, default=None)
        return self.lines[number] if number else None


class Student:
    """One open page: a socket that comes back with back-off and jitter, and the talk that it shows."""

    def __init__(self, http: aiohttp.ClientSession, seat: Seat, addresses: Sequence[str], first: int = 0) -> None:
        """`addresses` (host:port) are tried in turn, beginning with number `first`."""
        self.http, self.seat, self.addresses, self.at = http, seat, addresses, first
        self.talk = Talk()
        self.closes: list[int | None] = []
        self.away: list[float] = []  # seconds from a close to the next greeting
        self.over: int | None = None
        self.closed_at = 0.0
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.reading = asyncio.Event()
        self.reading.set()
        self._news = asyncio.Event()
        self._page: asyncio.Task[None] | None = None

    async def open(self, seconds: float = 60) -> "Student":
        """Open the page and wait for the greeting."""
        self._page = asyncio.create_task(self._live())
        await self.until(lambda: bool(self.talk.kinds["hello"]) or self.over is not None, seconds)
        return self

    async def close(self) -> None:
        """Close the page."""
        if self._page:
            self._page.cancel()
            await asyncio.gather(self._page, return_exceptions=True)
        if self.socket and not self.socket.closed:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.wait_for(self.socket.close(), 2)

    async def _live(self) -> None:
        failures, lost_at = 0, 0.0
        while self.over is None:
            greeted = self.talk.kinds["hello"]
            code = await self._connection(lost_at)
            if self.talk.kinds["hello"] > greeted:
                failures, lost_at = 0, time.monotonic()
                self.closes.append(code)
                self.closed_at = lost_at
            if code in FINAL_CLOSES:
                self.over = code
            self._news.set()
            self.at += 1
            wait = min(RETRY_MOST, RETRY_FIRST * 2**failures)
            failures += 1
            if self.over is None:
                await asyncio.sleep(wait * random.uniform(0.5, 1))

    async def _connection(self, lost_at: float) -> int | None:
        """Hold one connection to its end; the close code, None where there was none."""
        address = self.addresses[self.at % len(self.addresses)]
        headers = {"Origin": f"http://{address}", "Cookie": self.seat.cookie}
        url = f"ws://{address}{self.seat.path}"
        try:
            async with asyncio.timeout(PONG_WITHIN):
                self.socket = await self.http.ws_connect(url, headers=headers, max_msg_size=0)
                hello = await self._receive()
            if hello is None:
                return self.socket.close_code
            if lost_at:
                self.away.append(time.monotonic() - lost_at)
            self._take(hello)
            for frame in self.talk.greeting():
                await self.socket.send_json(frame)
            while (news := await self._receive()) is not None:
                for answer in self._take(news):
                    await self.socket.send_json(answer)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        return self.socket.close_code

    async def _receive(self) -> Frame | None:
        assert self.socket is not None
        await self.reading.wait()
        message = await self.socket.receive()
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    def _take(self, frame: Frame) -> list[Frame]:
        answers = self.talk.take(frame)
        self._news.set()
        return answers

    async def until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait for something to become true of what this page shows; whether it did in time."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return ready()
        return True

    async def hears(self, after: int, seconds: float) -> Line | None:
        """The first finished reply behind that number; None if it does not come in time."""
        await self.until(lambda: self.talk.reply_after(after) is not None, seconds)
        return self.talk.reply_after(after)

    async def hears_a_word(self, seconds: float) -> bool:
        """Wait for the first text of a running reply; whether it came in time."""
        return await self.until(lambda: any(reply.text for reply in self.talk.running.values()), seconds)

    async def transmit(self, frame: Frame) -> None:
        """Send a frame if there is a connection; what must not be lost is in the talk and is sent again."""
        if self.socket and not self.socket.closed:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await self.socket.send_json(frame)

    async def send(self, text: str, key: str = "") -> str:
        """Say something without waiting for anything; its key."""
        key = key or str(uuid.uuid4())
        await self.transmit(self.talk.say(key, text))
        return key

    async def answered(self, key: str, seconds: float = 30) -> bool:
        """Wait until the send is acked or refused; whether it was in time."""
        return await self.until(lambda: key in self.talk.acked or key in self.talk.refused, seconds)

    async def say(self, text: str, *, insist: bool = False, seconds: float = 60) -> Line | None:
        """Say something and hear the reply out; None where it was refused or nothing came in time.

        To insist is to say the same again (under the same key) for as long as the server asks for patience.
        """
        key = await self.send(text)
        until = time.monotonic() + seconds
        await self.answered(key, seconds)
        while insist and key in self.talk.refused and time.monotonic() < until:
            await asyncio.sleep(random.uniform(0.3, 0.8))
            await self.send(text, key)
            await self.answered(key, until - time.monotonic())
        if key not in self.talk.acked:
            return None
        return await self.hears(self.talk.acked[key][1], until - time.monotonic())

    async def retry(self, reply: str, seconds: float = 60) -> Line | None:
        """Ask for a new attempt at a reply and hear it out."""
        last = max(self.talk.lines, default=0)
        await self.transmit({"type": "retry", "message": reply})
        return await self.hears(last, seconds)
