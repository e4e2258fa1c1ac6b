"""Cells of CSV files: guarded so that no spreadsheet runs one as a formula, and back as they were."""

import csv
import re
from collections.abc import Iterable
from typing import Protocol

# What Excel, LibreOffice and Google Sheets begin a formula with, also full-width and behind spaces; tab and line ends
# are passed over by some before they look. Apostrophes in front are guards already, of which there is then one more.
_LIVE = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")


class Text(Protocol):
    """Where text can be written."""

    def write(self, text: str, /) -> object: ...


def guarded(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet could run it, else as it is."""
    return f"'{cell}" if _LIVE.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given: `unguarded(guarded(cell)) == cell` for every text."""
    return cell[1:] if cell.startswith("'") and _LIVE.match(cell) else cell


def write_rows(file: Text, rows: Iterable[Iterable[str]], *, quote_all: bool = True) -> None:
    """Write rows as CSV (RFC 4180: commas, CRLF), every cell guarded.

    Quoted without need too, so that a program that splits at semicolons does not make a cell of half a text. Those
    that stumble over a quotation mark after the mark that begins a file, as Ruby's does, need `quote_all=False`.
    """
    writer = csv.writer(file, quoting=csv.QUOTE_ALL) if quote_all else csv.writer(file)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
