"""The engine of a web process: heart, hub, runner and watch, started before the first request and drained last."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations.live.database import in_upkeep
from conversations.live.hub import Hub
from conversations.live.runner import Runner
from conversations.live.watch import Watch
from conversations.protocol import Close
from conversations.sessions import close_overdue
from conversations.turns.recover import recover
from monitoring import heartbeats, reports
from monitoring.models import Heartbeat

logger = logging.getLogger("rapport.engine")

LOOK_SECONDS = 60.0


class Engine:
    """Everything that a web process does beside answering requests."""

    def __init__(self) -> None:
        self.process_id = uuid.uuid4()
        self.hub = Hub()
        self.runner = Runner(self.process_id, self.hub)
        self.watch = Watch(self.process_id, self.hub, self.runner)
        self.draining = False
        self._tasks: list[asyncio.Task[None]] = []
        self._beaten_at = time.monotonic()
        self._judging_from = 0.0

    async def start(self) -> None:
        """Register this process, end what dead ones left, and begin to beat, save, watch and recover."""
        await self._beat()
        await in_upkeep(recover)
        self._tasks = [
            asyncio.create_task(_every(settings.HEARTBEAT_SECONDS, self._beat)),
            # Far more often than a heart beats: from the moment that a process counts as dead, somebody waits.
            asyncio.create_task(_every(settings.WATCH_SECONDS, self._recover)),
            asyncio.create_task(_every(settings.CHECKPOINT_SECONDS, self.runner.save)),
            asyncio.create_task(_every(settings.WATCH_SECONDS, self.watch.look)),
            asyncio.create_task(_every(LOOK_SECONDS, self._look_after_background)),
        ]

    async def drain(self) -> None:
        """Stop taking turns, finish the running ones, close the sockets so that clients go elsewhere, leave."""
        self.draining = True
        # Whoever waits for nothing moves on at once; the others stay for the end of their reply.
        accepting_in = self.runner.accepting_in
        for viewer in self.hub.all():
            if self.runner.running_in(viewer.session_id) is None and viewer.session_id not in accepting_in:
                await viewer.close(Close.RESTARTING)
        await self.runner.drain(settings.DRAIN_SECONDS)
        for viewer in self.hub.all():
            await viewer.close(Close.RESTARTING)
        await self.stop()

    async def stop(self) -> None:
        """End the loops and take this process out of the living."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await in_upkeep(heartbeats.stop, self.process_id)

    async def _beat(self) -> None:
        await in_upkeep(heartbeats.beat, self.process_id, Heartbeat.Kind.WEB)
        now = time.monotonic()
        if now - self._beaten_at > settings.HEARTBEAT_DEAD_SECONDS:
            # The database was away, for others too: they get as long to say that they live.
            self._judging_from = now + settings.HEARTBEAT_DEAD_SECONDS
        self._beaten_at = now

    async def _look_after_background(self) -> None:
        """Tell operators when nobody does the background work: no worker could."""
        await in_upkeep(reports.check_background)

    async def _recover(self) -> None:
        late = time.monotonic() - self._beaten_at > settings.HEARTBEAT_DEAD_SECONDS
        if late or time.monotonic() < self._judging_from:
            return
        at_work, accepting_in = self.runner.at_work, self.runner.accepting_in
        await in_upkeep(recover, self.process_id, at_work, accepting_in, timezone.now())
        # Last: a class whose time is up at once must not keep the turns of a dead process waiting.
        await in_upkeep(close_overdue)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again; a failure is logged and the next round tries anew, since the database may be away."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            logger.exception("%s failed, will try again", work.__qualname__)


_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, Engine] = WeakKeyDictionary()


async def engine() -> Engine:
    """The engine of this process's event loop, started on first use where `manage.py serve` did not start it before."""
    loop = asyncio.get_running_loop()
    if loop not in _engines:
        _engines[loop] = Engine()
        await _engines[loop].start()
    return _engines[loop]


def check_serving() -> str:
    """The health check of this process: not ready once it is on its way out, so that no new work is sent here."""
    return _("is on its way out") if any(one.draining for one in _engines.values()) else ""
