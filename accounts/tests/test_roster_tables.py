"""Tables of any shape: what was written is what is read, and whatever cannot be read says why."""

import csv
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files import File
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from hypothesis import assume, given
from hypothesis import strategies as st

from accounts.roster import (
    DELIMITERS,
    ENCODINGS,
    Limits,
    RosterError,
    Table,
    guess_columns,
    open_table,
    read_rows,
)

WRITTEN_AS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
PEOPLE = [["Name", "E-mail"], ["Zoë Núñez", "zoe@example.edu"], ["Vale, Robin", "robin@example.edu"]]


def written(
    rows: list[list[str]],
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    quoting: int = csv.QUOTE_MINIMAL,
    line_end: str = "\r\n",
) -> io.BytesIO:
    """The rows as a file, by the standard library's writer."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(rows)  # type: ignore[arg-type]
    return io.BytesIO(text.getvalue().encode(encoding))


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
tables = st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=8)
quotings = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
line_ends = st.sampled_from(["\r\n", "\n", "\r"])


@given(tables, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from(DELIMITERS), quotings, st.booleans())
def test_any_table_reads_back_as_it_was_written(
    rows: list[list[str]], encoding: str, delimiter: str, quoting: int, by_hand: bool
) -> None:
    filled = [(number, tuple(row)) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    assume(filled)
    assume(not rows[0][0].lower().startswith("sep="))
    file = written(rows, encoding=encoding, delimiter=delimiter, quoting=quoting)
    table = open_table(file, delimiter=delimiter, encoding=encoding if by_hand else None, header=False)
    assert list(table.rows()) == filled
    assert list(table.rows()) == filled
    assert table.row_count == len(filled)


western = st.text("abcXYZ 0123'\"\r\náéíóúñüç", min_size=1, max_size=12).filter(str.strip)


@given(
    st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(western, min_size=width, max_size=width), min_size=1)),
    st.sampled_from(WRITTEN_AS),
    st.sampled_from(DELIMITERS),
    quotings,
    line_ends,
)
def test_encoding_and_delimiter_are_found_out(
    rows: list[list[str]], encoding: str, delimiter: str, quoting: int, line_end: str
) -> None:
    rows = [[cell.replace("X", f"x{delimiter}") for cell in row] for row in rows]
    if line_end != "\r\n":  # with these the writer leaves the other kind of line end unquoted
        quoting = csv.QUOTE_ALL
    file = written(rows, encoding=encoding, delimiter=delimiter, quoting=quoting, line_end=line_end)
    table = open_table(file, header=False)
    assert table.delimiter == delimiter
    assert [row.cells for row in table.rows()] == [tuple(row) for row in rows]


@pytest.mark.parametrize("encoding", WRITTEN_AS)
@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_a_roster_of_two_is_enough_to_find_its_shape(encoding: str, delimiter: str, line_end: str) -> None:
    table = open_table(written(PEOPLE, encoding=encoding, delimiter=delimiter, line_end=line_end))
    assert table.header == ("Name", "E-mail")
    assert [row.cells for row in table.rows()] == [tuple(row) for row in PEOPLE[1:]]
    assert [row.number for row in table.rows()] == [2, 3]


def test_an_upload_is_read_as_any_file_and_stays_open(tmp_path: Path) -> None:
    data = written(PEOPLE, encoding="utf-16", delimiter="\t").getvalue()
    path = tmp_path / "roster.csv"
    path.write_bytes(data)
    with path.open("rb") as file, TemporaryUploadedFile("roster.csv", "text/csv", len(data), None) as large:
        large.write(data)
        for upload in (SimpleUploadedFile("roster.csv", data), File(file), large):
            table = open_table(upload)
            next(table.rows())
            assert [row.number for row in table.rows()] == [2, 3]
            assert not upload.closed


@given(st.binary(max_size=400), st.sampled_from([None, *ENCODINGS]))
def test_whatever_the_bytes_nothing_but_a_roster_error_is_raised(data: bytes, encoding: str | None) -> None:
    try:
        table = open_table(io.BytesIO(data), encoding=encoding)
    except RosterError:
        return
    first, second = (list(read_rows(table, guess_columns(table))) for _time in range(2))
    assert first == second
    assert len(first) <= table.row_count


@given(st.text("\",;\t|\r\n@.ae'=\ufeff\0é", max_size=60), st.sampled_from(["utf-8", "utf-16", "cp1252", "latin-1"]))
def test_whatever_the_signs_what_opens_can_be_read(text: str, encoding: str) -> None:
    try:
        table = open_table(io.BytesIO(text.encode(encoding, "replace")))
    except RosterError:
        return
    assert len(list(table.rows())) == len(list(read_rows(table, guess_columns(table)))) == table.row_count


def test_quoted_line_breaks_stay_and_rows_are_counted_as_in_a_spreadsheet() -> None:
    file = io.BytesIO(b'name,email\n\n"Robin\nVale",robin@example.edu\n,\nAnn,ann@example.edu\n')
    assert list(open_table(file).rows()) == [
        (3, ("Robin\nVale", "robin@example.edu")),
        (5, ("Ann", "ann@example.edu")),
    ]


def test_rows_may_be_shorter_and_longer_than_the_header() -> None:
    table = open_table(io.BytesIO(b"name,email,role\na\nb,c,d,e\n"))
    assert [row.cells for row in table.rows()] == [("a",), ("b", "c", "d", "e")]


def test_names_with_commas_do_not_make_the_comma_the_delimiter() -> None:
    rows = ["Vale, Robin;robin@example.edu", "Núñez, Zoë;zoe@example.edu"]
    table = open_table(io.BytesIO("\n".join(rows).encode()))
    assert (table.delimiter, table.header) == (";", ())
    assert [row.cells[0] for row in table.rows()] == ["Vale, Robin", "Núñez, Zoë"]


def test_the_line_with_which_excel_names_the_delimiter_is_obeyed_and_not_counted() -> None:
    table = open_table(io.BytesIO(b"sep=;\r\nname;email\r\na,b,c;x@example.edu\r\n"))
    assert (table.delimiter, list(table.rows())) == (";", [(2, ("a,b,c", "x@example.edu"))])


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("Name,Email", True),
        ("Nombre,Correo", True),
        ("who,where", True),
        ("Ann Lee,ann@example.edu", False),
    ],
)
def test_a_first_row_with_an_address_is_no_header(first: str, header: bool) -> None:
    assert bool(open_table(io.BytesIO(f"{first}\nBo,bo@example.edu\n".encode())).header) is header


def test_a_byte_that_is_not_utf_8_is_noticed_wherever_it_stands() -> None:
    lines = [f"Person {number},p{number}@example.edu" for number in range(20_000)]
    data = "\n".join(["name,email", *lines, "Núñez,zoe@example.edu"]).encode("cp1252")
    table = open_table(io.BytesIO(data))
    assert table.encoding == "cp1252"
    assert list(table.rows())[-1].cells[0] == "Núñez"


def test_passwords_never_leave_the_table() -> None:
    data = b"name,email,Temporary Password\nAnn,ann@example.edu,hunter2\nBo,Lee,bo@example.edu,hunter2\nhunter2\n"
    table = open_table(io.BytesIO(data))
    assert "hunter2" not in repr(table)
    assert "hunter2" not in repr(list(table.rows()))
    assert [row.cells for row in table.rows()] == [("Ann", "ann@example.edu", ""), ("",) * 4, ("",)]


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (b"", None, "empty"),
        (b" \r\n,,\r\n", None, "empty"),
        (b"\xef\xbb\xbf", None, "empty"),
        (b"PK\x03\x04rest", None, "workbook"),
        (b"name,email\nAnn,a\0nn@example.edu\n", 2, "NUL"),
        (b'name,email\nBo,bo@example.edu\n"Ann,ann@example.edu\n', 3, "quotation mark"),
        (b"name,email\n" + b"x" * 200_000, 2, "131072"),
        (b"\xef\xbb\xbfname,email\n\xff,ann@example.edu\n", 1, "UTF-8"),
        (b"\xff\xfen\0a\0m\0x", 1, "row 1"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(data: bytes, row: int | None, words: str) -> None:
    with pytest.raises(RosterError, match=words) as caught:
        open_table(io.BytesIO(data))
    assert caught.value.row == row


def test_limits_are_named() -> None:
    data = b"name,email\n" + b"Ann,ann@example.edu\n" * 4
    with pytest.raises(RosterError, match=r"Row 5 .* 3 rows") as caught:
        open_table(io.BytesIO(data), limits=Limits(rows=3))
    assert caught.value.row == 5
    assert open_table(io.BytesIO(data), limits=Limits(rows=4)).row_count == 4
    with pytest.raises(RosterError, match="larger than 10 MB"):
        open_table(io.BytesIO(b"x,y\n" * (10 * 1024 * 1024 // 4) + b"z"))


def test_an_unknown_encoding_or_delimiter_is_refused() -> None:
    for choice in ({"encoding": "rot13"}, {"delimiter": "x"}):
        with pytest.raises(RosterError, match="not known"):
            open_table(written(PEOPLE), **choice)  # type: ignore[arg-type]


def _read_through(table: Table) -> int:
    return sum(1 for _row in table.rows())


def _read_as_people(table: Table) -> int:
    return sum(not row.problems for row in read_rows(table, guess_columns(table)))


@pytest.mark.parametrize(
    ("reading", "count", "megabytes"),
    [(_read_through, 100_000, 3), (_read_as_people, 10_000, 4)],
)
def test_rows_are_never_held_all_at_once(reading: Callable[[Table], int], count: int, megabytes: int) -> None:
    lines = (f"Person {number},person.number.{number}@example.edu,{number},student" for number in range(count))
    file = io.BytesIO("\n".join(["name,email,id,role", *lines]).encode())
    tracemalloc.start()
    try:
        assert reading(open_table(file)) == count
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_hundred_thousand_people_are_read() -> None:
    lines = (f"Person {number},person.number.{number}@example.edu,{number},student" for number in range(100_000))
    assert _read_as_people(open_table(io.BytesIO("\n".join(["name,email,id,role", *lines]).encode()))) == 100_000
