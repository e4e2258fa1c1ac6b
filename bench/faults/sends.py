"""What students send: over bad connections, again and again, from two tabs, all at once against a budget."""

import asyncio
import collections
import contextlib
import random
import uuid
from collections.abc import Iterable

from django.db.models import Sum

from bench.faults import school
from bench.faults.proxy import Proxy
from bench.faults.school import in_database
from bench.faults.stage import Stage, fault
from bench.faults.student import Seat, Student
from conversations.models import Message, Turn
from monitoring.models import Budget, BudgetAccount, LedgerEntry, Reservation


@fault("A8", "connection cut at random points", "once if short")
async def cut_connections(stage: Stage) -> None:
    """Every turn's connection is cut at a random byte: in the handshake, in the send, in the ack, in the reply.

    Expected: the student's page heals by itself, and shows in the end what is stored, with nothing twice. Figure:
    identical of 200.
    """
    turns, tabs = stage.size(200, 40), 20
    stage.api.modes(tokens=30, delay=20, ttft=50)
    seats = await in_database(school.seats, tabs)
    async with contextlib.AsyncExitStack() as stack:
        targets = stage.portal.addresses
        proxies = [await stack.enter_async_context(Proxy(targets[n % len(targets)])) for n in range(tabs)]
        students = [stage.student(seat, 0, [p.address]) for seat, p in zip(seats, proxies, strict=True)]
        await asyncio.gather(*(student.open() for student in students))
        pairs = zip(students, proxies, strict=True)
        outcomes = await asyncio.gather(*(talk_through(s, p, turns // tabs) for s, p in pairs))
        identical = sum(sum(one) for one in outcomes)
        stored = await in_database(school.transcripts, students)
    stage.report.note(f"{sum(proxy.cuts for proxy in proxies)} cuts")
    stage.report.at_least("cut", sum(proxy.cuts for proxy in proxies), turns)
    stage.report.exactly("identical", identical, turns)
    stage.report.exactly("acked lost", await in_database(school.lost, students))
    stage.report.exactly("stored twice", sum(len(lines) for lines in stored.values()) - 2 * turns)
    stage.report.exactly("shown differently", sum(student.talk.conflicts for student in students))


async def talk_through(student: Student, proxy: Proxy, turns: int) -> list[bool]:
    """So many turns, each with its cut; whether the page shows each as it is stored."""
    right = []
    for _turn in range(turns):
        if random.random() < 0.25:
            proxy.cut_after(up=random.randint(1, 400))
        else:
            proxy.cut_after(down=random.randint(1, 2_500))
        reply = await student.say("What makes you say that?", seconds=60)
        while proxy.armed:
            # The turn was over before: the connection is cut while nothing is said, and heals before the next turn.
            await student.transmit({"type": "ping"})
            await asyncio.sleep(0.01)
        number = max(student.talk.lines, default=0)
        stored = await in_database(school.transcript, student.seat.session)
        right.append(reply is not None and stored.get(number) == student.talk.lines.get(number) == reply)
    return right


@fault("A9", "the same send 20 times at once", "once if short")
async def repeated_sends(stage: Stage) -> None:
    """One frame arrives twenty times at once, over four sockets (on both processes, where there are two).

    Expected: one message, one turn, one call and one bill, and twenty times the same ack. Figure: extras.
    """
    sessions = stage.size(25, 5)
    stage.api.modes(tokens=30, delay=20, ttft=100)
    seats = await in_database(school.seats, sessions)
    calls = await asyncio.to_thread(stage.api.calls)
    tabs = [[stage.student(seat, number) for number in range(4)] for seat in seats]
    await asyncio.gather(*(tab.open() for own in tabs for tab in own))

    async def all_at_once(own: list[Student]) -> set[tuple[str, int, str]]:
        key = str(uuid.uuid4())
        await asyncio.gather(*(tab.send("Once is enough.", key) for tab in own for _ in range(5)))
        await asyncio.gather(*(tab.answered(key) for tab in own))
        await asyncio.gather(*(tab.hears(1, 30) for tab in own))
        return {tab.talk.acked.get(key, ("", 0, "")) for tab in own}

    acks = await asyncio.gather(*map(all_at_once, tabs))
    counts = await in_database(rows_of, [seat.session for seat in seats])
    stage.report.note(f"{sessions} frames, {sessions * 20} sends")
    for noun, count in counts.items():
        stage.report.exactly(f"extra {noun}", count - sessions)
    stage.report.exactly("extra calls", await asyncio.to_thread(stage.api.calls) - calls - sessions)
    stage.report.exactly("different acks", sum(len(ack) for ack in acks) - sessions)


def rows_of(sessions: list[uuid.UUID]) -> dict[str, int]:
    """How many messages of students, turns and bills these sessions have."""
    said = Message.objects.filter(session_id__in=sessions, role=Message.Role.STUDENT).count()
    turns = Turn.objects.filter(session_id__in=sessions).count()
    bills = LedgerEntry.objects.filter(session_uuid__in=sessions).count()
    return {"messages": said, "turns": turns, "bills": bills}


@fault("A10", "two tabs send together", "once if short")
async def two_tabs(stage: Stage) -> None:
    """Two tabs of one session say different things at the same moment.

    Expected: one runs, the other is told that a turn is in progress, and both show the same in the end. Figure:
    sessions where it went otherwise.
    """
    sessions = stage.size(100, 20)
    stage.api.modes(tokens=20, delay=20, ttft=200)
    seats = await in_database(school.seats, sessions)
    pairs = [(stage.student(seat, 0), stage.student(seat, 1)) for seat in seats]
    await asyncio.gather(*(tab.open() for pair in pairs for tab in pair))
    outcomes = await asyncio.gather(*(speak_together(*pair) for pair in pairs))
    stored = await in_database(school.transcripts, [first for first, _second in pairs])
    same = sum(a.talk.lines == b.talk.lines == stored[a.seat.session] and len(a.talk.lines) == 2 for a, b in pairs)
    stage.report.note(f"{sessions} pairs")
    stage.report.exactly("one runs, one is told", outcomes.count(["accepted", "turn_in_progress"]), sessions)
    stage.report.exactly("interleaved", sessions - same)


async def speak_together(first: Student, second: Student) -> list[str]:
    """What became of both sends, once both tabs show the reply."""
    keys = await asyncio.gather(first.send("I was first."), second.send("No, I was."))
    pair = list(zip((first, second), keys, strict=True))
    await asyncio.gather(*(tab.answered(key) for tab, key in pair))
    await asyncio.gather(*(tab.hears(1, 30) for tab, _key in pair))
    return sorted(tab.talk.refused[key]["code"] if key in tab.talk.refused else "accepted" for tab, key in pair)


BUDGET = 10


@fault("A11", "1,000 sends, a budget for 10")
async def against_a_budget(stage: Stage) -> None:
    """A thousand students send at once while the site's budget holds ten reservations.

    Expected: exactly ten are admitted, the others are told that the budget is used up, and not one micro-dollar is
    spent or held above it. Figures: admitted; micro-dollars overspent.
    """
    students = await stage.students(stage.size(1_000, 200))
    probe = (await stage.students(1))[0]
    await probe.say("How have you been?")
    amount = await in_database(reserved_in, probe.seat)
    budget = await in_database(only_budget, BUDGET * amount)
    try:
        # Long enough that none is settled, and gives money back, before the last has asked.
        stage.api.modes(tokens=1_000, delay=100)
        keys = await asyncio.gather(*(student.send("How have you been?") for student in students))
        answered = await asyncio.gather(*(s.answered(key, 60) for s, key in zip(students, keys, strict=True)))
        peak = await in_database(used, budget)
        running = await in_database(school.running)
        if running != BUDGET:
            stage.report.fail(f"ended meanwhile: {await in_database(school.ended, students)}")
        await in_database(school.stop_everything)
        codes = collections.Counter(codes_of(students))
        stage.report.note(f"{len(students)} sends")
        stage.report.exactly("admitted", sum(len(student.talk.acked) for student in students), BUDGET)
        stage.report.exactly("still spoken at the end", running, BUDGET)
        stage.report.exactly("told that the budget is used up", codes["budget_exhausted"], len(students) - BUDGET)
        stage.report.exactly("without an answer", answered.count(False))
        stage.report.exactly("micro-dollars overspent", max(0, peak - BUDGET * amount))
        await stage.rest()
        stage.report.exactly("overspent at rest", max(0, await in_database(used, budget) - BUDGET * amount))
    finally:
        await in_database(Budget.objects.filter(pk=budget.pk).update, is_active=False)


def codes_of(students: Iterable[Student]) -> list[str]:
    """Why these students were refused."""
    return [frame["code"] for student in students for frame in student.talk.refused.values()]


def only_budget(limit_microusd: int) -> Budget:
    """A budget of the whole site for a day; the one of an earlier run of the line goes, and was audited after it."""
    Budget.objects.all().delete()
    return Budget.objects.create(scope="site", period="day", limit_microusd=limit_microusd)


def reserved_in(seat: Seat) -> int:
    """What the one turn of this session set aside, in micro-dollars."""
    return Reservation.objects.get(turn__session_id=seat.session).amount_microusd


def used(budget: Budget) -> int:
    """What is held and spent of this budget, in micro-dollars."""
    sums = BudgetAccount.objects.filter(budget=budget).aggregate(held=Sum("held_microusd"), spent=Sum("spent_microusd"))
    return (sums["held"] or 0) + (sums["spent"] or 0)
