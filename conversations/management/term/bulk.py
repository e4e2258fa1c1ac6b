"""Many rows of many tables, gathered and written a table at a time."""

import datetime as dt
import json
from random import Random
from typing import Any

from django.db import models, transaction
from django.db.models.fields import NOT_PROVIDED

from monitoring.bulk import write_rows

# So many rows are gathered before they are written; they are all that is in memory.
GATHERED = 100_000
# The bits of a UUID that say what it is: version 4 is random, version 7 begins with a time; the usual variant.
_FREE = ~((0xF << 76) | (0x3 << 62))
_RANDOM = (0x4 << 76) | (0x2 << 62)
_TIMED = (0x7 << 76) | (0x2 << 62)


class Table:
    """The rows of one model that wait to be written: of each the columns that are named, of all the others' defaults.

    Foreign keys go by their column, such as `session_id`; without names all columns are meant. Who adds many rows
    appends tuples to `rows`; JSON is text there.
    """

    def __init__(self, model: type[models.Model], *columns: str) -> None:
        automatic = (models.AutoField, models.BigAutoField)
        fields = {field.attname: field for field in model._meta.concrete_fields if not isinstance(field, automatic)}
        named = [fields.pop(name) for name in (columns or tuple(fields))]
        self.model = model
        self.columns = [field.attname for field in (*named, *fields.values())]
        self.places = {field.attname: place for place, field in enumerate(named)}
        self.defaults = [_default(field) for field in (*named, *fields.values())]
        self.constants = tuple(self.defaults[len(named) :])
        self.json = {place for place, field in enumerate(named) if isinstance(field, models.JSONField)}
        self.rows: list[tuple[Any, ...]] = []

    def add(self, values: dict[str, Any]) -> None:
        """One more row; a name that is no column raises KeyError, one that is missing takes the field's default."""
        row = self.defaults[: len(self.places)]
        for name, value in values.items():
            place = self.places[name]
            row[place] = json.dumps(value) if place in self.json else value
        self.rows.append(tuple(row))

    def write(self) -> None:
        """Write what was gathered."""
        rows, self.rows = self.rows, []
        write_rows(self.model, self.columns, (row + self.constants for row in rows))


def _default(field: "models.Field[Any, Any]") -> Any:
    """What a row has there that says nothing: no id and no time made anew, since the same seed gives the same rows."""
    made = field.default
    value = None if callable(made) and made not in {list, dict, NOT_PROVIDED} else field.get_default()
    return json.dumps(value) if isinstance(field, models.JSONField) else value


class Maker:
    """What all parts of the making share: chance from the seed, one clock, and the rows that wait to be written.

    Signals, `save` and validation are passed over: constraints are the database's. `seed` is any text or number.
    """

    def __init__(self, seed: object, now: dt.datetime) -> None:
        self.rng = Random(str(seed))  # noqa: S311  nothing here is a secret
        self.now = now
        self._tables: dict[type[models.Model], Table] = {}

    def key(self, at: dt.datetime | None = None) -> str:
        """A key as the portal makes them, from the seed; with a moment one in the order of time (`monitoring.ids`)."""
        if at is None:
            number = self.rng.getrandbits(128) & _FREE | _RANDOM
        else:
            number = int(at.timestamp() * 1_000) << 80 | self.rng.getrandbits(80) & _FREE | _TIMED
        digits = f"{number:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def table(self, model: type[models.Model], *columns: str) -> Table:
        """The table of this model, for who adds rows of these columns to it."""
        return self._tables.setdefault(model, Table(model, *columns))

    def add(self, model: type[models.Model], /, **values: Any) -> None:
        """One more row; foreign keys by their column, such as `session_id`."""
        self.table(model).add(values)

    def write_if_many(self) -> None:
        """Write once enough is gathered; call it where rows that refer to each other are all there."""
        if sum(len(table.rows) for table in self._tables.values()) >= GATHERED:
            self.write()

    def write(self) -> None:
        """Write all that is gathered, in one transaction: keys may point ahead within it."""
        with transaction.atomic():
            for table in self._tables.values():
                if table.rows:
                    table.write()
