"""`make bench-data`: what a term of six million messages costs, against the goals, with the plans it relies on.

    DATABASE_URL=postgres://… python -m bench.data [--rounds 20] [--only search] [--brief] [--migrations]

The database is one that `manage.py make_term` filled. Pages are asked in this process through Django's test client
after three rounds to warm up; the median counts. Sending is measured by two processes in turn, one on this database and
one on an almost empty one of the same server, which is made for it and dropped. On a busy machine the best round and
the CPU say more than the median: a page is marked as in `bench-lists`, a ratio holds as it is.

`--migrations` copies the database, takes the newest migrations back there and applies them again while messages are
sent, and prints the longest send; nobody may be connected while it is copied.
"""

import argparse
import contextlib
import gc
import itertools
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bench import lists
from bench.lists import Asked, ask, explain, line, signed_in, variants
from bench.processes import ROOT

# Milliseconds, but for sending: times what it takes on an almost empty database.
GOALS = {
    "dashboard": 150.0,
    "admin sessions": 200.0,
    "admin messages": 200.0,
    "transcript": 50.0,
    # The one with the most to show, by the limit of any page.
    "longest transcript": 100.0,
    "teacher's sessions": 100.0,
    "search": 300.0,
    "roll-up": 2_000.0,
}
SENDING_GOAL = 1.10
LONGEST_SEND_MS = 1_000.0
# Words that many, few, next to no and no messages have, and two that many have side by side.
SEARCHED = ("rent", "Okafor", "marzipan", "zzzz", '"the letter"')
# What is taken back before it is applied again: the state that the part before this one left.
BEFORE = (("conversations", "0006"), ("monitoring", "0006"), ("accounts", "0006"))


def main() -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.data", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="how often each page is asked (default 20)")
    parser.add_argument("--only", default="", help="only what contains this, such as search")
    parser.add_argument("--brief", action="store_true", help="without plans")
    parser.add_argument("--migrations", action="store_true", help="only the newest migrations, while messages are sent")
    options = parser.parse_args()
    database_address()
    with tempfile.TemporaryDirectory(prefix="rapport-data-") as folder:
        os.environ.update(DEMO="true", DEBUG="false", DATA_DIR=folder)  # noqa: TID251
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
        import django

        django.setup()
        logging.getLogger("django.request").setLevel(logging.ERROR)
        # As a web process does when it starts (config/server.py).
        gc.freeze()
        if options.migrations:
            return migrations()
        missed = pages(options) if any(options.only in goal for goal in GOALS) else []
        if options.only in "sending":
            missed += sending(options.rounds)
    return 1 if missed else 0


def pages(options: argparse.Namespace) -> list[str]:
    """Ask every page of every goal and roll a day up; the names of the goals that are missed."""
    print(f"{'page':<66}{'as':<9}{'ms':>8}{'best':>8}{'CPU':>7}{'DB CPU':>8}{'queries':>9}{'rows':>6}{'KiB':>7}")
    slowest: dict[str, Asked] = {}
    people = lists.people()
    for goal, subjects in asked_for(people).items():
        if options.only not in goal:
            continue
        print(f"{goal}: at most {GOALS[goal]:.0f} ms")
        for role, get_addresses in subjects:
            with signed_in(people[role]) as get:
                for address in get_addresses(get):
                    page = ask(Asked(goal, address, role), get, options.rounds)
                    page.limit = GOALS[goal]
                    print(line(page), flush=True)
                    if goal not in slowest or page.ms > slowest[goal].ms:
                        slowest[goal] = page
    if options.only in "roll-up":
        slowest["roll-up"] = roll_up(options.rounds)
    missed = [goal for goal, page in slowest.items() if page.ms > GOALS[goal] or page.status != 200]
    if not options.brief:
        for page in slowest.values():
            explain(page)
    print(f"\n{'goal':<22}{'at most':>10}{'slowest':>10}{'best':>10}")
    for goal, page in slowest.items():
        mark = "  MISSED" if goal in missed else ""
        print(f"{goal:<22}{GOALS[goal]:>7.0f} ms{page.ms:>7.0f} ms{min(page.wall):>7.0f} ms{mark}")
    if lists.machine_is_busy():
        print("Others use this machine now: medians are of their waiting too.")
    return missed


