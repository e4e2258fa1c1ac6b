"""`make bench-lists`: every page, asked as a teacher, a busy one, an admin and students, on the data of a whole school.

    DATABASE_URL=postgres://… python -m bench.lists [--rounds 20] [--only section] [--explain]

The database is one that `manage.py make_term` filled. Pages are asked in this process through Django's test client,
three times to warm up and then so often as rounds say; the median counts. Where others use the machine too, the best
and the CPU say more: that of this process, and that of its connection in PostgreSQL. Above 100 ms, above 12 queries or
with an error, a page is marked and the exit status is 1; on a busy machine one is slow only if it worked for half of
that. Pages that a role may not see, and downloads, are passed over.
"""

import argparse
import contextlib
import logging
import os
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import psutil

LIMIT_MS, LIMIT_QUERIES, WARM_UPS = 100.0, 12, 3
# A page that takes so long need not be asked more than a few times.
ENOUGH_SECONDS = 10
# Which row a page with a key in its address is about, by the words the address begins with.
ABOUT = {
    "sections": "section", "sessions": "session", "assignments": "assignment", "work/tasks": "task",
    "work": "assignment", "clients": "client", "practice": "client", "rubrics": "rubric", "flags": "flag",
    "attempts": "attempt", "notifications": "notification", "messages": "message", "jobs": "job", "wall": "section",
    "progress": "section",
}  # fmt: skip
# Words that many, few and no conversations, people and titles have.
SEARCHED = ("interview", "ana", "marzipan", "zzzz")
MOST_VARIANTS = 16


@dataclass(slots=True)
class Asked:
    """One page as one person, and what it took: milliseconds and queries of each round."""

    name: str
    address: str
    role: str
    status: int = 0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    database_cpu: float = 0
    queries: list[tuple[float, str, Any]] = field(default_factory=list)
    rows: int = 0
    kib: float = 0
    limit: float = LIMIT_MS
    most_queries: int = LIMIT_QUERIES

    @property
    def ms(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.wall)

    @property
    def remark(self) -> str:
        """What is wrong with it, if anything."""
        found = [f"{self.status}"] if self.status >= 500 else []
        # While others use the machine, a page mostly waits for them: then it is judged by the work it made.
        worked = statistics.median(self.cpu) + self.database_cpu
        found += ["SLOW"] if self.ms > self.limit and (2 * worked > self.limit or not machine_is_busy()) else []
        found += ["QUERIES"] if len(self.queries) > self.most_queries else []
        return " ".join(found)


