"""Limits on the way: who signs in, sends or downloads too often is told how long to wait."""

import asyncio
import re
import uuid

from accounts.models import User
from bench.faults import school
from bench.faults.school import in_database
from bench.faults.stage import Stage, fault
from bench.faults.student import Frame, Student
from bench.faults.visitor import Page, Visitor
from monitoring.models import RateLimit

# Sends, failed sign-ins and downloads that are let in while the line runs, each within ten minutes.
MOST = 5
SECONDS = 600
WAIT_IN_WORDS = re.compile(r"\d+\s+(second|minute)")


def lower_limits() -> None:
    """Let each person do little, and the whole site as much as ever."""
    each = [RateLimit.Name.MESSAGES_PER_PERSON, RateLimit.Name.SIGN_INS_PER_ACCOUNT, RateLimit.Name.EXPORTS_PER_PERSON]
    RateLimit.objects.filter(name__in=each).update(count=MOST, seconds=SECONDS)


@fault("A26", "past the limits", "once if short")
async def past_the_limits(stage: Stage) -> None:
    """Somebody sends, fails to sign in, and downloads more often than their limit says, on all processes in turn.

    Expected: exactly as many are let in as the limit says; then a plain sentence with the wait, and the wait in
    seconds for programs. Figures: let in; refusals without a wait.
    """
    await in_database(lower_limits)
    # Each process reads a changed limit within a second.
    await asyncio.sleep(1.5)
    try:
        sends = await sends_past_the_limit(stage)
        student = (await in_database(school.seats, 1))[0]
        downloads = [
            await Visitor(stage.http, address, student.cookie).get(f"/sessions/{student.session}/transcript.txt")
            for address in in_turn(stage.portal.addresses)
        ]
        sign_ins = await sign_ins_past_the_limit(stage)
    finally:
        await in_database(school.lift_limits)
    stage.report.note(f"limits of {MOST} in {SECONDS} s")
    stage.report.exactly("sends let in", sum(not refusal for refusal in sends), MOST)
    stage.report.exactly("sign-ins let in", sum(page.status == 200 for page in sign_ins), MOST)
    stage.report.exactly("downloads let in", sum(page.status == 200 for page in downloads), MOST)
    silent = sum(not tells_the_wait(refusal) for refusal in sends if refusal)
    silent += sum(not page_tells_the_wait(page) for page in [*sign_ins, *downloads] if page.status != 200)
    stage.report.exactly("refusals without a wait", silent)


def in_turn(addresses: list[str]) -> list[str]:
    """The web processes one after the other, for three attempts more than the limit allows."""
    return [addresses[number % len(addresses)] for number in range(MOST + 3)]


async def sends_past_the_limit(stage: Stage) -> list[Frame]:
    """The refusal of each of a student's sends, empty where it was acked."""
    student: Student = (await stage.students(1))[0]
    refusals = []
    for _ in range(MOST + 3):
        key = str(uuid.uuid4())
        await student.send("Good morning.", key)
        await student.answered(key)
        if key in student.talk.acked:
            await student.hears(student.talk.acked[key][1], 20)
        refusals.append(student.talk.refused.get(key, {}))
    return refusals


async def sign_ins_past_the_limit(stage: Stage) -> list[Page]:
    """The answers to as many sign-ins with a wrong password, each from a browser without cookies."""
    person = await in_database(school.person, f"person-{uuid.uuid4().hex[:8]}", User.Role.STUDENT)
    fields = {"username": person.email, "password": "not the word"}
    return [
        await Visitor(stage.http, address, client="203.0.113.7").post("/accounts/login/", fields)
        for address in in_turn(stage.portal.addresses)
    ]


def tells_the_wait(refusal: Frame) -> bool:
    """Whether a refused send says how long to wait, for people and for programs."""
    seconds = refusal.get("retry_after", 0)
    return (
        refusal.get("code") == "rate_limited"
        and 0 < seconds <= 2 * SECONDS
        and bool(WAIT_IN_WORDS.search(refusal["detail"]))
    )


def page_tells_the_wait(page: Page) -> bool:
    """Whether a page says how long to wait, for people and for programs."""
    seconds = page.headers.get("Retry-After", "")
    return page.status == 429 and seconds.isdigit() and int(seconds) > 0 and bool(WAIT_IN_WORDS.search(page.text))
