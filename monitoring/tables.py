"""Figures and tables that pages show and files carry: plain values with their units, and how people read each."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from monitoring import pricing


class Unit(StrEnum):
    """What a value counts in; files name it, and pages write the value by it."""

    TEXT = "text"
    # Of many words: pages show their beginning, and the rest when somebody opens it.
    LONG = "long text"
    COUNT = "count"
    RATE = "per minute"
    MONEY = "micro-dollars"
    # Of so little that a tenth of a micro-dollar counts.
    PRICE = "dollars"
    SHARE = "share"
    MILLISECONDS = "ms"
    MOMENT = "moment"
    DAY = "day"


class Level(StrEnum):
    """How a state in words is meant."""

    FINE = "fine"
    ATTENTION = "attention"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Mark:
    """A state in words, and how it is meant."""

    words: str
    level: Level = Level.FINE

    def __str__(self) -> str:
        return self.words


Value: TypeAlias = str | int | float | dt.datetime | dt.date | Mark | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in files, its head on pages, and the unit of its values."""

    key: str
    label: str | Promise
    unit: Unit = Unit.TEXT

    @property
    def is_number(self) -> bool:
        """Whether its values stand at the right."""
        return self.unit not in {Unit.TEXT, Unit.LONG, Unit.MOMENT, Unit.DAY}


@dataclass(frozen=True, slots=True)
class Way:
    """Where a link or a button leads, and its words."""

    address: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a value for each column, where one of its cells (counted from 0) leads, and what may be done with it.

    `help` is a link of its own, `act` a button that sends a form. Files have none of these.
    """

    values: tuple[Value, ...]
    link: str = ""
    linked: int = 0
    help: Way | None = None
    act: Way | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title; `empty` says what an empty one means, and what fills it."""

    key: str
    title: str | Promise
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    empty: str | Promise = ""

    @property
    def has_ways(self) -> bool:
        """Whether any of its rows has a link or a button of its own."""
        return any(row.act or row.help for row in self.rows)

    @property
    def head(self) -> list[str]:
        """The names of the columns in files."""
        return [column.key for column in self.columns]

    @property
    def records(self) -> list[dict[str, str | int | float | None]]:
        """Each row by the names of its columns, for JSON: moments and days as ISO 8601, money in micro-dollars."""
        return [
            {column.key: plain(value) for column, value in zip(self.columns, row.values, strict=True)}
            for row in self.rows
        ]

    @property
    def lines(self) -> list[list[str]]:
        """The same as cells of a CSV file, without its head; None is an empty one."""
        return [["" if value is None else str(value) for value in record.values()] for record in self.records]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of its own: what it is called, what it is, and of what."""

    key: str
    label: str | Promise
    value: Value
    unit: Unit = Unit.COUNT
    note: str = ""

    @property
    def text(self) -> str:
        """As people read it."""
        return said(self.value, self.unit)


def of_figures(figures: Sequence[Figure]) -> Table:
    """Figures as a table, for files."""
    columns = (
        Column("figure", _("Figure")),
        Column("label", _("Name")),
        Column("value", _("Value")),
        Column("unit", _("Unit")),
        Column("note", _("Note")),
    )
    rows = [Row((one.key, str(one.label), one.value, str(one.unit), one.note)) for one in figures]
    return Table("figures", _("Figures"), columns, rows)


def plain(value: Value) -> str | int | float | None:
    """A value as files carry it."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return value if value is None or isinstance(value, int | float) else str(value)


def said(value: Value, unit: Unit) -> str:
    """A value as people read it, in their language and time zone; "–" where there is none."""
    return "–" if value is None else _SAID[unit](value)


def _count(value: int) -> str:
    # As `formats.number_format` with grouping, which takes ten times as long: a look at the dashboard shows hundreds.
    return f"{value:,}".replace(",", formats.get_format("THOUSAND_SEPARATOR"))


def _milliseconds(value: int) -> str:
    if value < 1_000:
        return _("%(number)s ms") % {"number": _count(value)}
    return _("%(number)s s") % {"number": formats.number_format(value / 1_000, 2)}


def _moment(value: dt.datetime) -> str:
    local = timezone.localtime(value)
    pattern = "H:i" if local.date() == timezone.localdate() else "j M, H:i"
    return _written(local.replace(second=0, microsecond=0, tzinfo=None), pattern, get_language())


def _day(value: dt.date) -> str:
    return _written(value, "j M", get_language())


@lru_cache(maxsize=2_000)
def _written(when: dt.date, pattern: str, language: str | None) -> str:
    """A day or a local time, in the language that holds; what a look shows, the next one mostly shows again."""
    return formats.date_format(when, pattern)


_SAID: dict[Unit, Callable[..., str]] = {
    Unit.TEXT: str,
    Unit.LONG: str,
    Unit.COUNT: _count,
    Unit.RATE: lambda value: formats.number_format(value, 1),
    Unit.MONEY: pricing.usd,
    Unit.PRICE: lambda value: f"${value:.6f}",
    Unit.SHARE: lambda value: f"{formats.number_format(100 * value, 1)}%",
    Unit.MILLISECONDS: _milliseconds,
    Unit.MOMENT: _moment,
    Unit.DAY: _day,
}