def main() -> int:
    """Ask every page and print the table; 1 if one is over a limit."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.lists", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="how often each page is asked (default 20)")
    parser.add_argument("--only", default="", help="only pages whose route name contains this")
    parser.add_argument("--role", default="", help="only as this role, such as busy")
    parser.add_argument("--explain", action="store_true", help="with the plan of the slowest query of each marked page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-lists-") as folder:
        # As in production, but for HTTPS and the hashes of static files.
        os.environ.update(DEMO="true", DEBUG="false", DATA_DIR=folder)  # noqa: TID251
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
        import django

        django.setup()
        # That a role may not see a page, or may only post to it, is no news here.
        logging.getLogger("django.request").setLevel(logging.ERROR)
        pages = measure(options)
    marked = [page for page in pages if page.remark]
    print(f"\n{len(pages)} pages, {len(marked)} over a limit; medians of {options.rounds} after {WARM_UPS} to warm up")
    if options.explain:
        for page in marked:
            explain(page)
    return 1 if marked else 0


def measure(options: argparse.Namespace) -> list[Asked]:
    """Ask the pages of every role, with a line for each as it is done."""
    pages: list[Asked] = []
    print(f"{'page':<66}{'role':<9}{'ms':>8}{'best':>8}{'CPU':>7}{'DB CPU':>8}{'queries':>9}{'rows':>6}{'KiB':>7}")
    for role, user in people().items():
        if options.role not in role:
            continue
        with signed_in(user) as get:
            for name, address in addresses(user):
                if options.only not in name:
                    continue
                response = get(address)
                html = response.content.decode() if response.status_code == 200 and not response.streaming else ""
                for variant in [address, *(address + query for query in variants(html))]:
                    page = ask(Asked(name, variant, role), get, options.rounds)
                    if page.status in {200, 500}:
                        pages.append(page)
                        print(line(page), flush=True)
    return pages


def variants(html: str) -> list[str]:
    """What else a page offers by its address: tabs, filters, orders, searches, the next page, and one far away."""
    found = dict.fromkeys(unescape(query) for query in re.findall(r'(?:href|hx-get)="(\?[^"]+)"', html))
    # One page after another is the same question: the next is enough, and one far away. The admin sorts by any column.
    queries = [query for query in found if not re.search(r"[?&](?:page=[3-9]|o=)", query)]
    forms = re.findall(r"<form\b.*?</form>", html, re.DOTALL)
    filters = "".join(form for form in forms if 'method="post"' not in form)
    for select in re.findall(r"<select\b.*?</select>", filters, re.DOTALL):
        name = re.search(r'name="(\w+)"', select)
        values = re.findall(r'<option value="([^"]+)"', select)
        queries += [f"?{name[1]}={unescape(value)}" for value in values[:2]] if name else []
    if search := re.search(r'<input[^>]*type="search"[^>]*>', filters):
        name = re.search(r'name="(\w+)"', search[0])
        queries += [f"?{name[1]}={words}" for words in SEARCHED] if name else []
    if any("page=" in query for query in found):
        queries.append("?page=9999")
    if any("before=" in query for query in found):
        long_ago = f"{datetime.now(UTC) - timedelta(days=200):%Y-%m-%dT%H:%M:%S}+00:00"
        queries.append("?" + urlencode({"before": f"{long_ago}_{uuid.UUID(int=0)}"}))
    return queries[:MOST_VARIANTS]


def line(page: Asked) -> str:
    """The page's line of the table."""
    address = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", page.address)
    return (
        f"{address[:65]:<66}{page.role:<9}{page.ms:>8.1f}{min(page.wall):>8.1f}{statistics.median(page.cpu):>7.1f}{page.database_cpu:>8.1f}"
        f"{len(page.queries):>9}{page.rows:>6}{page.kib:>7.0f}  {page.remark}"
    )


def ask(page: Asked, get: Callable[[str], Any], rounds: int) -> Asked:
    """Ask it again and again; one that is not shown to this role is asked once."""
    from django.db import connection

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            page.queries.append((time.perf_counter() - began, sql, parameters))

    spent = 0.0
    for number in range(WARM_UPS + rounds):
        page.queries.clear()
        if number == WARM_UPS:
            spent = cpu_of_database()
        began, cpu = time.perf_counter(), time.process_time()
        with connection.execute_wrapper(note):
            response = get(page.address)
        if number >= WARM_UPS:
            page.wall.append((time.perf_counter() - began) * 1_000)
            page.cpu.append((time.process_time() - cpu) * 1_000)
        page.status = response.status_code
        if page.status != 200:
            page.wall, page.cpu = page.wall or [0.0], page.cpu or [0.0]
            break
        if sum(page.wall) > ENOUGH_SECONDS * 1_000 and len(page.wall) >= 3:
            break
        page.rows = len(re.findall(rb"<(?:tr|li|article)\b", response.content))
        page.kib = len(response.content) / 1024
    page.database_cpu = (cpu_of_database() - spent) / len(page.wall) * 1_000
    return page


def cpu_of_database() -> float:
    """Seconds of CPU that PostgreSQL has used for this connection; 0 where it runs on another machine.

    What helpers of a parallel plan use is not in it.
    """
    from django.db import connection

    connection.ensure_connection()
    try:
        used = psutil.Process(connection.connection.info.backend_pid).cpu_times()
    except (psutil.Error, AttributeError):
        return 0.0
    return float(used.user + used.system)


def machine_is_busy() -> bool:
    """Whether more wants to run than there are cores for."""
    return psutil.getloadavg()[0] > (psutil.cpu_count() or 1)


def people() -> dict[str, Any]:
    """Who asks, by how the table calls them."""
    from django.db.models import Count

    from accounts.models import User

    teachers = User.objects.filter(role=User.Role.TEACHER).annotate(taught=Count("teaching")).order_by("taught", "pk")
    typical = teachers.filter(taught__gte=10).first() or teachers.last()
    students = User.objects.filter(role=User.Role.STUDENT, is_active=True).annotate(talks=Count("practice"))
    students = students.order_by("talks", "pk")
    return {
        "teacher": typical,
        "busy": teachers.last(),
        "admin": User.objects.filter(role=User.Role.ADMIN).order_by("pk").first(),
        "student": students.filter(talks__gte=15, enrolments__section__archived_at=None).first() or students.last(),
        "eager": students.last(),
    }


