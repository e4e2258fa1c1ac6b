"""The portal under test: web processes that share one PostgreSQL and Redis, killed, drained and started again."""

import asyncio
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from bench.processes import answers, end, free_port, start, wait_until


class Web:
    """One `manage.py serve`; it comes back on the same port."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.port = environment, free_port()
        self.path = folder / f"web-{self.port}.log"
        self.log: IO[bytes] = self.path.open("ab")
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serve, and wait until it answers."""
        self.child = start(["manage.py", "serve", "--port", str(self.port)], self.environment, log=self.log)
        url = f"http://{self.address}/healthz"
        await asyncio.to_thread(wait_until, lambda: answers(url), self.child, "manage.py serve")

    async def stop(self, by: signal.Signals) -> int:
        """End it by a signal and wait; its exit status."""
        assert self.child is not None
        self.child.send_signal(by)
        return await asyncio.to_thread(self.child.wait, 90)

    def end(self) -> None:
        """End it for good, whatever state it is in."""
        if self.child is not None:
            end(self.child)
        self.log.close()

    @property
    def resident(self) -> int:
        """Its memory, in bytes."""
        assert self.child is not None
        resident: int = psutil.Process(self.child.pid).memory_info().rss
        return resident


class Portal:
    """One web process or several, as a context manager that leaves none behind."""

    def __init__(self, processes: int, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.webs = [Web(environment, folder) for _ in range(processes)]
        self._gone: list[Web] = []
        self._read = {web.path: 0 for web in self.webs}

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(web.start() for web in self.webs))
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        for web in [*self.webs, *self._gone]:
            web.end()

    @property
    def addresses(self) -> list[str]:
        """Where the web processes listen."""
        return [web.address for web in self.webs]

    @property
    def resident(self) -> int:
        """The memory of all web processes, in bytes."""
        return sum(web.resident for web in self.webs)

    async def add(self) -> Web:
        """Start one more beside the others, as for a deploy."""
        web = Web(self.environment, self.folder)
        self.webs.append(web)
        self._read[web.path] = 0
        await web.start()
        return web

    def dismiss(self, web: Web) -> None:
        """Do without this one from now on."""
        self.webs.remove(web)
        self._gone.append(web)

    async def revive(self) -> None:
        """Start what a line has killed and left."""
        for web in self.webs:
            if web.child is not None and web.child.poll() is not None:
                await web.start()

    def said(self) -> list[str]:
        """What the web processes have logged since this was last asked."""
        lines: list[str] = []
        for path, seen in self._read.items():
            text = path.read_bytes()[seen:]
            self._read[path] += len(text)
            lines += text.decode(errors="replace").splitlines()
        return lines
