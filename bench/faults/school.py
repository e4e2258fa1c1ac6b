"""The people and rows of a run, made and read by the portal's own models; call these through `in_database`."""

import asyncio
import collections
import datetime as dt
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as SignIn
from django.db import connection
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts import models as accounts
from accounts.models import User
from bench.faults.student import Line, Seat, Student
from clients.models import ClientProfile
from clients.services import freeze
from conversations.models import Message, NoticeAcceptance, Session, Turn
from monitoring.models import ModelPrice, RateLimit

P = ParamSpec("P")
R = TypeVar("R")
PASSWORD = "a-word-for-the-run"
UNLIMITED = 10_000_000

# One thread, so that the suite itself holds one connection.
_thread = ThreadPoolExecutor(1, thread_name_prefix="suite-database")


async def in_database(verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call what uses the database, away from the event loop, on a connection that is checked first."""

    def call() -> R:
        try:
            return verb(*args, **kwargs)
        finally:
            connection.close()

    return await asyncio.get_running_loop().run_in_executor(_thread, call)


def open_school() -> None:
    """What every line finds: a school, a teacher with a client, and limits that no line meets by accident."""
    accounts.School.objects.get_or_create(pk=1, defaults={"name": "School of the run", "support_contact": "the desk"})
    lift_limits()
    teacher()


def lift_limits() -> None:
    """Let everyone do everything as often as a line likes."""
    RateLimit.objects.update(count=UNLIMITED)


def teacher() -> User:
    """The teacher who owns the client."""
    found = User.objects.filter(email="teacher@example.com").first()
    return found or person("teacher", User.Role.TEACHER)


def operator() -> User:
    """Somebody who runs the portal."""
    found = User.objects.filter(email="operator@example.com").first()
    return found or person("operator", User.Role.ADMIN, is_superuser=True)


def person(name: str, role: User.Role, **fields: Any) -> User:
    """A new person with the notice accepted and PASSWORD as password."""
    made: User = User.objects.create_user(
        f"{name}@example.com", PASSWORD, display_name=name.title(), role=role, **fields
    )
    NoticeAcceptance.objects.create(user=made)
    return made


def client(owner: User | None = None, name: str = "Maria Delgado") -> ClientProfile:
    """The client of that name whom everyone in the run talks with."""
    return ClientProfile.objects.get_or_create(
        name=name,
        defaults={
            "owner": owner or teacher(),
            "age": 34,
            "reason": "She may lose the flat.",
            "background": "Maria has two children and works nights in a bakery. " * 8,
            "traits": ["warm", "anxious"],
            "scenario": "A first talk at the advice centre.",
        },
    )[0]


def section(name: str) -> accounts.Section:
    """A section of the run's teacher."""
    made = accounts.Section.objects.create(name=name)
    accounts.SectionTeacher.objects.create(section=made, teacher=teacher())
    return made


def seats(
    count: int,
    *,
    with_client: ClientProfile | None = None,
    in_section: accounts.Section | None = None,
    model: str = "",
) -> list[Seat]:
    """So many new students, signed in and with an open session; `model` may carry a fault, as bench.standin has it.

    In bulk, since a line may want two thousand.
    """
    talked_with = with_client or client()
    frozen, nobody = freeze(talked_with), make_password(None)
    model = priced(model or settings.MODEL_DEFAULT)
    fields = {"display_name": "Sam", "role": User.Role.STUDENT, "password": nobody}
    users = User.objects.bulk_create(
        [User(email=f"{uuid.uuid4().hex}@example.com", **fields) for _ in range(count)], batch_size=500
    )
    NoticeAcceptance.objects.bulk_create([NoticeAcceptance(user=user) for user in users])
    if in_section:
        accounts.Enrolment.objects.bulk_create([accounts.Enrolment(section=in_section, student=u) for u in users])
    sessions = Session.objects.bulk_create(
        [
            Session(
                student=user, client=talked_with, client_version=frozen, voice=Session.Voice.CLAUDE, model=model,
                section=in_section,
            )
            for user in users
        ]
    )  # fmt: skip
    cookies = sign_in(users)
    return [Seat(u.pk, s.pk, s.socket_path, cookies[u.pk]) for u, s in zip(users, sessions, strict=True)]


def sign_in(users: Iterable[User]) -> dict[uuid.UUID, str]:
    """A Cookie header for each of these people, as if they had just signed in."""
    store, until = SessionStore(), timezone.now() + dt.timedelta(days=1)
    rows = {
        user.pk: SignIn(
            session_key=get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789"),
            session_data=store.encode(
                {
                    SESSION_KEY: str(user.pk),
                    BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                    HASH_SESSION_KEY: user.get_session_auth_hash(),
                }
            ),
            expire_date=until,
        )
        for user in users
    }
    SignIn.objects.bulk_create(rows.values())
    return {pk: f"{settings.SESSION_COOKIE_NAME}={row.session_key}" for pk, row in rows.items()}


def priced(model: str) -> str:
    """The model's name, once there is a price for it: the default model's."""
    if not ModelPrice.objects.filter(model=model).exists():
        for row in ModelPrice.objects.filter(model=settings.MODEL_DEFAULT):
            row.pk, row.model = None, model
            row.save()
    return model


def viewer(looking: User, seat: Seat) -> Seat:
    """The seat of somebody else who looks at this session."""
    return Seat(looking.pk, seat.session, seat.path, sign_in([looking])[looking.pk])


def transcript(session: uuid.UUID) -> dict[int, Line]:
    """What is stored of a session, by number."""
    rows = Message.objects.filter(session_id=session).order_by("sequence")
    return {row.sequence: Line(str(row.pk), row.role, row.content, row.status) for row in rows}


def transcripts(students: Iterable[Student]) -> dict[uuid.UUID, dict[int, Line]]:
    """What is stored of the sessions of these students."""
    found: dict[uuid.UUID, dict[int, Line]] = {student.seat.session: {} for student in students}
    for row in Message.objects.filter(session_id__in=found).order_by("sequence"):
        found[row.session_id][row.sequence] = Line(str(row.pk), row.role, row.content, row.status)
    return found


def lost(students: Iterable[Student]) -> int:
    """How many acked messages are not stored exactly once, as they were acked."""
    acked = {key: ack for student in students for key, ack in student.talk.acked.items()}
    stored: dict[str, list[tuple[str, int, str]]] = {}
    rows = Message.objects.filter(client_key__in=acked).values_list("client_key", "pk", "sequence", "content")
    for key, pk, sequence, content in rows:
        stored.setdefault(str(key), []).append((str(pk), sequence, content))
    return sum(stored.get(key) != [ack] for key, ack in acked.items())


def running(sessions: Iterable[uuid.UUID] | None = None) -> int:
    """How many turns run, in all sessions or in these."""
    turns = Turn.objects.running()
    return turns.count() if sessions is None else turns.filter(session_id__in=list(sessions)).count()


def ended(students: Iterable[Student]) -> str:
    """How the ended turns of these students ended, with how many of each."""
    sessions = [student.seat.session for student in students]
    turns = Turn.objects.filter(session_id__in=sessions).exclude(status__in=Turn.RUNNING)
    found = collections.Counter(f"{status} {error}".strip() for status, error in turns.values_list("status", "error"))
    return ", ".join(f"{reason} × {count}" for reason, count in found.items())


def stop_everything() -> None:
    """Ask every process to end its replies now."""
    Turn.objects.running().update(stop_requested_at=timezone.now())
