"""Roll-ups: the sums of the ledger by hour and day, kept, and made again at any time with the same result.

What is kept of an hour is written in one transaction with the mark that says so. Who reads (monitoring.figures) asks
the marks first, and the ledger for whatever has none, so that no figure depends on a worker.
"""

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import Case, Count, Exists, F, Func, Max, Min, OuterRef, Q, QuerySet, Sum, UUIDField, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from monitoring import latency, periods
from monitoring.bulk import write_rows
from monitoring.models import (
    NOBODY,
    DailyUsage,
    DailyUserUsage,
    HourlyLatency,
    HourlyUsage,
    LedgerEntry,
    RolledUp,
    Usage,
)

Stretch = tuple[dt.datetime, dt.datetime]
Figures = dict[str, int]
Sums = dict[tuple[Any, ...], Figures]

# A transaction that settles may be open for a moment: an hour is added up when it has been over for so long,
OPEN = dt.timedelta(seconds=30)
# and once more after so long, should one have been open for longer.
FIRM = dt.timedelta(minutes=10)
# One run works for so long; what is left, as after a change of time zone, the next ones do.
RUN_SECONDS = 20.0
FAILURES = ("failed", "interrupted")
_ADDED = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens", "cost_microusd", "total_ms")
COUNTED = ("attempts", "failures", "estimated", "sessions", "messages", *_ADDED)

# By which entry of the ledger conversations and replies are counted: the first that names them.
_FIRSTS = {"sessions": "session_uuid", "messages": "message_uuid"}
_EARLIER = Q(settled_at__lt=OuterRef("settled_at")) | Q(settled_at=OuterRef("settled_at"), pk__lt=OuterRef("pk"))

SECTION = Coalesce("section_uuid", Value(NOBODY, output_field=UUIDField()))
USER = Coalesce("user_id", Value(NOBODY, output_field=UUIDField()))


def _is_first(field: str) -> Q:
    """That no earlier entry has the same value there: conversations and replies count once, at their first attempt."""
    same = LedgerEntry.objects.filter(**{field: OuterRef(field)})
    return Q(**{f"{field}__isnull": False}) & ~Q(Exists(same.filter(_EARLIER)))


def _is_first_of(field: str, stretches: Sequence[Stretch]) -> Q:
    """The same of an entry within these stretches, asked in two halves.

    What came before it in the same time PostgreSQL finds in one pass over that, and what came before that time is asked
    of the few that are left: for a day of 50,000 attempts a third of the work.
    """
    start, end = min(stretches)[0], max(stretches)[1]
    same = LedgerEntry.objects.filter(**{field: OuterRef(field)})
    meanwhile = same.filter(_EARLIER, settled_at__gte=start, settled_at__lt=end)
    known = Q(**{f"{field}__isnull": False})
    return known & ~Q(Exists(meanwhile)) & ~Q(Exists(same.filter(settled_at__lt=start)))


def sums_of_entries(only: Sequence[str] = COUNTED) -> dict[str, models.Aggregate]:
    """The aggregates over ledger entries that make these figures, under `all_` and the name of each."""
    made = {
        "attempts": Count("pk"),
        "failures": Count("pk", filter=Q(outcome__in=FAILURES)),
        "estimated": Count("pk", filter=Q(estimated=True)),
        **{name: Count("pk", filter=_is_first(field)) for name, field in _FIRSTS.items()},
        **{name: Sum(name) for name in _ADDED},
    }
    return {f"all_{name}": made[name] for name in only}


def sums_of_rows(only: Sequence[str] = COUNTED) -> dict[str, models.Aggregate]:
    """The aggregates over rows that are kept that make these figures."""
    return {f"all_{name}": Sum(name) for name in only}


def roll_up() -> int:
    """Add up every hour that is over and not kept yet, the newest day first; how many were added up.

    Twice at once, late, or again, it comes to the same rows. Works about 20 seconds at most.
    """
    deadline = time.monotonic() + RUN_SECONDS
    done = 0
    firm_days = set(_firm(RolledUp.Period.DAY).values_list("starts_at", flat=True))
    for day in reversed(list(days_of_ledger())):
        due = [] if periods.bounds(day)[0] in firm_days else _due(day)
        if due:
            keep(day, due)
            done += len(due)
            if time.monotonic() > deadline:
                break
    return done


def rebuild(since: dt.date | None = None) -> Iterator[int]:
    """Add up the hours of this day and of all after it again (None: of all days); yields how many of each day.

    What was kept of hours that are not over, or before the ledger began, goes.
    """
    kept = RolledUp.objects.aggregate(first=Min("starts_at"), last=Max("starts_at"))
    known = [periods.day_of(moment) for moment in kept.values() if moment]
    known += [day for day in DailyUsage.objects.aggregate(first=Min("day"), last=Max("day")).values() if day]
    days = [*known, *days_of_ledger()]
    first = since or min(days, default=periods.today())
    last = max(days, default=periods.today())
    for number in range((last - first).days + 1):
        yield rebuild_day(first + dt.timedelta(days=number))


