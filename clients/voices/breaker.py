"""What this process knows of a model's breaker: read at most once a second for all replies together."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from channels.db import database_sync_to_async
from django.db import Error

from clients.voices.base import Fault
from monitoring import breakers
from monitoring.models import Breaker

logger = logging.getLogger("rapport.voices")

REREAD_SECONDS = 1.0
# A database that is away must not keep a reply waiting: what was known last is good enough.
DATABASE_SECONDS = 5.0

R = TypeVar("R")

# One thread, hence one connection: reads are rare, and writes are for days when something is wrong.
_thread = ThreadPoolExecutor(1, thread_name_prefix="breakers")


class Key(NamedTuple):
    """What a breaker is about."""

    provider: str
    model: str


class BreakerView:
    """One process's sight of all breakers. Failures of the database are logged and never a reply's."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Breaker] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    def __getitem__(self, key: Key) -> Breaker:
        """The breaker as it was read last; one without a row answers."""
        return self._rows.get(key) or Breaker(provider=key.provider, model=key.model)

    async def look(self) -> None:
        """Read the rows again if the last time is a second ago; of many who look at once one reads."""
        if self._fresh:
            return
        async with self._reading:
            if not self._fresh:
                await self._read()

    @property
    def _fresh(self) -> bool:
        return time.monotonic() - self._read_at < REREAD_SECONDS

    async def _read(self) -> None:
        rows = await _in_database(breakers.read)
        self._rows = self._rows if rows is None else rows
        self._read_at = time.monotonic()

    async def failed(self, key: Key, fault: Fault, wait_seconds: float | None) -> None:
        """A call failed."""
        await _in_database(
            lambda: breakers.failed(provider=key.provider, model=key.model, fault=fault, wait_seconds=wait_seconds)
        )
        await self._read()

    async def succeeded(self, key: Key) -> None:
        """A call was answered. Of a healthy model, nothing is written."""
        row = self[key]
        if row.failures or row.state != Breaker.State.CLOSED:
            await _in_database(lambda: breakers.succeeded(provider=key.provider, model=key.model))
            await self._read()

    async def try_probe(self, key: Key) -> bool:
        """Take the one probe of a model that was left alone for long enough."""
        probe = {"provider": key.provider, "model": key.model}
        asking = asyncio.ensure_future(_in_database(lambda: breakers.try_probe(**probe)))
        try:
            taken = await asyncio.shield(asking)
            await self._read()
        except asyncio.CancelledError:
            # Stopped while the database answers: what it gave is given back.
            if await asking:
                await self.release_probe(key)
            raise
        return bool(taken)

    async def release_probe(self, key: Key) -> None:
        """Give the probe back without having learnt anything."""
        await _in_database(lambda: breakers.release_probe(provider=key.provider, model=key.model))
        await self._read()


async def _in_database(verb: Callable[[], R]) -> R | None:
    """What the verb answers, None when the database does not."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            answer: R = await database_sync_to_async(verb, thread_sensitive=False, executor=_thread)()
            return answer
    except (Error, TimeoutError) as error:
        logger.warning("the breakers could not be reached: %r", error)
        return None
