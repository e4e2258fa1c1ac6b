"""The load generator: many chats that speak the published socket protocol, and what they see of the server."""

import asyncio
import collections
import dataclasses
import json
import random
import re
import time
import uuid
from typing import Any

import aiohttp
import psutil

STAMP = re.compile(r"~(\d+):(\d+)(?::(\d+))? ")
LINES = (
    "How have you been since we last spoke?",
    "What makes you say that?",
    "It sounds like a lot. What helps, if anything?",
)


@dataclasses.dataclass(frozen=True)
class Seat:
    """Where one chat sits: its websocket, and the Cookie header that opens it."""

    url: str
    cookie: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is said: turns for each chat, seconds of thought between them, deltas in a whole reply, patience."""

    turns: int
    think: float
    tokens: int
    timeout: float
    connects_per_second: float = 100.0


@dataclasses.dataclass
class Findings:
    """What all chats of one run saw; times in milliseconds."""

    added_first: list[float] = dataclasses.field(default_factory=list)
    lag: list[float] = dataclasses.field(default_factory=list)
    whole: list[float] = dataclasses.field(default_factory=list)
    turns: int = 0
    deltas: int = 0
    frames: int = 0
    lost: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    seconds: float = 0.0
    cpu: float = 0.0
    rss_before: int = 0
    rss_idle: int = 0
    rss_peak: int = 0
    generator_share: float = 0.0
    chats: int = 0

    @property
    def cpu_per_1000(self) -> float:
        """CPU seconds of the server for a thousand relayed tokens."""
        return self.cpu / max(self.deltas, 1) * 1000

    @property
    def idle_kib(self) -> float:
        """Resident memory that one open, quiet chat adds, in KiB."""
        return (self.rss_idle - self.rss_before) / 1024 / max(self.chats, 1)

    @property
    def peak_kib(self) -> float:
        """Resident memory that one chat adds at the busiest moment, in KiB."""
        return (self.rss_peak - self.rss_before) / 1024 / max(self.chats, 1)


def share(values: list[float], percent: float) -> float:
    """The value below which that percentage of the values lies; not a number where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


class Server:
    """The server under test, as the process table sees it: one process and its children."""

    def __init__(self, pid: int) -> None:
        self.root = psutil.Process(pid)

    def usage(self) -> tuple[float, int]:
        """CPU seconds used so far, and resident bytes now."""
        cpu, memory = 0.0, 0
        for process in [self.root, *self.root.children(recursive=True)]:
            times = process.cpu_times()
            cpu += times.user + times.system
            memory += process.memory_info().rss
        return cpu, memory


def _now_us() -> int:
    return time.monotonic_ns() // 1000


