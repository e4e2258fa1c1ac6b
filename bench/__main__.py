"""`make bench`: N chats at once against the stand-in API, Rapport beside the least relay, as one table.

    python -m bench --chats 200 --turns 2

With DATABASE_URL the run makes a database of its own beside the one named there and drops it afterwards; without it,
SQLite in a temporary directory. REDIS_URL is used as given: name a spare database number. The server has one core, the
stand-in and the load generator another. Compare only runs made side by side; CPU seconds hold on a shared machine,
latencies less so.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import uvloop
from psycopg import sql

from bench.load import Findings, Plan, Seat, Server, run, share
from bench.processes import RAISED, ROOT, free_port, pinned, process, settings_of_the_run


def main() -> int:
    """Run both servers one after the other under the same load; 1 if Rapport lost a turn."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chats", type=int, default=200, help="chats at once (default 200)")
    parser.add_argument("--turns", type=int, default=2, help="turns in each chat (default 2)")
    parser.add_argument("--think", type=float, default=7.0, help="mean seconds between turns (default 7)")
    parser.add_argument("--tokens", type=int, default=100, help="deltas in a reply (default 100)")
    parser.add_argument("--delay", type=float, default=30.0, help="milliseconds between deltas (default 30)")
    parser.add_argument(
        "--ttft", type=float, default=300.0, help="milliseconds to the model's first word (default 300)"
    )
    parser.add_argument(
        "--timeout", type=float, default=60.0, help="seconds after which a turn counts as lost (default 60)"
    )
    parser.add_argument("--out", type=Path, help="append the figures to this file, as one JSON line")
    options = parser.parse_args()
    plan = Plan(options.turns, options.think, options.tokens, options.timeout)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rapport-bench-")))
        database = stack.enter_context(own_database())
        environment = settings_of_the_run(folder, database, os.environ.get("REDIS_URL", ""))  # noqa: TID251
        api = stack.enter_context(stand_in(options))
        environment["ANTHROPIC_BASE_URL"] = api
        print(heading(options, environment), flush=True)
        connections = Connections(environment["DATABASE_URL"])
        ours = measure_rapport(options.chats, plan, environment, connections)
        floor = measure_floor(options.chats, plan, api)
    print(table(ours, floor, connections.highest))
    if options.out:
        with options.out.open("a") as file:
            file.write(
                json.dumps({"rapport": summary(ours), "floor": summary(floor), **vars(options)}, default=str) + "\n"
            )
    return 1 if ours.lost else 0


def heading(options: argparse.Namespace, environment: dict[str, str]) -> str:
    """What runs, on what, and under which limits."""
    database = "PostgreSQL" if environment["DATABASE_URL"].startswith("postgres") else "SQLite"
    cache = "Redis" if environment["REDIS_URL"] else "files"
    raised = ", ".join(f"{name}={value}" for name, value in RAISED.items())
    return (
        f"{options.chats} chats, {options.turns} turns each, {options.think:g} s of thought between them; the model "
        f"says its first word after {options.ttft:g} ms and {options.tokens} tokens, one each {options.delay:g} ms\n"
        f"{database}, cache in {cache}, server on one core; limits set for this run: {raised}"
    )