def rebuild_day(day: dt.date) -> int:
    """Add up the hours of this day again that are over; how many they are."""
    over = [hour for hour in periods.hours(day) if _is_over(hour)]
    keep(day, over, drop_others=True)
    return len(over)


def days_of_ledger() -> Iterator[dt.date]:
    """Every school day from the first settlement to today; none before there is one."""
    first = LedgerEntry.objects.aggregate(at=Min("settled_at"))["at"]
    if first:
        begun, today = periods.day_of(first), periods.today()
        for number in range((today - begun).days + 1):
            yield begun + dt.timedelta(days=number)


def marks(first: dt.date, last: dt.date) -> QuerySet[RolledUp]:
    """The marks of these days, both included, that hold by the school's clock of now."""
    start, end = periods.bounds(first)[0], periods.bounds(last)[1]
    return RolledUp.objects.filter(zone=periods.zone_name(), starts_at__gte=start, ends_at__lte=end)


@transaction.atomic
def keep(day: dt.date, stretches: Sequence[Stretch], *, drop_others: bool = False) -> None:
    """Make what is kept of these hours of the day what the ledger says, and of the day once all its hours are kept.

    With `drop_others` nothing stays of the day's other hours.
    """
    start, end = periods.bounds(day)
    # The marks first: whoever adds up the same hours at the same time waits here.
    _mark(RolledUp.Period.HOUR, stretches)
    marked = RolledUp.objects.filter(starts_at__gte=start, starts_at__lt=end)
    # The day is marked anew below; marks by the clock of another time zone count nothing.
    marked.filter(~Q(period=RolledUp.Period.HOUR) | ~Q(zone=periods.zone_name())).delete()
    if drop_others:
        marked.exclude(starts_at__in=[hour[0] for hour in stretches]).delete()
    for first, last in [(start, end)] if drop_others else joined(stretches):
        HourlyUsage.objects.filter(starts_at__gte=first, starts_at__lt=last).delete()
        HourlyLatency.objects.filter(starts_at__gte=first, starts_at__lt=last).delete()
    found = finest(stretches) if has_entries(stretches) else {}
    if found:
        _keep_hours(found)
        _keep_latency(stretches)
    DailyUsage.objects.filter(day=day).delete()
    DailyUserUsage.objects.filter(day=day).delete()
    if set(marked.values_list("starts_at", "ends_at")) == set(periods.hours(day)):
        _mark(RolledUp.Period.DAY, [(start, end)])
        _keep_day(day, found if len(stretches) == len(periods.hours(day)) else finest([(start, end)]))


def by_stretch(stretches: Sequence[Stretch], field: str = "settled_at") -> Case:
    """The beginning of the stretch that a moment lies in, null where it lies in none."""
    return Case(
        *(When(Q(**{f"{field}__gte": s, f"{field}__lt": e}), then=Value(s)) for s, e in stretches),
        output_field=models.DateTimeField(),
    )


def entries_of(stretches: Sequence[Stretch]) -> QuerySet[LedgerEntry]:
    """The entries settled within these stretches, each with the beginning of its own as `starts_at`."""
    return LedgerEntry.objects.filter(_within(stretches)).annotate(starts_at=by_stretch(stretches)).order_by()


def has_entries(stretches: Sequence[Stretch]) -> bool:
    """Whether anything was settled within these stretches."""
    return LedgerEntry.objects.filter(_within(stretches)).exists()


def joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The same time in as few stretches as it takes."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def derive_day(day: dt.date) -> Sums:
    """What the hours that are kept say of this day: figures by model, kind of work and section."""
    start, end = periods.bounds(day)
    kept = HourlyUsage.objects.filter(starts_at__gte=start, starts_at__lt=end).order_by()
    rows = kept.values_list("model", "kind", "section_uuid").annotate(**sums_of_rows())
    return {row[:3]: dict(zip(COUNTED, row[3:], strict=True)) for row in rows}


def figures_of(row: Usage) -> Figures:
    """The figures of a row that is kept, by name."""
    return {name: getattr(row, name) for name in COUNTED}


def finest(stretches: Sequence[Stretch]) -> Sums:
    """What the ledger says of these: figures by beginning, model, kind of work, section and person, read once."""
    # Numbers are read in a fraction of the time that moments take.
    numbered = (When(settled_at__gte=s, settled_at__lt=e, then=Value(n)) for n, (s, e) in enumerate(stretches))
    columns = (Case(*numbered, output_field=models.IntegerField()), "model", "kind", SECTION, USER)
    width = len(columns)
    entries = LedgerEntry.objects.filter(_within(stretches)).order_by()
    added = [name for name in COUNTED if name not in _FIRSTS]
    rows = entries.values_list(*columns).annotate(**sums_of_entries(added))
    found = {row[:width]: {**dict.fromkeys(_FIRSTS, 0), **dict(zip(added, row[width:], strict=True))} for row in rows}
    for name, field in _FIRSTS.items() if found else ():
        firsts = entries.filter(_is_first_of(field, stretches)).values_list(*columns)
        for row in firsts.annotate(all_firsts=Count("pk")):
            # One that was settled since the first question is added up in full at the second look.
            found.setdefault(row[:width], dict.fromkeys(COUNTED, 0))[name] = row[width]
    return {(stretches[key[0]][0], *key[1:]): figures for key, figures in found.items()}


