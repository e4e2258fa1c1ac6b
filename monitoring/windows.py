"""Sliding windows: how often something was done lately, in slots. Pure."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

# A window forgets in steps of a 60th of its length: small enough to be fair, and 61 numbers are all there is to keep.
SLOTS = 60
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` in any stretch of `seconds`; slots: (number of the slot, how often), oldest first.

    Slots are numbered from 1970, so that whoever looks at a clock finds the same one. A slot counts until all of it is
    older than `seconds`: there is never more than the limit says, and who is refused waits at most a slot longer than
    by a list of exact times.
    """

    count: int
    seconds: int
    slots: tuple[tuple[int, int], ...] = ()

    def used(self, now: dt.datetime) -> int:
        """How many count at this moment; more than `count` after the limit was lowered."""
        return sum(number for _slot, number in self._recent(now))

    def wait(self, now: dt.datetime) -> int:
        """Whole seconds until one more may come if nobody else does: 0 when it may come at once."""
        over = self.used(now) - self.count
        if over < 0:
            return 0
        for slot, number in self._recent(now):
            over -= number
            if over < 0:
                left = dt.timedelta(seconds=self.seconds) * (slot + SLOTS + 1) - (now - EPOCH) * SLOTS
                return -(-left // dt.timedelta(seconds=SLOTS))
        return self.seconds  # a limit of nothing, which no wait opens

    def add(self, now: dt.datetime) -> Self:
        """This window with one more, and without what counts no longer."""
        return self._with(now, self._slot(now), 1)

    def take_back(self, counted_at: dt.datetime, now: dt.datetime) -> Self:
        """This window without one that was added at `counted_at`; the same if that is forgotten already."""
        return self._with(now, self._slot(counted_at), -1)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"seconds": self.seconds, "slots": [list(pair) for pair in self.slots]}

    @classmethod
    def from_json(cls, kept: dict[str, Any] | Sequence[Any], *, count: int, seconds: int) -> Self:
        """A window as it was kept, under the limit of today.

        Nothing kept is an empty window, and so is one of another length, whose slots say nothing about this one's.
        """
        if not isinstance(kept, dict) or kept["seconds"] != seconds:
            return cls(count, seconds)
        return cls(count, seconds, tuple((slot, number) for slot, number in kept["slots"]))

    def _slot(self, moment: dt.datetime) -> int:
        return (moment - EPOCH) * SLOTS // dt.timedelta(seconds=self.seconds)

    def _recent(self, now: dt.datetime) -> Iterator[tuple[int, int]]:
        """What counts now. Slots further ahead than a whole window are left from a clock that was wrong."""
        current = self._slot(now)
        return ((slot, number) for slot, number in self.slots if abs(current - slot) <= SLOTS)

    def _with(self, now: dt.datetime, changed: int, by: int) -> Self:
        slots = dict(self._recent(now))
        slots[changed] = slots.get(changed, 0) + by
        return replace(self, slots=tuple(sorted((slot, number) for slot, number in slots.items() if number > 0)))
