"""One look of somebody at the dashboard, and the sums that several panels show parts of."""

import datetime as dt
import uuid
from collections.abc import Hashable, Iterable, Mapping
from itertools import chain
from typing import TypeVar

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property

from monitoring import figures, periods, rollups
from monitoring.gauges import Viewer
from monitoring.kept import AsOf, Kept
from monitoring.models import LedgerEntry, RolledUp
from monitoring.rollups import Figures, Sums

K = TypeVar("K", bound=Hashable)

DAYS = 30
TOKENS = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")
ASKED = (*TOKENS, "cost_microusd", "sessions")
# Days that are over change when they are added up anew, and no more: a term of them is kept for so long.
KEPT_SECONDS = 60
# So many settlements are added up for a look, if need be.
MOST_LOOSE = 200_000


def _of_days(first: dt.date, last: dt.date, zone: str, *by: str) -> Sums:
    return figures.usage_between(first, last, *by, only=ASKED)


of_days = Kept(KEPT_SECONDS, _of_days)


class Look:
    """Who looks, and when. Today's sums are exact to now; those of days that are over are as of `as_of`."""

    def __init__(self, user: Viewer) -> None:
        self.user = user
        self.now = timezone.now()
        self.today = periods.day_of(self.now)
        self.yesterday = self.today - dt.timedelta(days=1)
        self.term = periods.start_of(periods.TERM, self.today)
        self.month = periods.start_of(periods.MONTH, self.today)
        # The first of thirty days, today included.
        self.lately = self.today - dt.timedelta(days=DAYS - 1)
        self.first = min(self.term, self.month, self.lately)

    @cached_property
    def daily(self) -> Mapping[tuple[dt.date, str], Figures]:
        """What each model used on each day of the term, the month and the last thirty days."""
        found: dict[tuple[dt.date, str], Figures] = {(key[0], key[1]): sums for key, sums in self._over.value.items()}
        of_models = together((model, sums) for (model, _section), sums in self._today.items())
        return {**found, **{(self.today, model): sums for model, sums in of_models.items()}}

    @cached_property
    def sections_today(self) -> Mapping[uuid.UUID, Figures]:
        """What each section used today."""
        return together((section, sums) for (_model, section), sums in self._today.items())

    @cached_property
    def sections_lately(self) -> Mapping[uuid.UUID, Figures]:
        """What each section used in thirty days, today included."""
        before = ((key[0], sums) for key, sums in self._sections_over.value.items())
        return together(chain(before, self.sections_today.items()))

    @property
    def as_of(self) -> dt.datetime:
        """When days that are over were added up."""
        return self._over.at

    @cached_property
    def is_too_much(self) -> bool:
        """Whether so much of the days that are over is in no sums yet that adding it up would hold the database up.

        So it is after an update of a portal that has run for long, and after a change of its time zone, until the
        roll-up is through. Nobody counts while the sums are at hand.
        """
        if of_days.knows(*self._days_over):
            return False
        days = [self.first + dt.timedelta(days=number) for number in range((self.today - self.first).days)]
        marks = rollups.marks(days[0], days[-1]).filter(period=RolledUp.Period.DAY)
        kept = set(marks.values_list("starts_at", flat=True))
        loose = rollups.joined([bounds for bounds in map(periods.bounds, days) if bounds[0] not in kept])
        within = Q.create([Q(settled_at__gte=start, settled_at__lt=end) for start, end in loose], connector=Q.OR)
        return bool(loose) and LedgerEntry.objects.filter(within).values("pk")[:MOST_LOOSE].count() == MOST_LOOSE

    @property
    def _days_over(self) -> tuple[Hashable, ...]:
        return self.first, self.yesterday, periods.zone_name(), "day", "model"

    @cached_property
    def _over(self) -> AsOf[Sums]:
        return of_days(*self._days_over)

    @cached_property
    def _sections_over(self) -> AsOf[Sums]:
        return of_days(self.lately, self.yesterday, periods.zone_name(), "section_uuid")

    @cached_property
    def _today(self) -> dict[tuple[str, uuid.UUID], Figures]:
        sums = figures.usage_between(self.today, self.today, "model", "section_uuid", only=ASKED)
        return {(key[0], key[1]): found for key, found in sums.items()}


def tokens(sums: Figures) -> int:
    """All tokens, read from a cache or not."""
    return sum(sums[name] for name in TOKENS)


def together(pairs: Iterable[tuple[K, Figures]]) -> dict[K, Figures]:
    """The figures of each key, all that it has added up."""
    found: dict[K, Figures] = {}
    for key, sums in pairs:
        total = found.setdefault(key, dict.fromkeys(ASKED, 0))
        for name in ASKED:
            total[name] += sums[name]
    return found


def add(sums: Iterable[Figures]) -> Figures:
    """All of these together."""
    return together(((), one) for one in sums).get((), dict.fromkeys(ASKED, 0))