Addresses = Callable[[Callable[[str], Any]], Iterator[str]]


def asked_for(people: dict[str, Any]) -> dict[str, list[tuple[str, Addresses]]]:
    """For each goal who asks, and what."""
    from django.db.models import Avg
    from django.urls import reverse

    from conversations.models import Session

    talks = Session.objects.visible_to(people["busy"]).filter(status="completed", kind="practice")
    mean = round(talks.aggregate(mean=Avg("last_sequence"))["mean"] or 0)
    typical = talks.filter(last_sequence__gte=mean).order_by("last_sequence", "-started_at").first()
    longest = talks.order_by("-last_sequence").first()
    if typical is None or longest is None:
        raise SystemExit("Nobody has talked in this database: manage.py make_term fills one.")
    sessions = reverse("session-list")
    found = [f"{sessions}?q={words}" for words in SEARCHED]
    return {
        "dashboard": [("admin", _only(reverse("admin:index")))],
        "admin sessions": [("admin", _with_variants(reverse("admin:conversations_session_changelist")))],
        "admin messages": [("admin", _with_variants(reverse("admin:conversations_message_changelist")))],
        "transcript": [(role, _only(reverse("transcript", args=[typical.pk]))) for role in ("busy", "admin")],
        "longest transcript": [("busy", _only(reverse("transcript", args=[longest.pk])))],
        "teacher's sessions": [(role, _with_variants(sessions, search=False)) for role in ("teacher", "busy")],
        "search": [(role, _only(*found)) for role in ("teacher", "busy", "admin")],
    }


def _only(*addresses: str) -> Addresses:
    return lambda _get: iter(addresses)


def _with_variants(address: str, *, search: bool = True) -> Addresses:
    """The page, with filters and searches that it offers, the next page and one far away."""

    def found(get: Callable[[str], Any]) -> Iterator[str]:
        queries = variants(get(address).content.decode())
        return iter([address, *(address + query for query in queries if search or "?q=" not in query)])

    return found


def roll_up(rounds: int) -> Asked:
    """Add up the busiest day again and again."""
    from django.db.models import Sum
    from django.http import HttpResponse

    from monitoring import rollups
    from monitoring.models import DailyUsage

    busiest = DailyUsage.objects.values("day").annotate(sum=Sum("attempts")).order_by("-sum").first()
    if busiest is None:
        raise SystemExit("Nothing is rolled up in this database: manage.py make_term fills one.")

    def again(_address: str) -> HttpResponse:
        rollups.rebuild_day(busiest["day"])
        return HttpResponse()

    print(f"roll-up: {busiest['sum']:,} attempts on {busiest['day']}, at most {GOALS['roll-up']:.0f} ms")
    page = ask(Asked("roll-up", f"roll-up of {busiest['day']}", ""), again, rounds)
    page.limit, page.most_queries = GOALS["roll-up"], 50
    print(line(page), flush=True)
    return page


def sending(rounds: int) -> list[str]:
    """Send by turns here and to an almost empty database; whether that goal is missed."""
    number = 20 * rounds
    here = database_address()
    with empty_database() as empty, sender(here) as send_here, sender(empty) as send_there:
        for _warm_up in range(20):
            send_here(), send_there()
        taken = [(send_here(), send_there()) for _send in range(number)]
    ratios = []
    print(f"\nsending, {number} messages each, in turn")
    for place, what in enumerate(("median ms", "of it our CPU")):
        full, bare = (statistics.median(pair[side][place] for pair in taken) for side in (0, 1))
        ratios.append(full / bare)
        print(f"{what:<22}{full:>8.2f} here {bare:>8.2f} on an empty database {full / bare:>8.2f} times")
    missed = ratios[0] > SENDING_GOAL
    print(f"{'sending':<22}{SENDING_GOAL:>5.2f} times{ratios[0]:>5.2f} times{'  MISSED' if missed else ''}")
    return ["sending"] if missed else []


