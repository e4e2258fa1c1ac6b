"""What a provider does to us: errors before the first word, an error in mid-stream, silence and trickles."""

import asyncio
import time

from django.conf import settings
from django.db.models import Sum

from bench.faults import school
from bench.faults.school import in_database
from bench.faults.stage import Stage, fault
from bench.faults.student import Line, Student
from conversations.models import Message
from monitoring.models import LedgerEntry, Reservation

# What is worth another call, and what is not.
REFUSALS = {"401": 1, "429": None, "429-bare": None, "429-spend": 1, "500": None, "529": None}
MARGIN = 2.0  # seconds between the server's clock and a busy student's


def broken(modes: str) -> str:
    """The name of a model that fails so at the stand-in."""
    return f"{settings.MODEL_DEFAULT}@{modes}"


async def heard_by(students: list[Student], seconds: float) -> list[tuple[Line | None, float]]:
    """Let everyone say something at once; each reply, and after how many seconds it ended."""

    async def timed(student: Student) -> tuple[Line | None, float]:
        started = time.monotonic()
        reply = await student.say("How have you been?", seconds=seconds)
        return reply, time.monotonic() - started

    return await asyncio.gather(*map(timed, students))


def billed(sessions: list[str]) -> int:
    """Micro-dollars that these sessions were charged."""
    return LedgerEntry.objects.filter(session_uuid__in=sessions).aggregate(sum=Sum("cost_microusd"))["sum"] or 0


def held() -> int:
    """Micro-dollars that are still set aside."""
    return Reservation.objects.filter(state=Reservation.State.HELD).aggregate(sum=Sum("amount_microusd"))["sum"] or 0


def without_a_reason(sessions: list[str]) -> int:
    """Failed replies of these sessions that do not say why, which the page's words are chosen by."""
    return Message.objects.filter(session_id__in=sessions, status=Message.Status.FAILED, fault="").count()


@fault("A5", "provider errors before a word", "once")
async def refused_by_provider(stage: Stage) -> None:
    """The provider answers 401, 429 (with retry-after, without, and as a spend cap), 500 and 529 to every call.

    Expected: calls are bounded by PROVIDER_CALLS, errors that waiting does not mend are not repeated, the student
    gets a failed reply with a reason, and nothing is billed. Figures: calls per turn; billed for failures.
    """
    turns = stage.size(15, 3)
    students: list[Student] = []
    for kind in REFUSALS:
        students += await stage.students(turns, model=broken(f"fault={kind},retry=1"))
    replies = await heard_by(students, 90)
    calls = await asyncio.to_thread(stage.api.calls_by_model, 1_000)
    sessions = [str(student.seat.session) for student in students]
    stage.report.note(f"{len(students)} turns")
    stage.report.exactly(
        "failed and told", sum(reply is not None and reply.status == "failed" for reply, _s in replies), len(students)
    )
    for kind, bound in REFUSALS.items():
        per_turn = calls.get(broken(f"fault={kind},retry=1"), 0) / turns
        stage.report.at_most(f"calls at {kind}", per_turn, float(bound or settings.PROVIDER_CALLS))
    stage.report.exactly("billed for failures", await in_database(billed, sessions))
    stage.report.exactly("still held", await in_database(held))
    stage.report.exactly("without a reason", await in_database(without_a_reason, sessions))
    stage.report.tell("slowest", max(seconds for _reply, seconds in replies), " s")


@fault("A6", "error event mid-stream", "once")
async def error_in_midstream(stage: Stage) -> None:
    """The provider sends seven pieces of the reply and then an `error` event, for each of 100 turns.

    Expected: interrupted, with the seven pieces kept, and shown as they are stored. Figure: right of 100.
    """
    turns = stage.size(100, 30)
    students = await stage.students(turns, model=broken("fault=error,at=7"))
    replies = await heard_by(students, 60)
    stored = await in_database(school.transcripts, students)
    right = sum(
        reply is not None
        and (reply.status, len(reply.text.split())) == ("interrupted", 7)
        and student.talk.lines == stored[student.seat.session]
        for student, (reply, _seconds) in zip(students, replies, strict=True)
    )
    stage.report.note(f"{turns} turns")
    stage.report.exactly("right", right, turns)
    calls = await asyncio.to_thread(stage.api.calls_by_model, 1_000)
    stage.report.exactly("called again", calls.get(broken("fault=error,at=7"), 0) - turns)
    stage.report.exactly("still held", await in_database(held))


@fault("A7", "provider stalls or trickles", "once")
async def silent_provider(stage: Stage) -> None:
    """The provider falls silent after three pieces, sends only pings, or the rest one byte a second.

    Expected: interrupted after REPLY_SILENCE_SECONDS without text, since pings and half an event are no progress;
    in the full run also silence from the start and a reply that goes on too long. Figure: the longest wait over its
    documented deadline.
    """
    silence, first, total = (
        settings.REPLY_SILENCE_SECONDS, settings.REPLY_FIRST_TEXT_SECONDS, settings.REPLY_TOTAL_SECONDS,
    )  # fmt: skip
    kinds = {"fault=stall,at=3": silence, "fault=pings,at=3,every=500": silence, "fault=drip,at=3": silence}
    if not stage.short:
        # Called again while it has not said a word: docs/provider-faults.md.
        kinds |= {"fault=stall,at=0": settings.QUEUE_SECONDS + first, f"tokens=400,delay={total * 5:.0f}": total}
    students = [(await stage.students(1, model=broken(modes)))[0] for modes in kinds]
    replies = await heard_by(students, total + first)
    waits = [seconds - bound for (_reply, seconds), bound in zip(replies, kinds.values(), strict=True)]
    ended = sum(reply is not None and reply.status in {"interrupted", "failed"} for reply, _seconds in replies)
    stage.report.note(f"{len(kinds)} kinds of silence")
    stage.report.exactly("ended", ended, len(kinds))
    stage.report.tell("longest wait", max(seconds for _reply, seconds in replies), " s")
    stage.report.at_most("over its deadline", max(waits), MARGIN, " s")