class Chat:
    """One student's socket."""

    def __init__(self, seat: Seat, plan: Plan, findings: Findings) -> None:
        self.seat, self.plan, self.findings = seat, plan, findings
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    async def connect(self, http: aiohttp.ClientSession) -> None:
        """Open the socket and wait for its greeting."""
        host = self.seat.url.split("/")[2]
        headers = {"Origin": f"http://{host}"} | ({"Cookie": self.seat.cookie} if self.seat.cookie else {})
        self.socket = await http.ws_connect(self.seat.url, headers=headers, max_msg_size=0)
        frame = await self._receive()
        if frame["type"] != "hello":
            raise ConnectionError(f"{frame['type']} instead of hello")

    async def _receive(self) -> dict[str, Any]:
        assert self.socket is not None
        message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"the socket closed: {message.data}")
        frame: dict[str, Any] = json.loads(message.data)
        return frame

    async def talk(self, *, measured: bool = True) -> None:
        """All turns of this chat; a turn that goes wrong is counted by its reason and the talk goes on if it can."""
        for turn in range(self.plan.turns):
            await asyncio.sleep(
                random.uniform(0.5, 1.5) * self.plan.think if turn else random.uniform(0, self.plan.think)
            )
            self.findings.turns += 1
            try:
                async with asyncio.timeout(self.plan.timeout):
                    await self.say(LINES[turn % len(LINES)], measured=measured)
            except (TimeoutError, ConnectionError, aiohttp.ClientError) as error:
                left = self.plan.turns - turn
                self.findings.turns += left - 1
                self.findings.lost[f"{type(error).__name__} {error}"[:100]] += left
                return

    async def say(self, text: str, *, measured: bool = True) -> None:
        """One turn, from the send frame to `done`."""
        assert self.socket is not None
        key, started = str(uuid.uuid4()), _now_us()
        reply, arrived = "", ""
        await self.socket.send_str(json.dumps({"type": "send", "client_key": key, "text": text}))
        while True:
            frame = await self._receive()
            kind = frame["type"]
            if kind == "delta":
                arrived += frame["text"]
                if measured:
                    self._measure(frame["text"], started)
            elif kind == "snapshot":
                arrived = frame["text"]
            elif kind == "error":
                self.findings.lost[f"error {frame['code']}"] += 1
                return
            elif kind == "done":
                reply = frame["text"]
                break
        if measured:
            self.findings.whole.append((_now_us() - started) / 1000)
        self.judge(frame["status"], reply, arrived)

    def _measure(self, text: str, started: int) -> None:
        now = _now_us()
        self.findings.frames += 1
        for number, sent, asked in STAMP.findall(text):
            self.findings.deltas += 1
            self.findings.lag.append((now - int(sent)) / 1000)
            if number == "0":  # less the model's own time from the question to its first word
                self.findings.added_first.append((now - started - (int(sent) - int(asked))) / 1000)

    def judge(self, status: str, reply: str, arrived: str) -> None:
        """A turn is lost unless its stored text holds every token in order and the deltas said the same."""
        numbers = [int(number) for number, _, _ in STAMP.findall(reply)]
        if status != "complete":
            self.findings.lost[f"status {status}"] += 1
        elif numbers != list(range(self.plan.tokens)):
            self.findings.lost["tokens missing"] += 1
        elif reply.strip() != arrived.strip():
            self.findings.lost["deltas differ from the stored text"] += 1


async def run(seats: list[Seat], plan: Plan, server: Server) -> Findings:
    """Let every seat hold its conversation and return what was seen, CPU and memory of the server included.

    The first chat says one turn alone beforehand, so that lazy imports are not counted as a chat's cost.
    """
    findings = Findings(chats=len(seats))
    chats = [Chat(seat, plan, findings) for seat in seats]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        await chats[0].connect(http)
        async with asyncio.timeout(plan.timeout):
            await chats[0].say("Hello, I'm Sam. Shall we begin?", measured=False)
        _, findings.rss_before = server.usage()
        open_chats = [chats[0], *await _connect_all(chats[1:], http, plan, findings)]
        await asyncio.sleep(1)
        cpu, findings.rss_idle = server.usage()
        findings.rss_peak = findings.rss_idle
        sampling = asyncio.create_task(_sample(server, findings))
        started, own = time.monotonic(), time.process_time()
        await asyncio.gather(*(chat.talk() for chat in open_chats))
        findings.seconds = time.monotonic() - started
        findings.generator_share = (time.process_time() - own) / findings.seconds
        findings.cpu = server.usage()[0] - cpu
        sampling.cancel()
        await asyncio.gather(*(chat.socket.close() for chat in open_chats if chat.socket), return_exceptions=True)
    return findings


async def _connect_all(chats: list[Chat], http: aiohttp.ClientSession, plan: Plan, findings: Findings) -> list[Chat]:
    """Open the sockets a few at a time; the turns of one that does not open are lost."""

    async def connect(chat: Chat, delay: float) -> Chat | None:
        await asyncio.sleep(delay)
        try:
            async with asyncio.timeout(plan.timeout):
                await chat.connect(http)
        except (TimeoutError, ConnectionError, aiohttp.ClientError) as error:
            findings.turns += plan.turns
            findings.lost[f"connecting: {type(error).__name__} {error}"[:100]] += plan.turns
            return None
        return chat

    opened = await asyncio.gather(*(connect(chat, n / plan.connects_per_second) for n, chat in enumerate(chats)))
    return [chat for chat in opened if chat]


async def _sample(server: Server, findings: Findings) -> None:
    """Keep the highest memory seen."""
    while True:
        await asyncio.sleep(1)
        findings.rss_peak = max(findings.rss_peak, server.usage()[1])
