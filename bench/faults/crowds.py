"""Many at once: idle sockets, slow and silent readers, more sockets than the database has connections."""

import asyncio
import time

from bench.faults import school
from bench.faults.proxy import Proxy
from bench.faults.school import in_database
from bench.faults.stage import Stage, fault
from bench.faults.student import Line, Student
from bench.faults.verdict import percentile

MIB = 2**20
ARRIVALS = 40  # a second


@fault("A21", "idle sockets", "once if short")
async def idle_sockets(stage: Stage) -> None:
    """A thousand pages are open and nobody says anything for a minute.

    Expected: they stay open and memory stays flat. Figures: closes by the server; growth of memory.
    """
    count, seconds = stage.size(1_000, 200), stage.size(60, 10)
    students = await stage.students(count)
    await asyncio.sleep(3)
    before = stage.portal.resident
    await asyncio.sleep(seconds)
    growth = (stage.portal.resident - before) / MIB
    stage.report.note(f"{count} sockets, {seconds} s")
    stage.report.exactly("server closes", sum(len(student.closes) for student in students))
    stage.report.at_most("memory growth", growth, 8.0, " MiB")
    stage.report.tell("resident", before / MIB, " MiB")


@fault("A22", "busy and silent readers", "once if short")
async def slow_readers(stage: Stage) -> None:
    """Replies of 400 pieces, while some pages read only now and then and others not at all for a while.

    Expected: each page has the whole text in the end, and those who read are not slowed. Figures: texts that differ
    from what is stored; the readers' time beside silent ones as a share of their time alone.
    """
    readers, silent = stage.size(40, 10), stage.size(40, 10)
    pieces, delay = 400, stage.size(20, 10)
    stage.api.modes(tokens=pieces, delay=delay)
    students = await stage.students(readers)
    alone = await whole_replies(students)
    quiet = await in_database(school.seats, silent)
    async with Proxy(stage.portal.addresses[0]) as proxy:
        behind = [stage.student(seat, 0, [proxy.address]) for seat in quiet[: silent // 2]]
        busy = [stage.student(seat, number) for number, seat in enumerate(quiet[silent // 2 :])]
        await asyncio.gather(*(student.open() for student in [*behind, *busy]))
        keys = [await student.send("Tell me all of it.") for student in [*behind, *busy]]
        await asyncio.gather(*(s.answered(key) for s, key in zip([*behind, *busy], keys, strict=True)))
        proxy.stall()
        naps = [asyncio.create_task(read_in_naps(student)) for student in busy]
        beside = await whole_replies(students)
        proxy.release()
        for nap, student in zip(naps, busy, strict=True):
            nap.cancel()
            student.reading.set()
        slow = [*behind, *busy]
        await asyncio.gather(*(s.hears(1, 60) for s in slow))
        closes = sum(len(student.closes) for student in [*students, *slow])
    stored = await in_database(school.transcripts, [*students, *slow])
    differ = sum(s.talk.lines != stored[s.seat.session] for s in [*students, *slow])
    short = sum(
        len(line.text.split()) != pieces
        for lines in stored.values()
        for line in lines.values()
        if line.role == "client"
    )
    stage.report.note(f"{readers} readers, {silent} others, {pieces} pieces")
    stage.report.exactly("missing", differ + short)
    stage.report.at_most("slowed by", percentile(beside, 95) / percentile(alone, 95), 1.5, " times")
    stage.report.exactly("closes", closes)


async def whole_replies(students: list[Student]) -> list[float]:
    """How long each of these students takes for one turn."""

    async def timed(student: Student) -> float:
        started = time.monotonic()
        await student.say("Tell me all of it.", seconds=90)
        return time.monotonic() - started

    return await asyncio.gather(*map(timed, students))


async def read_in_naps(student: Student) -> None:
    """Read for a moment, sleep for a second, and so on."""
    while True:
        student.reading.clear()
        await asyncio.sleep(1)
        student.reading.set()
        await asyncio.sleep(0.05)


@fault("A24", "more sockets than connections", "once if short")
async def more_sockets_than_connections(stage: Stage) -> None:
    """Two thousand pages open, forty a second, and all speak, on a PostgreSQL with 40 connections.

    Expected: they queue, and nobody sees an error. Figures: "too many clients" in PostgreSQL's log; pages that did not
    open; sends that were not answered.
    """
    count = stage.size(2_000, 300)
    refusals = stage.postgresql.refusals()
    stage.api.modes(tokens=3, delay=5)
    seats = await in_database(school.seats, count)
    students = [stage.student(seat, number) for number, seat in enumerate(seats)]

    async def arrive(number: int, student: Student) -> tuple[float, Line | None]:
        await asyncio.sleep(number / ARRIVALS)
        started = time.monotonic()
        await student.open(120)
        opened = time.monotonic() - started
        return opened, await student.say("Good morning.", insist=True, seconds=120)

    outcomes = await asyncio.gather(*(arrive(number, student) for number, student in enumerate(students)))
    stage.report.note(f"{count} sockets")
    stage.report.exactly("too many clients", stage.postgresql.refusals() - refusals)
    stage.report.exactly("not opened", sum(not student.talk.kinds["hello"] for student in students))
    cut = sum(not (reply and reply.status == "complete") for _s, reply in outcomes)
    stage.report.exactly("without a whole reply", cut)
    if cut:
        stage.report.fail(f"turns ended: {await in_database(school.ended, students)}")
    stage.report.exactly("acked lost", await in_database(school.lost, students))
    stage.report.tell("opened in p95", percentile([seconds for seconds, _reply in outcomes], 95), " s")
