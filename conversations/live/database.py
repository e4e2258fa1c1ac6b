"""The database from the event loop: a few threads, so that connections stay few however many sockets there are."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError

logger = logging.getLogger("rapport.database")

P = ParamSpec("P")
R = TypeVar("R")

_threads = ThreadPoolExecutor(settings.DATABASE_THREADS, thread_name_prefix="live-database")
# The heart must beat, and the watch look, also while a whole class waits in line for the other threads: one thread for
# each of the engine's five rounds, so that none waits for another either.
_upkeep = ThreadPoolExecutor(5, thread_name_prefix="live-upkeep")


async def in_database(verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a synchronous verb that uses the database in one of the few threads, and wait for its answer."""
    result: R = await database_sync_to_async(verb, thread_sensitive=False, executor=_threads)(*args, **kwargs)
    return result


async def in_upkeep(verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Like `in_database`, in the threads of the engine's own rounds."""
    result: R = await database_sync_to_async(verb, thread_sensitive=False, executor=_upkeep)(*args, **kwargs)
    return result


async def patiently(verb: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Like `in_database`, trying again for as long as the database is away.

    For verbs that a compare-and-set makes safe to repeat, and that nobody else would do while this process lives.
    """
    pause = 0.1
    while True:
        try:
            return await in_database(verb, *args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database is away: %s; trying again in %.1f s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
