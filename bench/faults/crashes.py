"""What dies under load: a web process at once, one in order, Redis, PostgreSQL."""

import asyncio
import random
import signal
import time
from typing import Self

from bench.faults import school
from bench.faults.school import in_database
from bench.faults.stage import Stage, fault
from bench.faults.student import Line, Student
from bench.faults.verdict import percentile

STUCK_AFTER = 15.0


@fault("A1", "kill -9 mid-stream")
async def killed_mid_stream(stage: Stage) -> None:
    """A web process is killed while it answers many turns.

    Expected: nothing acked is lost, no turn runs on in name only, what arrived is kept and marked interrupted, Retry
    works; turns of a second process go on. Figures: acked lost; turns stuck after 15 s.
    """
    stage.api.modes(tokens=stage.size(150, 60), delay=200, ttft=200)
    students = await stage.students(stage.size(500, 60))
    await asyncio.gather(*(student.send("How have you been?") for student in students))
    speaking = await asyncio.gather(*(s.hears_a_word(20) for s in students))
    stage.report.note(f"{sum(speaking)} turns in flight")
    await asyncio.sleep(1.5)  # so that each has been saved once
    web = stage.portal.webs[0]
    hit = [s for s in students if s.addresses[s.at % len(s.addresses)] == web.address]
    spared = [s for s in students if s not in hit]
    seen = {s.seat.session: "".join(r.text for r in s.talk.running.values()) for s in hit}
    killed_at = time.monotonic()
    await web.stop(signal.SIGKILL)
    if not stage.spread:
        await web.start()
    stuck = await turns_left(hit, killed_at + STUCK_AFTER)
    recovered = time.monotonic() - killed_at
    await asyncio.gather(*(s.hears(1, 30) for s in students))
    replies = {s.seat.session: s.talk.reply_after(1) for s in students}
    stored = await in_database(school.transcripts, students)
    stage.report.exactly("not in flight", speaking.count(False))
    stage.report.exactly("acked lost", await in_database(school.lost, students))
    stage.report.exactly("stuck after 15 s", stuck)
    stage.report.tell("recovered after", recovered, " s")
    kept = sum(is_partial(stored[s.seat.session].get(2), seen[s.seat.session]) for s in hit)
    stage.report.exactly("partial text kept", kept, len(hit))
    stage.report.exactly(
        "shown as stored", sum(s.talk.lines == stored[s.seat.session] for s in students), len(students)
    )
    if spared:
        whole = sum(
            reply is not None and reply.status == "complete" for reply in (replies[s.seat.session] for s in spared)
        )
        stage.report.exactly("of the other process complete", whole, len(spared))
    await stage.portal.revive()
    await retries_work(stage, hit[: stage.size(100, 20)])


async def turns_left(students: list[Student], until: float) -> int:
    """How many turns of these students still run when none does, or when the time is up."""
    sessions = [student.seat.session for student in students]
    left = len(sessions)
    while left and time.monotonic() < until:
        await asyncio.sleep(0.25)
        left = await in_database(school.running, sessions)
    return left


def is_partial(stored: Line | None, seen: str) -> bool:
    """Whether a reply is stored as interrupted, with the beginning of what its student saw."""
    return stored is not None and stored.status == "interrupted" and bool(stored.text) and seen.startswith(stored.text)


async def retries_work(stage: Stage, students: list[Student]) -> None:
    """Every one of these students tries the reply again and gets a whole one."""
    stage.api.modes()

    async def retried(student: Student) -> bool:
        reply = student.talk.reply_after(1)
        again = await student.retry(reply.id) if reply else None
        return again is not None and again.status == "complete"

    stage.report.exactly("Retry works", sum(await asyncio.gather(*map(retried, students))), len(students))


