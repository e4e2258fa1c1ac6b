"""The line before one model: so many replies at once in this process, first come, first served."""

import asyncio
import itertools
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

Tick = Callable[[int], Awaitable[float]]


class Queue:
    """Who speaks with a model and who waits for it. Numbers are given out on entering and show who came first.

    `at_once` is how many may speak where the provider has a number of its own, None for that of the settings.
    """

    def __init__(self) -> None:
        self.at_once: int | None = None
        self._numbers = itertools.count()
        self._taken = 0
        self._turns: OrderedDict[int, asyncio.Future[None]] = OrderedDict()
        self._waiting: list[int] = []

    @property
    def most(self) -> int:
        """How many may speak at once."""
        return self.at_once or settings.MODEL_CALLS_AT_ONCE

    async def enter(self, tick: Tick) -> int:
        """Wait for a place and take it; the number, to be handed to `leave`.

        While it waits, `tick` is called with the position in line (1 is next) at once and then again after as many
        seconds as it returns; what it raises ends the waiting, as a cancellation does.
        """
        number = next(self._numbers)
        if self._taken < self.most and not self._turns:
            self._taken += 1
            return number
        turn = self._turns[number] = asyncio.get_running_loop().create_future()
        try:
            with self.waiting(number):
                while not turn.done():
                    await asyncio.wait([turn], timeout=await tick(self.position(number)))
        except BaseException:
            # The turn may have come in the very moment of leaving: then it goes to the next.
            if self._turns.pop(number, None) is None:
                self.leave()
            raise
        return number

    def leave(self) -> None:
        """Give the place back; the first in line takes it."""
        self._taken -= 1
        while self._turns and self._taken < self.most:
            _number, turn = self._turns.popitem(last=False)
            turn.set_result(None)
            self._taken += 1

    @contextmanager
    def waiting(self, number: int) -> Iterator[None]:
        """Count as one who waits: for a place, or with a place for the provider."""
        insort(self._waiting, number)
        try:
            yield
        finally:
            del self._waiting[bisect_left(self._waiting, number)]

    def position(self, number: int) -> int:
        """How many of those who wait came before, and one."""
        return bisect_left(self._waiting, number) + 1
