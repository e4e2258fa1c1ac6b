"""The register of what may be deleted once it is old, and how a table of plain rows is."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

# Counting goes no further: that there is more is all that anybody has to know.
COUNT_AT_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction deleted, whether there is more, and where the next one begins, as JSON."""

    deleted: int
    more: bool
    after: Any = None


Due = Callable[[dt.datetime], QuerySet[Any, Any]]
Count = Callable[[dt.datetime], int]
# (before when, how many rows at most, where the one before it stopped) -> what was deleted
Delete = Callable[[dt.datetime, int, Any], Batch]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows: what people call it and should know of it, and how long we suggest to keep it (None: ever)."""

    name: str
    label: str | Promise
    note: str | Promise
    count: Count
    delete: Delete
    default_days: int | None


_kinds: dict[str, Kind] = {}


def register(
    name: str,
    *,
    label: str | Promise,
    count: Count,
    delete: Delete,
    default_days: int | None,
    note: str | Promise = "",
) -> None:
    """Say that this is deleted once it was finished so long ago; apps call it when they start. A second one replaces.

    `count` says how many are due, at most COUNT_AT_MOST and one more; `delete` deletes a batch in the transaction that
    it is called in, and finds nothing where another did it just now.
    """
    _kinds[name] = Kind(name, label, note, count, delete, default_days)


def register_rows(
    name: str, due: Due, *, label: str | Promise, default_days: int | None, note: str | Promise = ""
) -> None:
    """Say that the rows of this queryset are deleted, each with what cascades from it."""

    def delete(before: dt.datetime, at_most: int, after: Any) -> Batch:
        deleted = delete_rows(due(before), at_most)
        return Batch(deleted, more=deleted == at_most)

    register(
        name,
        label=label,
        note=note,
        count=lambda before: bounded(due(before)),
        delete=delete,
        default_days=default_days,
    )


def kinds() -> Mapping[str, Kind]:
    """All kinds by name, in the order in which they were registered."""
    return _kinds


def bounded(rows: QuerySet[Any, Any]) -> int:
    """How many rows there are, counted no further than one beyond COUNT_AT_MOST."""
    return rows.order_by().values("pk")[: COUNT_AT_MOST + 1].count()


def delete_rows(rows: QuerySet[Any, Any], at_most: int) -> int:
    """Delete so many of these rows; how many. Rows that another deletes at this moment are left to it."""
    free = rows.order_by().select_for_update(skip_locked=True, of=("self",))
    keys = list(free.values_list("pk", flat=True)[:at_most])
    rows.model._default_manager.filter(pk__in=keys).delete()
    return len(keys)
