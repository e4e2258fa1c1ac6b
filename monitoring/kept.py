"""Sums that take long to make, kept in this process for some seconds and shown with their time."""

import datetime as dt
import time
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from django.utils import timezone

T = TypeVar("T")


class AsOf(NamedTuple, Generic[T]):
    """What was found, and when it was asked."""

    value: T
    at: dt.datetime


class Kept(Generic[T]):
    """A question whose answer is kept for so many seconds, for each set of arguments. In memory, so that it needs no
    cache that may be away; of nobody in particular, so that it is the same for everyone who may see it.
    """

    def __init__(self, seconds: float, ask: Callable[..., T]) -> None:
        self.seconds, self.ask = seconds, ask
        self._known: dict[tuple[Hashable, ...], tuple[float, AsOf[T]]] = {}

    def __call__(self, *args: Hashable) -> AsOf[T]:
        """The answer, asked anew when the kept one is too old."""
        if fresh := self._fresh(args):
            return fresh
        now = time.monotonic()
        # What nobody asks any more, such as another day's, goes.
        self._known = {key: one for key, one in self._known.items() if now - one[0] < self.seconds}
        found = AsOf(self.ask(*args), timezone.now())
        self._known[args] = now, found
        return found

    def knows(self, *args: Hashable) -> bool:
        """Whether the answer is at hand."""
        return self._fresh(args) is not None

    def forget(self) -> None:
        """Ask anew the next time."""
        self._known = {}

    def _fresh(self, args: tuple[Hashable, ...]) -> AsOf[T] | None:
        known = self._known.get(args)
        return known[1] if known and time.monotonic() - known[0] < self.seconds else None