@contextlib.contextmanager
def signed_in(user: Any) -> Iterator[Callable[[str], Any]]:
    """A way to get pages as this person, whose sign-in is forgotten at the end."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.test import Client

    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    client = Client(SERVER_NAME="127.0.0.1", raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = str(store.session_key)
    try:
        yield client.get
    finally:
        store.delete()


def addresses(user: Any) -> Iterator[tuple[str, str]]:
    """Every page of the portal that may be got, by its route's name, about something that this person sees."""
    from django.urls import URLPattern, get_resolver, reverse

    subjects = subjects_of(user)
    for pattern in get_resolver().url_patterns:
        for route in getattr(pattern, "url_patterns", []):
            name = getattr(route, "name", None)
            if not isinstance(route, URLPattern) or not name or pattern.pattern.regex.pattern not in {"", "^"}:
                continue
            words = str(route.pattern)
            wanted = route.pattern.converters.keys()
            if "." in words or "token" in wanted or name in {"login", "logout", "healthz", "readyz"}:
                continue
            keys = {name: key_for(words, name, subjects) for name in wanted}
            if None in keys.values():
                continue
            yield name, reverse(name, kwargs=keys)
    if user.is_admin:
        from django.contrib import admin

        for model in admin.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            yield name, reverse(name)


def key_for(words: str, name: str, subjects: dict[str, Any]) -> Any:
    """The key that an address is about; None where nobody here knows one."""
    if name != "pk":
        return subjects.get({"person": "student"}.get(name, name))
    about = next((subject for start, subject in ABOUT.items() if words.startswith(f"{start}/")), "")
    return subjects.get(about)


def subjects_of(user: Any) -> dict[str, Any]:
    """The keys of what this person sees, of each kind the one with the most to show."""
    from django.db.models import Count

    from accounts.models import Enrolment, Notification, Section
    from clients.models import ClientProfile
    from conversations.models import Assignment, Attempt, Flag, Message, Rubric, Session
    from monitoring.models import Job

    sections = Section.objects.filter(pk__in=Section.objects.visible_to(user).current().values("pk"))
    section = sections.alias(places=Count("enrolments")).order_by("-places").first()
    assignments = Assignment.objects.filter(pk__in=Assignment.objects.visible_to(user).published().values("pk"))
    assignment = assignments.alias(made=Count("attempts")).order_by("-made").first()
    clients = ClientProfile.objects.filter(pk__in=ClientProfile.objects.startable_by(user).values("pk"))
    if user.is_teacher:
        clients = clients.filter(owner=user)
    session = Session.objects.visible_to(user).filter(status="completed", kind="practice", section__isnull=False)
    found: dict[str, Any] = {
        "section": section,
        "assignment": assignment,
        "task": assignment.clients.first() if assignment else None,
        "client": clients.alias(held=Count("sessions")).order_by("-held").first(),
        "session": session.order_by("-exchanges", "-started_at").first(),
        "rubric": Rubric.objects.visible_to(user).annotate(size=Count("criteria")).order_by("-size").first(),
        "flag": Flag.objects.visible_to(user).first(),
        "attempt": Attempt.objects.visible_to(user).first(),
        "notification": Notification.objects.filter(user=user).first(),
        "job": Job.objects.filter(owner=user).first(),
    }
    if found["session"]:
        found["message"] = Message.objects.filter(session=found["session"], role="client").first()
    enrolment = Enrolment.objects.filter(section=section, removed_at=None).order_by("student").first()
    keys = {kind: row.pk for kind, row in found.items() if row is not None}
    return keys | ({"student": enrolment.student_id} if enrolment else {})


def explain(page: Asked) -> None:
    """How PostgreSQL answers the slowest question of this page."""
    from django.db import connection

    print(f"\n{page.address} as {page.role}: queries of {[round(query[0] * 1_000, 1) for query in page.queries]} ms")
    _seconds, sql, parameters = max(page.queries, key=lambda query: query[0], default=(0, "", ()))
    if not sql.startswith("SELECT"):
        return
    # What is asked for is long and says little: what it is asked from says all.
    print(sql[sql.index(" FROM ") :])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", parameters)
        print("\n".join(row for (row,) in cursor.fetchall()))


if __name__ == "__main__":
    sys.exit(main())
