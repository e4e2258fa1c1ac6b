"""What is taken away during a chat: the client, its owner, the session, the sign-in, the account, the place in it."""

import asyncio
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable

from django.db.models import ProtectedError
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Enrolment, User
from accounts.services import disable_user, remove_from_section, remove_teacher
from bench.faults import school
from bench.faults.school import in_database
from bench.faults.stage import Stage, fault
from bench.faults.student import Seat, Student
from bench.faults.visitor import Visitor
from bench.processes import ROOT
from clients.models import ClientProfile
from clients.services import ClientRuleError, archive_client, delete_unused
from conversations import sessions
from conversations.models import Session, Turn

WITHIN = 2.0


@fault("A18", "client or session taken away", "once if short")
async def taken_away(stage: Stage) -> None:
    """During a reply its client is archived, somebody tries to delete it, its owner is disabled, the session is ended.

    Expected: the chat goes on with the client as it was, or ends clearly; what was said is kept. Figures: chats that
    went otherwise; orphans.
    """
    stage.api.modes(tokens=40, delay=50)
    cases: dict[str, tuple[Callable[[ClientProfile, Student], None], bool]] = {
        "archived": (archive, True),
        "deleted": (try_to_delete, True),
        "owner disabled": (remove_owner, True),
        "ended": (end_session, False),
    }
    students: list[Student] = []
    otherwise: list[str] = []

    async def one(name: str, take_away: Callable[[ClientProfile, Student], None], goes_on: bool) -> None:
        owner = await in_database(school.person, f"owner-{uuid.uuid4().hex[:8]}", User.Role.TEACHER)
        client = await in_database(school.client, owner, f"Client {uuid.uuid4().hex[:8]}")
        student = (await stage.students(1, with_client=client))[0]
        students.append(student)
        await student.send("How have you been?")
        await student.hears_a_word(20)
        await in_database(take_away, client, student)
        await student.hears(1, 20)
        reply = student.talk.reply_after(1)
        again = await student.send("And then?")
        await student.answered(again)
        refusal = student.talk.refused.get(again, {}).get("code", "")
        expected = ("complete", "") if goes_on else ("stopped", "session_ended")
        found = (reply.status if reply else "", refusal)
        if found != expected or not (reply and reply.text):
            otherwise.append(f"{name}: {found}")
        if goes_on:
            await student.hears(3, 20)

    times = stage.size(5, 1)
    await asyncio.gather(*(one(name, *case) for name, case in cases.items() for _ in range(times)))
    stored = await in_database(school.transcripts, students)
    kept = sum(student.talk.lines == stored[student.seat.session] for student in students)
    stage.report.note(f"{len(students)} chats")
    stage.report.exactly("went otherwise", len(otherwise))
    stage.report.exactly("transcripts kept", kept, len(students))
    stage.report.exactly("orphans", await in_database(orphans, [student.seat.session for student in students]))
    for reason in otherwise:
        stage.report.fail(reason)


def archive(client: ClientProfile, student: Student) -> None:
    """The owner archives the client."""
    archive_client(by=client.owner or school.teacher(), client=client)


def try_to_delete(client: ClientProfile, student: Student) -> None:
    """The owner asks to delete the client; what has been talked with stays."""
    try:
        delete_unused(by=client.owner or school.teacher(), client=client)
    except ClientRuleError:
        return
    raise AssertionError("a client was deleted during a chat")


def remove_owner(client: ClientProfile, student: Student) -> None:
    """An operator disables the owner, and fails to delete them."""
    owner = client.owner
    assert owner is not None
    disable_user(by=school.operator(), user=owner)
    try:
        owner.delete()
    except ProtectedError:
        return
    raise AssertionError("the owner of a client was deleted")


def end_session(client: ClientProfile, student: Student) -> None:
    """The student ends the session in another tab."""
    session = Session.objects.get(pk=student.seat.session)
    sessions.end(by=session.student, session=session)


def orphans(session_ids: list[uuid.UUID]) -> int:
    """Sessions without their client, and ended turns without their reply."""
    found = Session.objects.filter(pk__in=session_ids)
    lone = len(session_ids) - found.filter(client__isnull=False, client_version__isnull=False).count()
    turns = Turn.objects.filter(session__in=found).exclude(status__in=Turn.RUNNING)
    return lone + sum(not turn.session.messages.filter(pk=turn.reply_id).exists() for turn in turns)


