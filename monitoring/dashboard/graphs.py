"""Tokens, cost, conversations and latency over 24 hours and 30 days: the same numbers as charts and as a table."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from monitoring import figures, latency, periods
from monitoring.charts import Drawing, bar_chart, lines_chart
from monitoring.dashboard.look import ASKED, DAYS, KEPT_SECONDS, Look, together, tokens
from monitoring.dashboard.panel import Content
from monitoring.kept import Kept
from monitoring.pricing import MILLION, usd
from monitoring.rollups import Figures
from monitoring.tables import Column, Mark, Row, Table, Unit, said

HOURS = 24
HEIGHT = 168
# Four of these charts stand side by side.
NAMES = 4
_NOTHING = dict.fromkeys(ASKED, 0)
# By hour or day, in ms: within how long half, and 19 of 20, of the attempts showed their first text.
Waits = dict[Any, tuple[int | None, int | None]]


# Both take the time zone for the key alone, by which what was found is kept.
def _of_hours(first: dt.datetime, last: dt.datetime, zone: str) -> tuple[dict[dt.datetime, Figures], Waits]:
    sums = {key[0]: found for key, found in figures.usage_by_hour(first, last, only=ASKED).items()}
    return sums, {hour: _median_and_tail(counts) for hour, counts in figures.latency_by_hour(first, last).items()}


def _waits_of_days(first: dt.date, last: dt.date, zone: str) -> Waits:
    return {day: _median_and_tail(counts) for day, counts in figures.latency_by_day(first, last).items()}


# Hours that are over, like days, change when they are added up anew, and no more.
of_hours = Kept(KEPT_SECONDS, _of_hours)
latency_of_days = Kept(KEPT_SECONDS, _waits_of_days)


def gather_hours(look: Look) -> Content:
    """The last 24 hours, the running one to the last settlement."""
    hours = [start for start, _end in figures.hours_between(look.now - dt.timedelta(hours=HOURS), look.now)]
    zone = periods.zone_name()
    (sums, waits), as_of = of_hours(hours[0], hours[-1], zone)
    sums_now, waits_now = _of_hours(hours[-1], look.now, zone)
    return _content(
        "hours",
        Column("hour", _("Hour from"), Unit.MOMENT),
        hours,
        sums=sums | sums_now,
        waits=waits | waits_now,
        name=lambda hour: f"{timezone.localtime(hour):%H:%M}",
        as_of=as_of,
    )


def gather_days(look: Look) -> Content:
    """The last 30 school days, today included."""
    days = [look.lately + dt.timedelta(days=number) for number in range(DAYS)]
    sums = together((day, found) for (day, _model), found in look.daily.items())
    waits = latency_of_days(look.lately, look.today, periods.zone_name())
    column = Column("day", _("Day"), Unit.DAY)
    return _content(
        "days",
        column,
        days,
        sums=sums,
        waits=waits.value,
        name=lambda day: said(day, Unit.DAY),
        as_of=min(look.as_of, waits.at),
    )


def _median_and_tail(counts: Mapping[int, int]) -> tuple[int | None, int | None]:
    return latency.percentile(counts, 0.5), latency.percentile(counts, 0.95)


def _content(
    key: str,
    column: Column,
    places: Sequence[Any],
    *,
    sums: Mapping[Any, Figures],
    waits: Waits,
    name: Callable[[Any], str],
    as_of: dt.datetime | None = None,
) -> Content:
    rows = []
    for place in places:
        found = sums.get(place, _NOTHING)
        values = (tokens(found), found["cost_microusd"], found["sessions"], *waits.get(place, (None, None)))
        rows.append(Row((place, *values)))
    columns = (
        column,
        Column("tokens", _("Tokens"), Unit.COUNT),
        Column("cost_microusd", _("Cost"), Unit.MONEY),
        Column("sessions", _("Conversations begun"), Unit.COUNT),
        Column("first_text_p50_ms", _("First text, median"), Unit.MILLISECONDS),
        Column("first_text_p95_ms", _("First text, p95"), Unit.MILLISECONDS),
    )
    table = Table(key, _("Hours") if key == "hours" else _("Days"), columns, rows)
    names = [name(place) for place in places]
    if not any(any(row.values[1:]) for row in rows):
        return Content(Mark(_("Nothing was used in this time.")), behind=[table])
    drawings = [
        *(_bars(key, table, number, names, short) for number, short in enumerate((compact, dollars, compact), start=1)),
        *_lines(key, column, names, rows),
    ]
    return Content(_total(rows), drawings=drawings, behind=[table], as_of=as_of)


def _total(rows: Sequence[Row]) -> Mark:
    cost, begun = (sum(row.values[at] for row in rows) for at in (2, 3))  # type: ignore[misc]
    facts = {"cost": usd(cost), "begun": said(begun, Unit.COUNT), "tokens": said(_tokens(rows), Unit.COUNT)}
    return Mark(_("%(cost)s, %(tokens)s tokens, conversations begun: %(begun)s.") % facts)


def _tokens(rows: Sequence[Row]) -> int:
    return sum(row.values[1] for row in rows)  # type: ignore[misc]


def _bars(key: str, table: Table, at: int, names: Sequence[str], short: Callable[[int], str]) -> Drawing:
    column = table.columns[at]
    values: list[int] = [row.values[at] for row in table.rows]  # type: ignore[misc]
    chart = bar_chart(
        list(zip(names, values, strict=True)),
        say=lambda value: said(value, column.unit),
        short=short,
        height=HEIGHT,
        most_names=NAMES,
    )
    summary = _("Most: %(most)s at %(when)s. In all: %(total)s.") % {
        "most": said(int(chart.highest.value), column.unit),
        "when": chart.highest.name,
        "total": said(sum(values), column.unit),
    }
    label = str(column.label)
    return Drawing(f"{key}-{column.key}", label, summary, str(table.columns[0].label), label, chart)


def _lines(key: str, column: Column, names: Sequence[str], rows: Sequence[Row]) -> list[Drawing]:
    """The median and the 95th percentile as two lines, told apart by the shape of their marks; none without replies."""
    medians, tails = ([row.values[at] for row in rows] for at in (4, 5))
    known = [value for value in tails if isinstance(value, int)]
    if not known:
        return []
    chart = lines_chart(
        names,
        [(_("Median"), "dot", medians), (_("p95"), "square", tails)],  # type: ignore[list-item]
        say=lambda value: said(value, Unit.MILLISECONDS),
        short=seconds,
        height=HEIGHT,
        most_names=NAMES,
    )
    summary = _(
        "19 of 20 replies showed their first text within %(most)s at the slowest, %(least)s at the fastest."
    ) % {
        "most": said(max(known), Unit.MILLISECONDS),
        "least": said(min(known), Unit.MILLISECONDS),
    }
    return [Drawing(f"{key}-latency", _("Time to the first text"), summary, str(column.label), "", chart)]


def compact(value: int) -> str:
    """A count as it fits beside an axis: 12k, 3.5M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{formats.number_format(value / size, 1 if value % size else 0)}{letter}"
    return str(value)


def dollars(microusd: int) -> str:
    """Micro-dollars as they fit beside an axis: $12, $0.5; in every language, as in `pricing.usd`."""
    return f"${microusd / MILLION:,.6f}".rstrip("0").rstrip(".")


def seconds(milliseconds: int) -> str:
    """Milliseconds as they fit beside an axis: 2 s, 0.5 s."""
    places = next(places for places in range(4) if milliseconds * 10**places % 1_000 == 0)
    return _("%(number)s s") % {"number": formats.number_format(milliseconds / 1_000, places)}
