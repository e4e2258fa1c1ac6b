"""The cost sheet: what each day cost by model and section, for bookkeepers; made piece by piece, however long."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from monitoring import figures, gauges, periods
from monitoring.cells import BOM, csv_lines
from monitoring.gauges import Viewer
from monitoring.models import NOBODY
from monitoring.pricing import MILLION
from monitoring.rollups import COUNTED

# So many days are asked for at once, and at most so many in all.
STEP = dt.timedelta(days=31)
MOST_DAYS = 3_660
COLUMNS = ("day", "model", "section", "section_uuid", *(name for name in COUNTED if name != "total_ms"), "cost_usd")


class RangeError(Exception):
    """These days make no cost sheet; str() says why, in plain words."""


@dataclass(frozen=True, slots=True)
class Range:
    """School days from the first to the last, both included."""

    first: dt.date
    last: dt.date

    @classmethod
    def read(cls, first: str, last: str) -> "Range":
        """The range that was asked for; without a beginning the term's, without an end today.

        Raises RangeError for what is no date, ends before it begins or is longer than ten years.
        """
        today = periods.today()
        try:
            end = dt.date.fromisoformat(last) if last else today
            start = dt.date.fromisoformat(first) if first else min(end, periods.start_of(periods.TERM, today))
        except ValueError as error:
            raise RangeError(_("Write both days as year-month-day, such as 2026-09-01.")) from error
        if start > end:
            raise RangeError(_("The first day comes after the last one."))
        if (end - start).days > MOST_DAYS:
            raise RangeError(_("That is longer than ten years. Choose fewer days."))
        return cls(start, end)

    def __str__(self) -> str:
        return f"{self.first.isoformat()}-{self.last.isoformat()}"

    @property
    def pieces(self) -> Iterator[tuple[dt.date, dt.date]]:
        """The same days in pieces of a month."""
        start = self.first
        while start <= self.last:
            end = min(start + STEP - dt.timedelta(days=1), self.last)
            yield start, end
            start = end + dt.timedelta(days=1)


def rows(asked: Range, *, by: Viewer) -> Iterator[dict[str, Any]]:
    """A row for each day, model and section with any use: the ledger's figures, exact to the last settlement."""
    names: dict[uuid.UUID, str] = {NOBODY: ""}
    for first, last in asked.pieces:
        sums = figures.usage_between(first, last, "day", "model", "section_uuid")
        names |= gauges.names("section", {key[2] for key in sums} - names.keys(), by=by)
        for key in sorted(sums, key=lambda one: (one[0], one[1], names[one[2]], str(one[2]))):
            day, model, section = key
            found = sums[key]
            yield {
                "day": day.isoformat(),
                "model": model,
                "section": names[section],
                "section_uuid": "" if section == NOBODY else str(section),
                **{name: found[name] for name in COUNTED if name != "total_ms"},
                "cost_usd": usd_exactly(found["cost_microusd"]),
            }


def as_csv(asked: Range, *, by: Viewer) -> Iterator[str]:
    """The sheet as CSV, a line at a time; no cell of it runs as a formula."""
    yield BOM
    yield from csv_lines([COLUMNS])
    yield from csv_lines([str(row[name]) for name in COLUMNS] for row in rows(asked, by=by))


def as_json(asked: Range, *, by: Viewer) -> Iterator[str]:
    """The same as a JSON object: the days asked for, and `rows`."""
    head = {"first": asked.first.isoformat(), "last": asked.last.isoformat(), "time_zone": periods.zone_name()}
    yield json.dumps(head)[:-1] + ', "rows": ['
    between = "\n"
    for row in rows(asked, by=by):
        yield between + json.dumps(row, ensure_ascii=False)
        between = ",\n"
    yield "\n]}\n"


def usd_exactly(microusd: int) -> str:
    """Micro-dollars as dollars, to the last of them: 1234567 is 1.234567."""
    return f"{microusd // MILLION}.{microusd % MILLION:06d}"