@fault("A19", "rights withdrawn mid-stream")
async def rights_withdrawn(stage: Stage) -> None:
    """While a reply streams its reader signs out, changes the password, is disabled, unenrolled, or loses the part of
    teacher, in the section or altogether.

    Expected: the socket is closed with 4410 within 2 s and shows no text after that. Figure: the most seconds.
    """
    stage.api.modes(tokens=400, delay=50)
    section = await in_database(school.section, f"Section {uuid.uuid4().hex[:8]}")
    waits: list[float] = []
    wrong: list[str] = []

    async def one(name: str, seat_of: Callable[[Seat], Seat], withdraw: Callable[[Seat], Awaitable[None]]) -> None:
        student = (await stage.students(1, in_section=section))[0]
        seat = await in_database(seat_of, student.seat)
        # From the other process, where there is one.
        reader = student if seat is student.seat else await stage.student(seat, 1).open()
        await student.send("Take your time.")
        await reader.hears_a_word(20)
        await withdraw(seat)
        withdrawn_at = time.monotonic()
        await reader.until(lambda: reader.over is not None, 15)
        waits.append(reader.closed_at - withdrawn_at if reader.over else float("inf"))
        late = reader.talk.last_text_at - withdrawn_at
        if reader.over != 4410 or late > WITHIN:
            wrong.append(f"{name}: closed with {reader.over}, last text {late:.1f} s after")

    times = stage.size(5, 1)
    cases = withdrawals(stage)
    await asyncio.gather(*(one(name, *case) for name, case in cases.items() for _ in range(times)))
    stage.report.note(f"{len(waits)} readers")
    stage.report.at_most("longest", max(waits, default=float("nan")), WITHIN, " s")
    stage.report.exactly("not closed with 4410, or text after", len(wrong))
    for reason in wrong:
        stage.report.fail(reason)


def withdrawals(stage: Stage) -> dict[str, tuple[Callable[[Seat], Seat], Callable[[Seat], Awaitable[None]]]]:
    """By name: whose page it is, given the student's seat, and how the right goes."""

    async def sign_out(seat: Seat) -> None:
        visitor = Visitor(stage.http, stage.portal.addresses[-1], seat.cookie)
        await visitor.post("/accounts/logout/", {}, "/accounts/profile/")

    def in_one_go(change: Callable[[Seat], None]) -> Callable[[Seat], Awaitable[None]]:
        async def withdraw(seat: Seat) -> None:
            await in_database(change, seat)

        return withdraw

    own: Callable[[Seat], Seat] = lambda seat: seat  # noqa: E731
    return {
        "signed out": (own, sign_out),
        "password changed": (own, in_one_go(change_password)),
        "disabled": (own, in_one_go(disable)),
        "unenrolled": (own, in_one_go(unenrol)),
        "teacher removed": (teachers_seat, in_one_go(remove_from_teaching)),
        "role removed": (teachers_seat, in_one_go(make_student)),
    }


def teachers_seat(seat: Seat) -> Seat:
    """The page of a teacher of the student's section."""
    section = Session.objects.get(pk=seat.session).section
    assert section is not None
    teacher = school.person(f"teacher-{uuid.uuid4().hex[:8]}", User.Role.TEACHER)
    section.teaching.create(teacher=teacher)
    return school.viewer(teacher, seat)


def change_password(seat: Seat) -> None:
    """A new password ends every other sign-in."""
    user = User.objects.get(pk=seat.user)
    user.set_password(school.PASSWORD)
    user.save()


def disable(seat: Seat) -> None:
    """An operator disables the account."""
    disable_user(by=school.operator(), user=User.objects.get(pk=seat.user))


def unenrol(seat: Seat) -> None:
    """The teacher takes the student out of the section."""
    remove_from_section(by=school.teacher(), enrolment=Enrolment.objects.get(student=seat.user))


def remove_from_teaching(seat: Seat) -> None:
    """An operator ends a teacher's part in the section."""
    section = Session.objects.get(pk=seat.session).section
    assert section is not None
    remove_teacher(by=school.operator(), section=section, teacher=User.objects.get(pk=seat.user))


def make_student(seat: Seat) -> None:
    """An operator makes a student of a teacher."""
    user = User.objects.get(pk=seat.user)
    user.role = User.Role.STUDENT
    user.save()


@fault("A23", "every route by every role", "once")
async def routes_by_role(stage: Stage) -> None:
    """The unit suite's table of routes and roles, which fails for a route without a row.

    Expected: it passes. Figure: routes covered; the short run counts them and leaves the asking to `make test`.
    """
    routes = sum(count_routes(get_resolver().url_patterns))
    if stage.short:
        stage.report.note("held by make test")
        stage.report.tell("routes", routes)
        return
    environment = {name: value for name, value in stage.portal.webs[0].environment.items() if name in {"PATH", "HOME"}}
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "pytest", "config/tests/test_permissions.py", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", run.stdout)
    stage.report.tell("routes", routes)
    stage.report.at_least("questions asked", int(passed[1]) if passed else 0, 1)
    stage.report.exactly("exit status of the unit suite's table", run.returncode)


def count_routes(patterns: list[URLPattern | URLResolver]) -> list[int]:
    """One for each route with a name of its own, the admin's apart."""
    counts: list[int] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            counts += [] if pattern.app_name == "admin" else count_routes(pattern.url_patterns)
        else:
            counts.append(1)
    return counts
