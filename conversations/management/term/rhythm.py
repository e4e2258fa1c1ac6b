"""When students practise: the hours of a term, with its weekdays, evenings, and weeks before the deadlines."""

import datetime as dt
import itertools
from bisect import bisect_left
from random import Random
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Madrid")
HOUR = dt.timedelta(hours=1)
# How much of it happens in each hour of the day, on each weekday from Monday, and in each fifteenth of the term.
BY_HOUR = (2, 1, 0.5, 0.2, 0.2, 0.5, 2, 6, 14, 24, 30, 30, 22, 16, 20, 28, 30, 28, 24, 26, 28, 22, 12, 5)
BY_WEEKDAY = (10, 11, 11, 10, 6, 2, 5)
BY_PART = (2, 4, 6, 7, 9, 8, 7, 9, 10, 8, 9, 11, 10, 13, 12)


class Rhythm:
    """The hours from the term's first to now, weighed by how much happens in each."""

    def __init__(self, begins: dt.datetime, ends: dt.datetime, now: dt.datetime) -> None:
        self.begins = begins
        length = max(1, (ends - begins) // HOUR)
        hours = [begins + number * HOUR for number in range(max(1, (min(now, ends) - begins) // HOUR))]
        self._passed = [0.0, *itertools.accumulate(self._weight(hour, n / length) for n, hour in enumerate(hours))]

    def moment(self, rng: Random, first: dt.datetime, last: dt.datetime) -> dt.datetime:
        """A moment from the first to the last, in an hour that is over by then, as likely as its hour is busy.

        In the hour that is going on where the term has no other yet.
        """
        most = len(self._passed) - 1
        start = min(most - 1, max(0, (first - self.begins) // HOUR))
        end = max(start + 1, min(most, (last - self.begins) // HOUR))
        low, high = self._passed[start], self._passed[end]
        hour = max(start, bisect_left(self._passed, low + rng.random() * (high - low)) - 1)
        return min(last, max(first, self.begins + (hour + rng.random()) * HOUR))

    @staticmethod
    def _weight(hour: dt.datetime, part: float) -> float:
        local = hour.astimezone(ZONE)
        return BY_HOUR[local.hour] * BY_WEEKDAY[local.weekday()] * BY_PART[int(part * len(BY_PART)) % len(BY_PART)]
