"""Cells of CSV files: guarded so that no spreadsheet runs one as a formula, and back as they were."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Protocol

# Excel reads a CSV file as UTF-8 only when it begins with this mark.
BOM = "\ufeff"
# What Excel, LibreOffice and Google Sheets begin a formula with, also full-width and behind spaces; tab and line ends
# are passed over by some before they look. Apostrophes in front are guards already, of which there is then one more.
_LIVE = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


class Text(Protocol):
    """Where text can be written."""

    def write(self, text: str, /) -> object: ...


def guarded(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet could run it, else as it is."""
    return f"'{cell}" if _LIVE.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given: `unguarded(guarded(cell)) == cell` for every text."""
    return cell[1:] if cell.startswith("'") and _LIVE.match(cell) else cell


def csv_lines(rows: Iterable[Iterable[str]], *, quote_all: bool = True) -> Iterator[str]:
    """Rows as lines of CSV (RFC 4180: commas, CRLF), every cell guarded; without the mark that begins a file.

    Quoted without need too, so that a program that splits at semicolons does not make a cell of half a text. Those
    that stumble over a quotation mark after the mark that begins a file, as Ruby's does, need `quote_all=False`.
    """
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    for row in rows:
        yield writer.writerow([guarded(cell) for cell in row])


def write_rows(file: Text, rows: Iterable[Iterable[str]], *, quote_all: bool = True) -> None:
    """Write the same to a file."""
    for line in csv_lines(rows, quote_all=quote_all):
        file.write(line)