class Load:
    """Students who keep talking, and how each thing they said fared."""

    def __init__(self, students: list[Student], *, insist: bool) -> None:
        self.students, self.insist = students, insist
        self.replies: list[tuple[float, Line | None]] = []
        self.leaving = asyncio.Event()
        self._talks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._talks = [asyncio.create_task(self._talk(student)) for student in self.students]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leaving.set()
        await asyncio.gather(*self._talks)

    async def _talk(self, student: Student) -> None:
        while not self.leaving.is_set():
            await asyncio.sleep(random.uniform(0, 1))
            reply = await student.say("What makes you say that?", insist=self.insist, seconds=45)
            self.replies.append((time.monotonic(), reply))

    async def all_answered(self, since: float, seconds: float) -> float:
        """Seconds from that moment until as many replies were complete as there are students."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            good = sorted(at for at, reply in self.replies if at > since and reply and reply.status == "complete")
            if len(good) >= len(self.students):
                return good[len(self.students) - 1] - since
            await asyncio.sleep(0.1)
        return float("inf")


@fault("A2", "deploy: drain, then SIGTERM")
async def drained(stage: Stage) -> None:
    """A web process is told to stop while students talk; another one is there: the second, or a new one beside it.

    Expected: running replies are finished, sockets close with 1012, students come back by themselves. Figures: lost;
    time to reconnect, p95 below 5 s.
    """
    stage.api.modes(tokens=20, delay=20, ttft=100)
    deploys = not stage.spread
    if deploys:
        await stage.portal.add()
    students = await stage.students(stage.size(100, 30))
    web = stage.portal.webs[0]
    async with Load(students, insist=True) as load:
        await asyncio.sleep(2)
        status = await web.stop(signal.SIGTERM)
        await load.all_answered(time.monotonic(), 20)
    if deploys:
        stage.portal.dismiss(web)
    away = [seconds for student in students for seconds in student.away]
    stage.report.note(f"{len(students)} students, {len(load.replies)} turns, {len(away)} reconnects")
    stage.report.exactly("acked lost", await in_database(school.lost, students))
    cut = sum(not (reply and reply.status == "complete") for _at, reply in load.replies)
    stage.report.exactly("turns cut", cut)
    if cut:
        stage.report.fail(f"turns ended: {await in_database(school.ended, students)}")
    stage.report.at_most("reconnect p95", percentile(away, 95), 5.0, " s")
    stage.report.exactly("exit status", status)
    stage.report.exactly("closed otherwise than 1012", sum(code != 1012 for s in students for code in s.closes))


@fault("A3", "Redis away, and back")
async def without_redis(stage: Stage) -> None:
    """Redis is stopped for 30 s while students talk, and comes back empty.

    Expected: every send is acked or clearly refused, no socket closes. Figures: lost; sends without an answer;
    seconds until everyone is answered again, below 10.
    """
    stage.api.modes(tokens=20, delay=20, ttft=100)
    students = await stage.students(stage.size(60, 20))
    seconds = stage.size(30, 5)
    async with Load(students, insist=False) as load:
        await asyncio.sleep(1)
        stage.redis.stop()
        await asyncio.sleep(seconds)
        noticed = await check_of(stage, stage.portal.addresses[0], "cache") != "ok"
        stage.redis.start()
        back_at = time.monotonic()
        recovery = await load.all_answered(back_at, 30)
        readiness = await checks_ok(stage, "cache")
    stage.report.note(f"away {seconds} s, {len(load.replies)} sends")
    stage.report.exactly("readiness unaware", int(not noticed))
    await what_became_of_sends(stage, load)
    stage.report.at_most("recovery", max(recovery, readiness - back_at), 10.0, " s")
    stage.report.exactly("sockets closed", sum(len(student.closes) for student in students))


async def checks_ok(stage: Stage, name: str) -> float:
    """When every web process calls this check of /readyz ok, by the clock of `time.monotonic`."""
    until = time.monotonic() + 30
    for address in stage.portal.addresses:
        while time.monotonic() < until:
            if await check_of(stage, address, name) == "ok":
                break
            await asyncio.sleep(0.2)
    return time.monotonic()


async def check_of(stage: Stage, address: str, name: str) -> str:
    """What /readyz of this web process says of one check."""
    async with stage.http.get(f"http://{address}/readyz", headers={"X-Forwarded-Proto": "https"}) as answer:
        outcome: str = (await answer.json())["checks"][name]
        return outcome


async def what_became_of_sends(stage: Stage, load: Load) -> None:
    """Acked ones are stored, the others were refused in words."""
    refused = [frame for student in load.students for frame in student.talk.refused.values()]
    stage.report.exactly("acked lost", await in_database(school.lost, load.students))
    stage.report.exactly("neither acked nor refused", sum(len(student.talk.unsent) for student in load.students))
    stage.report.exactly("refused without words", sum(not frame.get("detail") for frame in refused))
    stage.report.tell("refused", len(refused))


@fault("A4", "PostgreSQL restarted at once")
async def without_postgresql(stage: Stage) -> None:
    """PostgreSQL goes down in immediate mode under load and comes back after crash recovery.

    Expected: no ack without a commit; what was refused can be said again under the same key, and is there once.
    Figures: false acks; messages stored twice; seconds until everyone is answered again.
    """
    stage.api.modes(tokens=20, delay=20, ttft=100)
    students = await stage.students(stage.size(100, 30))
    seconds = stage.size(5, 2)
    async with Load(students, insist=True) as load:
        await asyncio.sleep(2)
        await asyncio.to_thread(stage.postgresql.crash)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(stage.postgresql.start)
        recovery = await load.all_answered(time.monotonic(), 40)
    stored = await in_database(school.transcripts, students)
    acked = sum(len(student.talk.acked) for student in students)
    said = sum(line.role == "student" for lines in stored.values() for line in lines.values())
    refusals = sum(student.talk.kinds["error"] for student in students)
    stage.report.note(f"away {seconds} s, {acked} acks, {refusals} refusals")
    stage.report.exactly("false acks", await in_database(school.lost, students))
    stage.report.exactly("stored and never acked", said - acked)
    stage.report.exactly("turns without a reply", sum(reply is None for _at, reply in load.replies))
    stage.report.at_most("recovery", recovery, 20.0, " s")
    stage.report.exactly(
        "shown as stored", sum(s.talk.lines == stored[s.seat.session] for s in students), len(students)
    )
