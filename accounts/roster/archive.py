"""The CSV files of a zip, read where they lie: nothing is unpacked to disk, and no file can grow past the limits."""

import io
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

from django.utils.translation import gettext as _

from accounts.roster.problems import Problem, RosterError
from accounts.roster.tables import MEGABYTE, Limits, Table, open_table

MOST_NOTICES = 20


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """How large a zip may be: packed, unpacked in sum, and in rows of each file."""

    bytes: int = 10 * MEGABYTE
    unpacked: int = 100 * MEGABYTE
    rows: int = 100_000


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file; a column that the file does not have reads as ""."""

    number: int
    places: Mapping[str, int]
    cells: tuple[str, ...]

    def __getitem__(self, column: str) -> str:
        place = self.places.get(column)
        return self.cells[place].strip() if place is not None and place < len(self.cells) else ""


class Archive:
    """The files of a zip, read where they lie; whatever breaks in it becomes a RosterError."""

    def __init__(self, file: IO[bytes], names: Collection[str], limits: ZipLimits) -> None:
        """Look into the zip for these files, named without ".csv"; raises RosterError."""
        self.limits, self._wanted = limits, {f"{name}.csv" for name in names}
        if file.seek(0, io.SEEK_END) > limits.bytes:
            raise RosterError(_("The zip is larger than %(limit)s MB.") % {"limit": f"{limits.bytes / MEGABYTE:.3g}"})
        with _zip_errors():
            self._zip = zipfile.ZipFile(file)
        self._tables: dict[str, Table] = {}
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            if member.filename not in self._wanted:
                continue
            if member.filename in self._members:
                raise RosterError(_("%(file)s is in the zip twice.") % {"file": member.filename})
            if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise RosterError(
                    _("%(file)s is encrypted or packed in a way that is not read.") % {"file": member.filename}
                )
            self._members[member.filename] = member
        if sum(member.file_size for member in self._members.values()) > limits.unpacked:
            raise RosterError(
                _("Unpacked the files are larger than %(limit)s MB.") % {"limit": f"{limits.unpacked / MEGABYTE:.3g}"}
            )

    def has(self, name: str) -> bool:
        """Whether the file lies at the top of the zip."""
        return f"{name}.csv" in self._members

    def notices(self) -> list[Problem]:
        """What is in the zip under a name that only looks like one of those wanted."""
        notices: list[Problem] = []
        for path, name in self.lookalikes():
            if "/" in path or "\\" in path:
                message = _("A file of this name lies in a folder of the zip and is not read. Put it at the top.")
            else:
                message = _("The name has to be written exactly like this, with its capitals.")
            notices.append(Problem(0, "", message, name))
        return notices

    def lookalikes(self) -> list[tuple[str, str]]:
        """The path of each of them, and the name that it looks like; the first of many."""
        wanted = {name.lower(): name for name in self._wanted}
        found: list[tuple[str, str]] = []
        for path in self._zip.namelist():
            parts = path.replace("\\", "/").split("/")
            name = wanted.get(parts[-1].lower())
            if name is not None and path != name and parts[0] != "__MACOSX":
                found.append((path, name))
        return found[:MOST_NOTICES]

    def table(self, name: str) -> Table:
        """The file as a table, for its header and row count; `records` reads it."""
        if name not in self._tables:
            limits = Limits(bytes=self.limits.unpacked, rows=self.limits.rows)
            with self._open(name) as file:
                self._tables[name] = open_table(file, limits=limits, delimiter=",", header=True)
        return self._tables[name]

    def records(self, name: str) -> Iterator[Record]:
        """The rows of a file, one by one."""
        with self.opened(name) as table:
            places = {column: place for place, column in reversed(list(enumerate(table.header)))}
            for row in table.rows():
                yield Record(row.number, places, row.cells)

    @contextmanager
    def opened(self, name: str) -> Iterator[Table]:
        """The file as a table that can be read meanwhile."""
        table = self.table(name)
        with self._open(name) as file:
            yield replace(table, file=file)

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        with _zip_errors(f"{name}.csv"), self._zip.open(self._members[f"{name}.csv"]) as file:
            yield file


@contextmanager
def _zip_errors(name: str = "") -> Iterator[None]:
    try:
        yield
    except RosterError as error:
        raise RosterError(f"{name}: {error}", row=error.row) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError) as error:
        raise RosterError(_("This is not a zip file, or it is damaged.")) from error
