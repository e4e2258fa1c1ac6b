"""Gauges: what apps above know of this moment, and the names of whom and what monitoring knows only the ids."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from monitoring.tables import Column, Row, Unit


class Viewer(Protocol):
    """Whoever looks."""

    def has_perm(self, perm: str, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a gauge shows: its value (None where there is nothing to measure), and of what it is."""

    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure of this moment."""

    name: str
    label: str | Promise
    unit: Unit
    read: Callable[[], Reading]


@dataclass(frozen=True, slots=True)
class GaugeTable:
    """Rows of this moment, and the right to see them; `empty` says what it means that there are none."""

    name: str
    label: str | Promise
    permission: str
    columns: tuple[Column, ...]
    rows: Callable[[], Sequence[Row]]
    empty: str | Promise


Names = Callable[[Collection[uuid.UUID]], dict[uuid.UUID, str]]

_gauges: dict[str, Gauge] = {}
_tables: dict[str, GaugeTable] = {}
_names: dict[str, tuple[Names, str]] = {}


def register(name: str, *, label: str | Promise, unit: Unit, read: Callable[[], Reading]) -> None:
    """Add a gauge; apps above call this when they start. A second one of the same name replaces the first.

    It is read for every look at the dashboard, so it asks an index and no more.
    """
    _gauges[name] = Gauge(name, label, unit, read)


def register_table(
    name: str,
    *,
    label: str | Promise,
    permission: str,
    columns: tuple[Column, ...],
    rows: Callable[[], Sequence[Row]],
    empty: str | Promise,
) -> None:
    """Add a table; it is asked for those who have the right `permission`, and shown to nobody else."""
    _tables[name] = GaugeTable(name, label, permission, columns, rows, empty)


def register_names(kind: str, resolve: Names, *, permission: str = "") -> None:
    """Say how ids of this kind ("section", "user") become names, and who may see these; "" for everybody."""
    _names[kind] = resolve, permission


def all_gauges() -> list[Gauge]:
    """Every gauge, in the order in which they were added."""
    return list(_gauges.values())


def tables() -> list[GaugeTable]:
    """Every table, in the order in which they were added."""
    return list(_tables.values())


def names(kind: str, ids: Collection[uuid.UUID], *, by: Viewer) -> dict[uuid.UUID, str]:
    """The name of each of these ids, as far as this person may see it.

    One that is not there any more, that nobody knows or that they may not see is called by the beginning of its id.
    """
    resolve, permission = _names.get(kind, (_unknown, ""))
    known = resolve(ids) if ids and (not permission or by.has_perm(permission)) else {}
    return {one: known.get(one) or _("no. %(id)s") % {"id": str(one)[:8]} for one in ids}


def _unknown(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    return {}
