"""Somebody who looks at the dashboard, and a noon at which they do."""

import datetime as dt
from typing import Any

from monitoring.dashboard import Content, Look, find
from monitoring.tables import Table

# A Wednesday: 18 days into its month, 141 into its half of the year.
NOON = dt.datetime(2026, 11, 18, 12, 30, tzinfo=dt.UTC)
TODAY = NOON.date()


class Person:
    """Somebody with these rights, "*" for all."""

    def __init__(self, *rights: str) -> None:
        self.rights = rights

    def has_perm(self, perm: str) -> bool:
        return "*" in self.rights or perm in self.rights


EVERYTHING = Person("*")


def at(hours: float = 0, days: float = 0) -> dt.datetime:
    """So long before the noon."""
    return NOON - dt.timedelta(hours=hours, days=days)


def shown(key: str, user: Any = EVERYTHING) -> Content:
    """What a panel shows."""
    panel = find(key, user)
    assert panel
    return panel.content(Look(user))


def figures_of(content: Content) -> dict[str, Any]:
    """The values of its figures by key."""
    return {figure.key: figure.value for figure in content.figures}


def table_of(content: Content, key: str) -> Table:
    """One of its tables, shown or behind a drawing."""
    return next(table for table in content.files if table.key == key)


def column_of(content: Content, key: str, column: str) -> list[Any]:
    """What stands in one column of one of its tables."""
    return [record[column] for record in table_of(content, key).records]