def migrations() -> int:
    """Apply the newest migrations to a copy while messages are sent; 1 if one send takes too long."""
    with copied_database() as copy:
        for app, migration in BEFORE:
            manage(copy, "migrate", app, migration, "--verbosity", "0")
        taken: list[float] = []
        done = threading.Event()
        with sender(copy) as send:
            send()

            def keep_sending() -> None:
                while not done.is_set():
                    taken.append(send()[0])

            others = threading.Thread(target=keep_sending)
            others.start()
            time.sleep(5)
            quiet = len(taken)
            began = time.perf_counter()
            try:
                manage(copy, "migrate", "--verbosity", "1")
            finally:
                seconds = time.perf_counter() - began
                during = taken[quiet:]
                done.set()
                others.join()
    print(
        f"before: {quiet} sends, median {statistics.median(taken[:quiet]):.1f} ms, longest {max(taken[:quiet]):.0f} ms"
    )
    print(f"during: {len(during)} sends in {seconds:.1f} s, median {statistics.median(during):.1f} ms")
    missed = max(during) > LONGEST_SEND_MS
    print(f"longest send {max(during):.0f} ms, at most {LONGEST_SEND_MS:.0f} ms{'  MISSED' if missed else ''}")
    return int(missed)


@contextlib.contextmanager
def sender(database: str) -> Iterator[Callable[[], tuple[float, float]]]:
    """A process that sends to this database: a call sends one message and gives its milliseconds, all and our CPU's."""
    environment = {**os.environ, "DATABASE_URL": database}  # noqa: TID251
    command = [sys.executable, "-m", "bench.sender"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def send() -> tuple[float, float]:
            stdin.write("\n")
            answer = stdout.readline()
            if not answer:
                raise SystemExit("The process that sends has ended.")
            ms, worked = answer.split()
            return float(ms), float(worked)

        try:
            yield send
        finally:
            stdin.close()


@contextlib.contextmanager
def empty_database() -> Iterator[str]:
    """A database on the same server with the least that a message needs; dropped at the end."""
    with made_database("_empty", "") as address:
        manage(address, "migrate", "--verbosity", "0")
        small = ("students", "20"), ("sections", "2"), ("sessions", "20"), ("weeks", "1")
        options = itertools.chain.from_iterable((f"--{name}", number) for name, number in small)
        manage(address, "make_term", *options)
        yield address


@contextlib.contextmanager
def copied_database() -> Iterator[str]:
    """The database once more, dropped at the end."""
    from django.db import connection

    connection.close()
    with made_database("_copy", f' TEMPLATE "{urlsplit(database_address()).path[1:]}"') as address:
        yield address


@contextlib.contextmanager
def made_database(suffix: str, how: str) -> Iterator[str]:
    """A new database beside this one, by its address; dropped at the end."""
    import psycopg

    parts = urlsplit(database_address())
    name = parts.path[1:] + suffix
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}"')
        server.execute(f'CREATE DATABASE "{name}"{how}')
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def database_address() -> str:
    """Where the term is. Raises SystemExit where it is not on PostgreSQL."""
    address = os.environ.get("DATABASE_URL", "")  # noqa: TID251
    if not address.startswith("postgres"):
        raise SystemExit("Name the PostgreSQL database that make_term filled in DATABASE_URL.")
    return address


def manage(database: str, *words: str) -> None:
    """Run a management command on that database; raises CalledProcessError when it fails."""
    environment = {**os.environ, "DATABASE_URL": database}  # noqa: TID251
    subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
