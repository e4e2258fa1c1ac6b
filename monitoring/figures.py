"""Figures: what was used, from what is kept of closed hours and days and from the ledger for the rest.

Also the register of everything that is derived from the ledger and can be put right from it.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Case, Count, DateField, F, Q, QuerySet, Sum, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from monitoring import periods, rollups
from monitoring.models import DailyUsage, DailyUserUsage, HourlyLatency, HourlyUsage, RolledUp
from monitoring.rollups import COUNTED, SECTION, USER, Figures, Stretch, Sums, sums_of_entries, sums_of_rows

Rebuilder = Callable[[dt.date | None], Iterator[int]]
# For each bound in ms how many attempts showed text within it, and not within the one before.
Latencies = dict[int, int]

_rebuilders: dict[str, Rebuilder] = {}
_OF_ENTRIES: dict[str, Combinable] = {"section_uuid": SECTION, "user_uuid": USER}


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


def usage_between(
    first: dt.date,
    last: dt.date,
    *by: str,
    only: Sequence[str] = COUNTED,
    people: Collection[uuid.UUID] | None = None,
) -> Sums:
    """The figures of these days, both included, summed by any of day, model, kind, and section_uuid or user_uuid.

    Keys are tuples of these values, `()` without any; a key without attempts is left out. Exact to the last
    settlement. `only` leaves out figures that cost more to count than the others ("sessions", "messages"), `people`
    everybody but these.
    """
    of_people = people is not None or "user_uuid" in by
    days = list(_days(first, min(last, periods.today())))
    bounds = {day: periods.bounds(day) for day in days}
    kept_days = _kept(RolledUp.Period.DAY, list(bounds.values()))
    open_days = [day for day in days if bounds[day][0] not in kept_days]
    whom = {} if people is None else {"user_uuid__in": people}
    table = DailyUserUsage if of_people else DailyUsage
    rows = table._default_manager.filter(day__in=set(days) - set(open_days), **whom)
    sums = _Sums(by, only)
    sums.add(rows, {}, sums_of_rows)
    hours = [hour for day in open_days for hour in periods.hours(day)]
    # Of people only whole days are kept: the hours of an open day are asked of the ledger.
    kept = set() if of_people else _kept(RolledUp.Period.HOUR, hours)
    within = [bounds[day] for day in open_days]
    if kept:
        sums.add(HourlyUsage.objects.filter(starts_at__in=kept), {"day": _day_of(within, "starts_at")}, sums_of_rows)
    rest = rollups.joined([hour for hour in hours if hour[0] not in kept])
    if rest:
        day = {"day": _day_of(within, "settled_at")}
        entries = rollups.entries_of(rest)
        if people is not None:
            entries = entries.alias(person=USER).filter(person__in=people)
        sums.add(entries, {**_OF_ENTRIES, **day}, sums_of_entries)
    return sums.made


def usage_by_hour(first: dt.datetime, last: dt.datetime, *by: str, only: Sequence[str] = COUNTED) -> Sums:
    """The figures of the school's hours that begin from `first` to before `last`.

    Keys are tuples of the hour's beginning and the values of any of model, kind and section_uuid.
    """
    hours = hours_between(first, last)
    kept = _kept(RolledUp.Period.HOUR, hours)
    sums = _Sums(("starts_at", *by), only)
    sums.add(HourlyUsage.objects.filter(starts_at__in=kept), {}, sums_of_rows)
    rest = [hour for hour in hours if hour[0] not in kept]
    if rest:
        sums.add(rollups.entries_of(rest), _OF_ENTRIES, sums_of_entries)
    return sums.made


def hours_between(first: dt.datetime, last: dt.datetime) -> list[Stretch]:
    """The school's hours that begin from `first` to before `last`, an hour each, in aware UTC."""
    days = _days(periods.day_of(first), periods.day_of(last))
    return [hour for day in days for hour in periods.hours(day) if first <= hour[0] < last]


