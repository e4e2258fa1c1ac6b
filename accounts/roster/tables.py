"""CSV of any shape as rows of cells: encoding, delimiter and header are found out, the file is never held whole."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from typing import IO, NamedTuple

from django.utils.translation import gettext as _

from accounts.roster.problems import RosterError
from accounts.roster.words import is_email, is_header, is_secret

MEGABYTE = 1024 * 1024
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1")
SAMPLE_BYTES = 64 * 1024
SAMPLE_ROWS = 20
LONGEST_LINE = MEGABYTE

# Old workbooks, PDF, and zip, which new workbooks are too.
FOREIGN = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
# The bytes that Windows-1252 does not define.
NOT_WINDOWS = b"\x81\x8d\x8f\x90\x9d"
# Excel writes and obeys such a first line, and does not count it.
SEPARATOR_LINE = re.compile(r"sep=([,;\t|])(?:\r\n|\r|\n|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a table may be."""

    bytes: int = 10 * MEGABYTE
    rows: int = 100_000


class TableRow(NamedTuple):
    """A row that is not blank; `number` counts as a spreadsheet does, from 1, with the header and with blank rows."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """An opened table that was read through once: what `open_table` accepts, `rows` reads.

    `header` is () where the file has none; `row_count` counts rows without header and blank ones, for progress;
    `sample` are the first rows. The file has to stay open, and only one reading of it may run at a time.
    """

    file: IO[bytes]
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    limits: Limits
    row_count: int = 0
    sample: tuple[TableRow, ...] = ()

    @property
    def width(self) -> int:
        """Columns, by the header or else by the longest row of the sample."""
        return len(self.header) or max((len(row.cells) for row in self.sample), default=0)

    def rows(self) -> Iterator[TableRow]:
        """The rows after the header, blank ones left out; raises RosterError. Passwords leave this as empty cells."""
        secrets = {place for place, name in enumerate(self.header) if is_secret(name)}
        rows = _filled(_records(self.file, self.encoding, self.delimiter))
        if self.header:
            next(rows, None)
        for seen, (number, cells) in enumerate(rows, 1):
            if seen > self.limits.rows:
                raise RosterError(
                    _("Row %(row)s is one too many: a roster may have %(limit)s rows. Split the file.")
                    % {"row": number, "limit": self.limits.rows},
                    row=number,
                )
            if secrets:
                # In a row of another length nobody knows which cell is the password.
                fits = len(cells) == len(self.header)
                shown = tuple("" if not fits or place in secrets else cell for place, cell in enumerate(cells))
            else:
                shown = tuple(cells)
            yield TableRow(number, shown)


def open_table(
    file: IO[bytes],
    *,
    limits: Limits = Limits(),
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
) -> Table:
    """The table in a seekable file, read through once; raises RosterError with the row and the limit.

    `encoding` (of ENCODINGS), `delimiter` (of DELIMITERS) and `header` override what would be found out.
    """
    if encoding not in {None, *ENCODINGS} or delimiter not in {None, *DELIMITERS}:
        raise RosterError(_("This encoding or separator is not known."))
    found = _find_encoding(file, limits)
    encoding = encoding or found
    delimiter = delimiter or _find_delimiter(_beginning(file, encoding))
    first = list(islice(_filled(_records(file, encoding, delimiter)), SAMPLE_ROWS))
    if not first:
        raise RosterError(_("The file is empty."))
    if header is None:
        header = _has_header([cells for _number, cells in first])
    names = tuple(cell.strip() for cell in first[0][1]) if header else ()
    table = Table(file, encoding, delimiter, names, limits)
    rows = table.rows()
    sample = tuple(islice(rows, SAMPLE_ROWS))
    return Table(file, encoding, delimiter, names, limits, len(sample) + sum(1 for _row in rows), sample)


def _find_encoding(file: IO[bytes], limits: Limits) -> str:
    """The encoding of the whole file: a byte that is not UTF-8 may come late. Raises RosterError."""
    file.seek(0)
    start, size, is_windows, is_utf8 = b"", 0, True, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    while chunk := file.read(SAMPLE_BYTES):
        start = start or chunk
        size += len(chunk)
        if size > limits.bytes:
            raise RosterError(_("The file is larger than %(limit)s MB.") % {"limit": f"{limits.bytes / MEGABYTE:.3g}"})
        is_windows = is_windows and not any(byte in chunk for byte in NOT_WINDOWS)
        if is_utf8:
            is_utf8 = _decodes(decoder, chunk)
    if start.startswith(FOREIGN):
        raise RosterError(_("This is a workbook, a zip or a PDF. Save the table as CSV and upload that."))
    by_start = _encoding_by_start(start)
    if by_start:
        return by_start
    if is_utf8 and _decodes(decoder, b"", final=True):
        return "utf-8"
    return "cp1252" if is_windows else "latin-1"


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _encoding_by_start(start: bytes) -> str:
    """What a byte order mark or the zeros of UTF-16 tell, else ""."""
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = len(start) // 2
    even, odd = start[::2].count(0), start[1::2].count(0)
    # Delimiters, line ends and Western letters have a zero in one half, and no text has one in the other.
    if odd and not even and odd * 3 > pairs:
        return "utf-16-le"
    if even and not odd and even * 3 > pairs:
        return "utf-16-be"
    return ""


def _beginning(file: IO[bytes], encoding: str) -> str:
    file.seek(0)
    try:
        return codecs.getincrementaldecoder(encoding)("replace").decode(file.read(SAMPLE_BYTES))
    except UnicodeError as error:  # UTF-16 that was asked for, without a mark to say which
        raise RosterError(_not_decoded(1, encoding), row=1) from error


def _find_delimiter(beginning: str) -> str:
    """The delimiter under which most cells are addresses or names of columns, and then most rows are equally long.

    csv.Sniffer is not asked: it takes letters for delimiters, and fails on short files and on quoted newlines.
    """
    if told := SEPARATOR_LINE.match(beginning):
        return told[1]
    # The last row of a long file is cut.
    rows_of = {mark: _parsed(beginning, mark) for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: _fit(rows_of[mark]))


def _parsed(beginning: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter), SAMPLE_ROWS * 5))
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    return filled[:-1] if len(filled) > 2 and len(rows) < SAMPLE_ROWS * 5 else filled


def _fit(rows: list[list[str]]) -> tuple[int, float, int]:
    if not rows:
        return (0, 1, 0)
    known = sum(is_header(cell) for cell in rows[0]) + sum(is_email(cell) for row in rows for cell in row)
    width, rows_so_wide = Counter(len(row) for row in rows).most_common(1)[0]
    return (known, rows_so_wide / len(rows) if width > 1 else 0, width)


def _has_header(rows: list[list[str]]) -> bool:
    """A first row with an address is none; with a known word, or alone without an address, it is one."""
    first, *others = rows
    if any(is_email(cell) for cell in first):
        return False
    return any(is_header(cell) for cell in first) or any(is_email(cell) for row in others for cell in row)


def _filled(records: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    return ((number, cells) for number, cells in enumerate(records, 1) if any(cell.strip() for cell in cells))


def _records(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[list[str]]:
    """Every record of the file, blank ones too; raises RosterError."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in count(1):
            lines.row = row
            try:
                record = next(reader)
            except StopIteration:
                return
            except UnicodeError as error:
                raise RosterError(_not_decoded(row, encoding), row=row) from error
            except csv.Error as error:
                raise _too_long(row) from error
            if lines.ended:
                raise RosterError(_("Row %(row)s opens a quotation mark that nothing closes.") % {"row": row}, row=row)
            yield record
    finally:
        with suppress(ValueError):  # whoever lent the file may have closed it
            text.detach()


class _Lines:
    """Lines for csv, none endless; `ended` once csv asked for a line after the last, as it does within quotes."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text, self.row, self.ended, self.begun = text, 1, False, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.text.readline(LONGEST_LINE + 1)
        if not self.begun:
            self.begun = True
            if SEPARATOR_LINE.fullmatch(line):
                line = self.text.readline(LONGEST_LINE + 1)
        if not line:
            self.ended = True
            raise StopIteration
        if len(line) > LONGEST_LINE:
            raise _too_long(self.row)
        if "\0" in line:
            raise RosterError(
                _("Row %(row)s holds a NUL byte. Is this really a CSV file?") % {"row": self.row}, row=self.row
            )
        return line


def _too_long(row: int) -> RosterError:
    sentence = _("Row %(row)s has a cell of more than %(limit)s characters. Is a quotation mark left open?")
    return RosterError(sentence % {"row": row, "limit": csv.field_size_limit()}, row=row)


def _not_decoded(row: int, encoding: str) -> str:
    sentence = _("Near row %(row)s there are bytes that are not %(encoding)s. Save the file as CSV in UTF-8.")
    return sentence % {"row": row, "encoding": encoding.upper()}
