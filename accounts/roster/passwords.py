"""Rosters without the passwords that some systems export: what is kept is written anew, with those cells empty."""

import csv
import io
import shutil
import tempfile
import zipfile
from typing import IO

from accounts.roster.archive import Archive, ZipLimits
from accounts.roster.oneroster import FILES
from accounts.roster.tables import Limits, Table, open_table
from accounts.roster.words import is_secret

SPOOLED_BYTES = 1024 * 1024
NAMES = ("manifest", *FILES)


def is_archive(file: IO[bytes]) -> bool:
    """Whether the file is a zip and no workbook, which is one too."""
    file.seek(0)
    if file.read(4) != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return "[Content_Types].xml" not in archive.namelist()
    except zipfile.BadZipFile:
        return True


def table_without_passwords(file: IO[bytes], *, limits: Limits) -> IO[bytes] | None:
    """The table as UTF-8 with commas, its rows under their numbers and its cells of passwords empty.

    None where no column holds passwords, so that the file may be kept as it is. Raises RosterError.
    """
    table = open_table(file, limits=limits)
    return _rewritten(table) if _has_secrets(table) else None


def archive_without_passwords(file: IO[bytes], *, limits: ZipLimits) -> tuple[IO[bytes], bool]:
    """The zip with the files that are read and nothing else, and whether there were passwords. Raises RosterError."""
    archive = Archive(file, NAMES, limits)
    found = False
    kept = tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115  the caller's
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as out:
        for name in NAMES:
            if not archive.has(name):
                continue
            with archive.opened(name) as table, out.open(f"{name}.csv", "w") as target:
                if _has_secrets(table):
                    found = True
                    with _rewritten(table) as clean:
                        shutil.copyfileobj(clean, target)
                else:
                    shutil.copyfileobj(table.file, target)
        for path, _name in archive.lookalikes():
            out.writestr(path, b"")  # its name alone, for the page to say why it is not read
    kept.seek(0)
    return kept, found


def _has_secrets(table: Table) -> bool:
    return any(is_secret(name) for name in table.header)


def _rewritten(table: Table) -> IO[bytes]:
    file = tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115  the caller's
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(table.header)
    written = 1
    for row in table.rows():
        writer.writerows([] for _blank in range(row.number - written - 1))
        # Where all cells were taken out, since nobody knows which is the password, the row stays one that is wrong.
        writer.writerow(row.cells if any(cell.strip() for cell in row.cells) else ["–"] * (len(table.header) + 1))
        written = row.number
    text.detach()
    file.seek(0)
    return file