def today_so_far(only: Sequence[str] = COUNTED) -> Figures:
    """The figures of this school day, to the last settlement; `only` as in `usage_between`."""
    today = periods.today()
    return usage_between(today, today, only=only).get((), dict.fromkeys(only, 0))


def latency_by_hour(first: dt.datetime, last: dt.datetime) -> dict[dt.datetime, Latencies]:
    """How long the first text took in the school's hours that begin from `first` to before `last`, by beginning."""
    hours = hours_between(first, last)
    kept = _kept(RolledUp.Period.HOUR, hours)
    rows = HourlyLatency.objects.filter(starts_at__in=kept).order_by().values_list("starts_at", "within_ms")
    found: dict[dt.datetime, Latencies] = {}
    for starts_at, within, count in rows.annotate(all_timed=Sum("count")):
        found.setdefault(starts_at, {})[within] = count
    rest = [hour for hour in hours if hour[0] not in kept]
    for starts_at, _model, within, count in rollups.latency_of_entries(rest) if rest else ():
        _add(found.setdefault(starts_at, {}), {within: count})
    return found


def latency_by_day(first: dt.date, last: dt.date) -> dict[dt.date, Latencies]:
    """How long the first text took on these days, both included."""
    found: dict[dt.date, Latencies] = {}
    hours = latency_by_hour(periods.bounds(first)[0], periods.bounds(last)[1])
    for starts_at, counts in hours.items():
        _add(found.setdefault(periods.day_of(starts_at), {}), counts)
    return found


class _Sums:
    """Figures by key, added up from several tables."""

    def __init__(self, by: Sequence[str], only: Sequence[str]) -> None:
        self.by, self.only = tuple(by), tuple(only)
        self.made: Sums = {}

    def add(
        self,
        rows: QuerySet[Any],
        instead: Mapping[str, Combinable],
        sums: Callable[[Sequence[str]], Mapping[str, Any]],
    ) -> None:
        """Add what these rows sum up to, by the columns of these names or what stands `instead` of them there."""
        totals = sums(self.only)
        if self.by:
            columns = [instead.get(name, F(name)) for name in self.by]
            found = list(rows.order_by().values_list(*columns).annotate(**totals))
        else:
            row = rows.order_by().aggregate(all_rows=Count("pk"), **totals)
            found = [tuple(row[name] for name in totals)] if row["all_rows"] else []
        width = len(self.by)
        for values in found:
            figures = self.made.setdefault(tuple(values[:width]), dict.fromkeys(self.only, 0))
            _add(figures, dict(zip(self.only, values[width:], strict=True)))


def _add(counts: dict[Any, int], more: Mapping[Any, Any]) -> None:
    for name, value in more.items():
        counts[name] = counts.get(name, 0) + int(value)


def _kept(period: str, stretches: Sequence[Stretch]) -> set[dt.datetime]:
    """The beginnings of those of these hours or days whose sums are kept; nobody is asked about what is not over."""
    now = timezone.now()
    over = [stretch for stretch in stretches if stretch[1] <= now]
    if not over:
        return set()
    marks = RolledUp.objects.filter(
        period=period, zone=periods.zone_name(), starts_at__gte=over[0][0], ends_at__lte=over[-1][1]
    )
    marked = set(marks.values_list("starts_at", "ends_at"))
    return {stretch[0] for stretch in over if stretch in marked}


def _day_of(bounds: Sequence[Stretch], field: str) -> Case:
    """The school day of a moment, which lies within these days."""
    whens = [
        When(Q(**{f"{field}__gte": start, f"{field}__lt": end}), then=Value(periods.day_of(start)))
        for start, end in bounds
    ]
    return Case(*whens, output_field=DateField())


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    for number in range((last - first).days + 1):
        yield first + dt.timedelta(days=number)


register("hours and days", rollups.rebuild)