@contextlib.contextmanager
def own_database() -> Iterator[str]:
    """A PostgreSQL database for the length of the run, beside the one DATABASE_URL names; "" where none is named."""
    given = os.environ.get("DATABASE_URL", "")  # noqa: TID251
    if not given.startswith("postgres"):
        yield ""
        return
    name = f"rapport_bench_{os.getpid()}"
    url = urlsplit(given)
    maintenance = urlunsplit(url._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(url._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Connections:
    """How many connections the bench's database has at most, where that is PostgreSQL."""

    def __init__(self, database: str) -> None:
        self.database = database if database.startswith("postgres") else ""
        self.highest = 0

    async def watch(self) -> None:
        """Count once a second, without this connection itself."""
        if not self.database:
            return
        question = "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()"
        async with await psycopg.AsyncConnection.connect(self.database, autocommit=True) as connection:
            while True:
                row = await (await connection.execute(question)).fetchone()
                self.highest = max(self.highest, row[0] if row else 0)
                await asyncio.sleep(1)


@contextlib.contextmanager
def stand_in(options: argparse.Namespace) -> Iterator[str]:
    """The Messages API of the run; its base URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    modes = {"tokens": options.tokens, "delay": options.delay, "ttft": options.ttft, "stamped": 1}
    arguments = ["-m", "bench.standin", "--port", str(port)]
    for name, value in modes.items():
        arguments += [f"--{name}", str(value)]
    with process(arguments, f"{url}/_stats", core=1):
        yield url


def measure_rapport(chats: int, plan: Plan, environment: dict[str, str], connections: Connections) -> Findings:
    """The load on `manage.py serve`."""
    prepared = subprocess.run(
        [sys.executable, "-m", "bench.prepare", "--chats", str(chats)],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    port = free_port()
    address = f"127.0.0.1:{port}"
    seats = [Seat(f"ws://{address}{seat['path']}", seat["cookie"]) for seat in json.loads(prepared.stdout)]
    server = ["manage.py", "serve", "--port", str(port)]
    with process(server, f"http://{address}/healthz", core=0, environment=environment) as pid:
        return load(seats, plan, pid, connections)


def measure_floor(chats: int, plan: Plan, api: str) -> Findings:
    """The same load on the least relay."""
    port = free_port()
    with process(["-m", "bench.floor", "--port", str(port), "--api", api], f"http://127.0.0.1:{port}/", core=0) as pid:
        return load([Seat(f"ws://127.0.0.1:{port}/ws")] * chats, plan, pid, Connections(""))


def load(seats: list[Seat], plan: Plan, pid: int, connections: Connections) -> Findings:
    """Generate it in this process, away from the server's core."""

    async def watched() -> Findings:
        watching = asyncio.create_task(connections.watch())
        findings = await run(seats, plan, Server(pid))
        watching.cancel()
        return findings

    if pin := pinned(1):
        pin()
    return uvloop.run(watched())


ROWS: list[tuple[str, str, Callable[[Findings], float], bool]] = [
    ("turns", "{:.0f}", lambda f: f.turns, False),
    ("lost turns", "{:.0f}", lambda f: f.lost.total(), False),
    ("relayed tokens a second", "{:.0f}", lambda f: f.deltas / f.seconds, False),
    ("added time to first token, p50, ms", "{:.1f}", lambda f: share(f.added_first, 50), True),
    ("added time to first token, p99, ms", "{:.1f}", lambda f: share(f.added_first, 99), True),
    ("token on its way, p50, ms", "{:.1f}", lambda f: share(f.lag, 50), True),
    ("token on its way, p99, ms", "{:.1f}", lambda f: share(f.lag, 99), True),
    ("whole reply, mean, s", "{:.2f}", lambda f: sum(f.whole) / max(len(f.whole), 1) / 1000, False),
    ("whole reply, p95, s", "{:.2f}", lambda f: share(f.whole, 95) / 1000, False),
    ("CPU seconds per 1,000 tokens", "{:.3f}", lambda f: f.cpu_per_1000, True),
    ("share of its core", "{:.0%}", lambda f: f.cpu / f.seconds, False),
    ("memory per idle chat, KiB", "{:.0f}", lambda f: f.idle_kib, False),
    ("memory per chat at the peak, KiB", "{:.0f}", lambda f: f.peak_kib, False),
    ("load generator's share of a core", "{:.0%}", lambda f: f.generator_share, False),
]


def table(ours: Findings, floor: Findings, connections: int) -> str:
    """Both runs side by side, with the ratio where one means something, and what went wrong."""
    lines = ["", f"{'':<36}{'Rapport':>12}{'floor':>12}{'ratio':>9}"]
    for label, form, value, compared in ROWS:
        a, b = value(ours), value(floor)
        ratio = f"{a / b:.1f}" if compared and b and not math.isnan(a / b) else ""
        lines.append(f"{label:<36}{form.format(a):>12}{form.format(b):>12}{ratio:>9}")
    if connections:
        label = "database connections per 100 chats"
        lines.append(f"{label:<36}{connections / ours.chats * 100:>12.1f}{'none':>12}")
    for name, findings in (("Rapport", ours), ("floor", floor)):
        lines += [f"lost by {name}: {count} × {reason}" for reason, count in findings.lost.most_common(5)]
    if max(ours.generator_share, floor.generator_share) > 0.85:
        lines.append("The load generator was near its own limit, so the latencies are not the server's alone.")
    return "\n".join(lines)


def summary(findings: Findings) -> dict[str, float]:
    """The table's figures of one run by label."""
    return {label: round(value(findings), 4) for label, _, value, _ in ROWS}


if __name__ == "__main__":
    sys.exit(main())
