"""What a line of the suite works with, and the list of lines."""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import aiohttp

from bench.faults import school
from bench.faults.api import Api
from bench.faults.portal import Portal
from bench.faults.school import in_database
from bench.faults.servers import PostgreSQL, Redis
from bench.faults.student import Seat, Student
from bench.faults.verdict import Report


@dataclasses.dataclass
class Stage:
    """The portal with everything around it, and the report that a line writes its figures into."""

    portal: Portal
    api: Api
    postgresql: PostgreSQL
    redis: Redis
    http: aiohttp.ClientSession
    short: bool
    report: Report
    opened: list[Student] = dataclasses.field(default_factory=list)

    def size(self, full: int, short: int) -> int:
        """How many: the full run's number or the short one's."""
        return short if self.short else full

    @property
    def spread(self) -> bool:
        """Whether there is a second web process."""
        return len(self.portal.webs) > 1

    def student(self, seat: Seat, first: int = 0, addresses: Sequence[str] | None = None) -> Student:
        """A page on this seat, not opened yet; it tries the web processes in turn, number `first` first."""
        student = Student(self.http, seat, addresses or self.portal.addresses, first)
        self.opened.append(student)
        return student

    async def students(self, count: int, **kinds: Any) -> list[Student]:
        """New students with open pages, spread over the web processes; see `school.seats` for kinds."""
        seats = await in_database(school.seats, count, **kinds)
        students = [self.student(seat, number) for number, seat in enumerate(seats)]
        await asyncio.gather(*(student.open() for student in students))
        return students

    async def rest(self) -> None:
        """Close all pages, start what was killed, end what still runs, and wait until nothing does."""
        await asyncio.gather(*(student.close() for student in self.opened))
        await self.portal.revive()
        until = time.monotonic() + 30
        while await in_database(school.running) and time.monotonic() < until:
            await in_database(school.stop_everything)
            await asyncio.sleep(0.3)
        self.api.modes()


Work = Callable[[Stage], Awaitable[None]]
# On every number of web processes; on the largest alone, where it makes no difference; or that only in the short form.
Runs = Literal["on each", "once", "once if short"]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One line of the suite: its name, its title, what it does, and on how many web processes."""

    name: str
    title: str
    work: Work
    runs: Runs

    def runs_on(self, count: int, counts: Sequence[int], *, short: bool) -> bool:
        """Whether it runs on so many web processes, of those that this run has."""
        alone = self.runs == "once" or (short and self.runs == "once if short")
        return not alone or count == max(counts)


FAULTS: dict[str, Fault] = {}


def fault(name: str, title: str, runs: Runs = "on each") -> Callable[[Work], Work]:
    """Put a function into the suite."""

    def put(work: Work) -> Work:
        FAULTS[name] = Fault(name, title, work, runs)
        return work

    return put
