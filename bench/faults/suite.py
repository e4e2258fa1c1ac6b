"""The lines in their order, and how one is performed: the fault, the rest after it, the audit."""

import asyncio
import time
import traceback
from pathlib import Path

import aiohttp

from bench.faults import access, crashes, crowds, frames, limits, provider, school, sends
from bench.faults.api import Api
from bench.faults.audit import Audit
from bench.faults.portal import Portal
from bench.faults.school import in_database
from bench.faults.servers import PostgreSQL, Redis
from bench.faults.stage import FAULTS, Fault, Stage
from bench.faults.verdict import Report

MODULES = (access, crashes, crowds, frames, limits, provider, sends)
MOST_SECONDS = 300


def chosen(names: list[str]) -> list[Fault]:
    """The lines of these names, or all, in the order of their numbers. Raises SystemExit for one that there is not."""
    if unknown := set(names) - set(FAULTS):
        raise SystemExit(
            f"There is no line {', '.join(sorted(unknown))}; there are {', '.join(sorted(FAULTS, key=number))}."
        )
    return [FAULTS[name] for name in sorted(names or FAULTS, key=number)]


def number(name: str) -> int:
    """The number in a line's name."""
    return int(name[1:])


async def perform(
    faults: list[Fault], processes: list[int], environment: dict[str, str], folder: Path,
    servers: tuple[PostgreSQL, Redis, Api], *, short: bool,
) -> list[Report]:  # fmt: skip
    """One portal for each number of processes, all lines on it, each printed as it ends."""
    postgresql, redis, api = servers
    reports: list[Report] = []
    audit = Audit()
    await in_database(school.open_school)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        for count in processes:
            print(f"\nOn {count} web process{'es' if count > 1 else ''}", flush=True)
            async with Portal(count, environment, folder) as portal:
                for fault in faults:
                    if not fault.runs_on(count, processes, short=short):
                        continue
                    report = Report(fault.name, fault.title, count)
                    stage = Stage(portal, api, postgresql, redis, http, short, report)
                    await perform_one(fault, stage, audit)
                    print(report, flush=True)
                    reports.append(report)
    return reports


async def perform_one(fault: Fault, stage: Stage, audit: Audit) -> None:
    """One line, whatever happens in it; then the portal comes to rest and is audited."""
    report, started = stage.report, time.monotonic()
    stage.portal.said()
    try:
        async with asyncio.timeout(MOST_SECONDS):
            await fault.work(stage)
    except Exception as error:  # noqa: BLE001  (told in the report)
        where = traceback.extract_tb(error.__traceback__)[-1]
        report.fail(f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
    try:
        await stage.rest()
        for breach in await in_database(audit.new_breaches):
            report.fail(f"audit: {breach}")
    except Exception as error:  # noqa: BLE001  (told in the report)
        report.fail(f"at rest: {type(error).__name__}: {error}")
    report.seconds = time.monotonic() - started
    if not report.passed:
        for line in list(dict.fromkeys(line for line in stage.portal.said() if " ERROR " in line))[:5]:
            report.fail(f"log: {line[:300]}")