def hours_of(found: Sums) -> Sums:
    """What `finest` found, by beginning, model, kind of work and section."""
    return _added(
        ((starts_at, model, kind, section), one) for (starts_at, model, kind, section, _), one in found.items()
    )


def people_of(found: Sums) -> Sums:
    """What `finest` found, by model, kind of work and person."""
    return _added(((model, kind, person), one) for (_, model, kind, _, person), one in found.items())


def _added(sums: Iterable[tuple[tuple[Any, ...], Figures]]) -> Sums:
    """The figures of each key, added up."""
    made: Sums = {}
    for key, figures in sums:
        so_far = made.setdefault(key, dict.fromkeys(COUNTED, 0))
        for name, number in figures.items():
            so_far[name] += number
    return made


def _within(stretches: Sequence[Stretch]) -> Q:
    either = Q(pk__in=[])
    for start, end in joined(stretches):
        either |= Q(settled_at__gte=start, settled_at__lt=end)
    return either


def _is_over(stretch: Stretch) -> bool:
    return stretch[1] + OPEN <= timezone.now()


def _firm(period: str) -> QuerySet[RolledUp]:
    """The marks of what was added up so late that nothing can have been missed, or is too young for a second look."""
    late_enough = Q(rolled_at__gte=F("ends_at") + FIRM) | Q(ends_at__gt=timezone.now() - FIRM)
    return RolledUp.objects.filter(late_enough, period=period, zone=periods.zone_name())


def _due(day: dt.date) -> list[Stretch]:
    """The hours of the day that are over and not kept, or were added up so early that a second look is due."""
    start, end = periods.bounds(day)
    rows = _firm(RolledUp.Period.HOUR).filter(starts_at__gte=start, ends_at__lte=end)
    firm = set(rows.values_list("starts_at", "ends_at"))
    return [hour for hour in periods.hours(day) if _is_over(hour) and hour not in firm]


def _mark(period: str, stretches: Sequence[Stretch]) -> None:
    """Say that these are kept, in one order, so that two that do this at once wait for each other in turn."""
    zone, now = periods.zone_name(), timezone.now()
    RolledUp.objects.bulk_create(
        [RolledUp(period=period, starts_at=s, ends_at=e, zone=zone, rolled_at=now) for s, e in sorted(stretches)],
        update_conflicts=True,
        unique_fields=["period", "starts_at"],
        update_fields=["ends_at", "zone", "rolled_at"],
    )


def _keep_hours(found: Sums) -> None:
    _write(HourlyUsage, ("starts_at", "model", "kind", "section_uuid"), hours_of(found))


def _keep_latency(stretches: Sequence[Stretch]) -> None:
    write_rows(HourlyLatency, ("starts_at", "model", "within_ms", "count"), list(latency_of_entries(stretches)))


class _Bound(Func):
    """The first bound in ms that a time is within; in words of SQL, since so many cases take long to put together."""

    template = (
        "CASE "
        + " ".join(f"WHEN %(expressions)s <= {bound} THEN {bound}" for bound in latency.BOUNDS[:-1])
        + f" ELSE {latency.BOUNDS[-1]} END"
    )
    output_field = models.PositiveIntegerField()


def latency_of_entries(stretches: Sequence[Stretch]) -> QuerySet[LedgerEntry, Any]:
    """What the ledger says: rows of beginning, model, bound in ms, and how many attempts were within it."""
    timed = entries_of(stretches).filter(first_text_ms__isnull=False)
    return timed.values_list("starts_at", "model", _Bound("first_text_ms")).annotate(all_timed=Count("pk"))


def first_text_between(start: dt.datetime, end: dt.datetime) -> Counter[int]:
    """How many attempts settled in this time showed their first text within each bound in ms, and not sooner."""
    found: Counter[int] = Counter()
    for _start, _model, within, count in latency_of_entries([(start, end)]):
        found[within] += count
    return found


def _keep_day(day: dt.date, found: Sums) -> None:
    """The day's sums from its hours, and those of its people from what the ledger says of it."""
    _write(DailyUsage, ("model", "kind", "section_uuid", "day"), derive_day(day), day)
    _write(DailyUserUsage, ("model", "kind", "user_uuid", "day"), people_of(found), day)


def _write(model: type[Usage], names: tuple[str, ...], sums: Sums, *rest: dt.date) -> None:
    """A row for each key of these sums, with what they all have in common."""
    write_rows(model, (*names, *COUNTED), ((*key, *rest, *(sums[key][name] for name in COUNTED)) for key in sums))
