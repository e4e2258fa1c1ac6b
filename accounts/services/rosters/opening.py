"""A roster of either kind, opened as somebody chose: its rows, and what it still needs before it can be imported."""

import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from django.utils.translation import gettext as _

from accounts import roster
from accounts.models import User
from accounts.roster import Columns, Field, OneRoster, Role, RosterRow, Table

MEGABYTE = 1024 * 1024
MOST_BYTES = 20 * MEGABYTE
LIMITS = roster.Limits(bytes=MOST_BYTES)
ZIP_LIMITS = roster.ZipLimits(bytes=MOST_BYTES)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is to be read; "" and None leave it to what is found out."""

    encoding: str = ""
    delimiter: str = ""
    header: bool | None = None

    def open(self, file: IO[bytes]) -> Table:
        """The table. Raises RosterError."""
        return roster.open_table(
            file,
            limits=LIMITS,
            encoding=self.encoding or None,
            delimiter=self.delimiter or None,
            header=self.header,
        )


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chose for one import.

    columns: the place of each field's column, None where the file has none; fields left out are guessed. section: the
    one into which everybody goes, whatever the file says. role: of people for whom the file names none. rename: names
    of people and sections who are here already become those of the file. remove: students of the file's sections who
    are not in the file are removed. The last three need an admin, `remove` a teacher too.
    """

    reading: Reading = Reading()
    columns: Mapping[Field, int | None] = field(default_factory=dict)
    section: uuid.UUID | None = None
    role: Role = Role.STUDENT
    rename: bool = False
    remove: bool = False

    def allowed_to(self, by: User) -> "Choices":
        """The same without what only admins may choose, for everybody else."""
        return self if by.is_admin else dataclasses.replace(self, role=Role.STUDENT, rename=False)


@dataclass(frozen=True, slots=True)
class OpenRoster:
    """A roster of either kind: `table` with its columns, or `oneroster`."""

    choices: Choices
    table: Table | None = None
    columns: Columns = field(default_factory=dict)
    oneroster: OneRoster | None = None

    def rows(self) -> Iterator[RosterRow]:
        """Its rows; raises RosterError where the file breaks."""
        if self.oneroster is not None:
            return self.oneroster.rows()
        assert self.table is not None  # noqa: S101  one of both
        return roster.read_rows(self.table, self.columns, role=self.choices.role)

    @property
    def is_complete(self) -> bool:
        """Whether somebody who is not in the file is known to have left."""
        if self.oneroster is None:
            return True
        return all(self.oneroster.modes[name] == "bulk" for name in ("classes", "users", "enrollments"))

    def missing(self, by: User) -> list[str]:
        """A sentence for each thing without which this person cannot import it."""
        if self.oneroster is not None:
            return []
        sentences = roster.missing_fields(self.columns)
        if self.choices.section is None and Field.SECTION not in self.columns and not by.is_admin:
            sentences.append(_("No column names sections. Choose the one that does, or one section for everybody."))
        return sentences


def open_roster(file: IO[bytes], choices: Choices) -> OpenRoster:
    """The roster in a seekable file that stays open. Raises RosterError."""
    if roster.is_archive(file):
        return OpenRoster(choices, oneroster=roster.open_oneroster(file, limits=ZIP_LIMITS))
    table = choices.reading.open(file)
    wanted = dict(choices.columns)
    if choices.section is not None:
        wanted |= dict.fromkeys((Field.SECTION, Field.COURSE_CODE, Field.TERM))
    columns = roster.with_choices(roster.guess_columns(table), wanted, table)
    return OpenRoster(choices, table=table, columns=columns)
