"""What a run writes down in the database that it fills, so that another one can go on where it was broken off."""

import json
from typing import Any

from django.db import connection

TABLE = "make_term_notebook"


class Notebook:
    """Notes by name, in a table that is there only until the term is whole.

    Written in the transaction of what they tell of, they say neither too much nor too little.
    """

    @property
    def is_there(self) -> bool:
        """Whether a run was begun here and not finished."""
        return TABLE in connection.introspection.table_names()

    def open(self) -> None:
        """Begin to take notes."""
        self._run(f"CREATE TABLE {TABLE} (name varchar(200) PRIMARY KEY, value text NOT NULL)")

    def write(self, name: str, value: Any) -> None:
        """Write down a value that JSON knows, once."""
        self._run(f"INSERT INTO {TABLE} (name, value) VALUES (%s, %s)", name, json.dumps(value))  # noqa: S608  our table

    def read(self, kind: str = "") -> dict[str, Any]:
        """The notes whose names begin so, in the order of their names."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT name, value FROM {TABLE} WHERE name LIKE %s ORDER BY name", [f"{kind}%"])  # noqa: S608
            return {name: json.loads(value) for name, value in cursor.fetchall()}

    def strike(self, name: str) -> None:
        """Take a note back."""
        self._run(f"DELETE FROM {TABLE} WHERE name = %s", name)  # noqa: S608

    def close(self) -> None:
        """The work is done: nothing is left to be known."""
        self._run(f"DROP TABLE {TABLE}")

    def _run(self, statement: str, *values: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
