"""Figures: day sums derived from the ledger, and rebuilt from it at any time."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import (
    Count,
    DateField,
    Exists,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    UUIDField,
    Value,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from monitoring import periods
from monitoring.models import NOBODY, DailyUsage, LedgerEntry

Key = tuple[str, str, uuid.UUID]
Figures = dict[str, int]
Rebuilder = Callable[[dt.date | None], Iterator[int]]

# A transaction that settles may be open for a moment: what is younger is left to the next tally.
OPEN_SECONDS = 30
FAILURES = ("failed", "interrupted")
_ADDED = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens", "cost_microusd", "total_ms")
COUNTED = ("attempts", "failures", "estimated", *_ADDED)

_SECTION = Coalesce("section_uuid", Value(NOBODY, output_field=UUIDField()))
_SUMS_OF_ENTRIES = {
    "all_attempts": Count("pk"),
    "all_failures": Count("pk", filter=Q(outcome__in=FAILURES)),
    "all_estimated": Count("pk", filter=Q(estimated=True)),
    **{f"all_{name}": Sum(name) for name in _ADDED},
}
_SUMS_OF_DAYS = {f"all_{name}": Sum(name) for name in COUNTED}

_rebuilders: dict[str, Rebuilder] = {}


def register(name: str, rebuilder: Rebuilder) -> None:
    """Add figures that apps above derive from the ledger; a second one of the same name replaces the first.

    A rebuilder takes the first day to be put right, None for all, and yields how many rows each step looked at.
    """
    _rebuilders[name] = rebuilder


def rebuild_all(since: dt.date | None = None) -> Iterator[tuple[str, int]]:
    """Put every registered figure right; the name and how many rows, step by step."""
    for name, rebuilder in _rebuilders.items():
        for count in rebuilder(since):
            yield name, count


def tally(days: int = 2) -> int:
    """Derive the figures of the last days again, and of every day since the last one that was; how many rows.

    Twice at once, or again after a long pause, it comes to the same rows.
    """
    through = _settled_through()
    today = periods.today()
    begun = DailyUsage.objects.aggregate(day=Max("day"))["day"] or _first_day() or today
    first = min(today - dt.timedelta(days=days - 1), begun)
    return sum(_keep(day, through) for day in _days(first, today))


def rebuild(since: dt.date | None = None) -> Iterator[int]:
    """Derive every day since then (all without it) from the ledger; yields the rows of each day."""
    through = _settled_through()
    kept = DailyUsage.objects.aggregate(first=Min("day"), last=Max("day"))
    starts = [day for day in (kept["first"], _first_day()) if day]
    last = max(periods.today(), kept["last"] or dt.date.min)
    first = since or min(starts, default=last)
    for day in _days(first, last):
        yield _keep(day, through)


def derive(day: dt.date, through: dt.datetime) -> dict[Key, Figures]:
    """What the ledger says of this school day up to that moment, by model, kind of work and section."""
    entries = _entries_of(day).filter(settled_at__lte=through)
    rows = entries.order_by().values_list("model", "kind", _SECTION).annotate(**_SUMS_OF_ENTRIES)
    return {row[:3]: dict(zip(COUNTED, row[3:], strict=True)) for row in rows}


def usage_between(first: dt.date, last: dt.date, *by: str) -> dict[tuple[Any, ...], Figures]:
    """The figures of these days, both included, summed by any of day, model, kind and section_uuid.

    Keys are tuples of these values, `()` without any; a key without attempts is left out. Exact to the last
    settlement: day rows and what the ledger has after them are read by one statement.
    """
    columns = by or ("day",)
    kept = DailyUsage.objects.filter(day__range=(first, last)).order_by()
    counted = kept.values_list(*columns).annotate(**_SUMS_OF_DAYS)
    begun = DailyUsage.objects.aggregate(day=Max("day"))["day"] or _first_day() or last
    since = min(begun, periods.today())
    fresh = [_uncounted(day, columns) for day in _days(max(first, since), last)]
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in counted.union(*fresh, all=True):
        if row[len(columns)]:
            figures = Counter(dict(zip(COUNTED, row[len(columns) :], strict=True)))
            sums.setdefault(row[: len(by)], Counter()).update(figures)
    return {key: {name: int(figures[name]) for name in COUNTED} for key, figures in sums.items()}


def today_so_far() -> Figures:
    """The figures of this school day, to the last settlement."""
    today = periods.today()
    return usage_between(today, today).get((), dict.fromkeys(COUNTED, 0))


def _uncounted(day: dt.date, columns: tuple[str, ...]) -> QuerySet[LedgerEntry, Any]:
    """The sums of the day's entries that no day row counts."""
    counted = DailyUsage.objects.filter(
        day=day,
        model=OuterRef("model"),
        kind=OuterRef("kind"),
        section_uuid=Coalesce(OuterRef("section_uuid"), Value(NOBODY, output_field=UUIDField())),
        through__gte=OuterRef("settled_at"),
    )
    values = {"day": Value(day, output_field=DateField()), "section_uuid": _SECTION}
    entries = _entries_of(day).filter(~Exists(counted)).order_by()
    return entries.values_list(*(values.get(name, name) for name in columns)).annotate(**_SUMS_OF_ENTRIES)


def _keep(day: dt.date, through: dt.datetime) -> int:
    """Make the day's rows what the ledger says; rows that are right already are left alone."""
    through = min(through, periods.bounds(day)[1])
    derived = derive(day, through)
    with transaction.atomic():
        kept = {(row.model, row.kind, row.section_uuid): row for row in DailyUsage.objects.filter(day=day)}
        gone = [row.pk for key, row in kept.items() if key not in derived]
        wrong = [
            DailyUsage(day=day, model=key[0], kind=key[1], section_uuid=key[2], through=through, **figures)
            # In one order, so that two that write at once wait for each other in turn.
            for key, figures in sorted(derived.items())
            if key not in kept or (figures_of(kept[key]), kept[key].through) != (figures, through)
        ]
        if gone:
            DailyUsage.objects.filter(pk__in=gone).delete()
        DailyUsage.objects.bulk_create(
            wrong,
            batch_size=500,
            update_conflicts=True,
            unique_fields=["day", "model", "kind", "section_uuid"],
            update_fields=[*COUNTED, "through"],
        )
    return len(derived)


def figures_of(row: DailyUsage) -> Figures:
    """The figures of a day row by name."""
    return {name: getattr(row, name) for name in COUNTED}


def _entries_of(day: dt.date) -> QuerySet[LedgerEntry]:
    start, end = periods.bounds(day)
    return LedgerEntry.objects.filter(settled_at__gte=start, settled_at__lt=end)


def _settled_through() -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=OPEN_SECONDS)


def _first_day() -> dt.date | None:
    first = LedgerEntry.objects.aggregate(at=Min("settled_at"))["at"]
    return periods.day_of(first) if first else None


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    for number in range((last - first).days + 1):
        yield first + dt.timedelta(days=number)


register("days", rebuild)
