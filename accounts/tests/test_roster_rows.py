"""Columns and rows: what the usual exports hold is found, and a bad row is told, never raised and never lost."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.roster import (
    Field,
    Role,
    RosterError,
    RosterRow,
    Table,
    guess_columns,
    missing_fields,
    open_table,
    read_rows,
    with_choices,
)

EXPORTS = {
    "Canvas gradebook": (
        "Student,ID,SIS User ID,SIS Login ID,Section,Essay (17)\n"
        "    Points Possible,,,,,10\n"
        '"Vale, Robin",4411,S-001,robin@example.edu,SW 210-A,9\n'
    ),
    "Canvas SIS users": (
        "user_id,integration_id,login_id,password,first_name,last_name,email,status\n"
        "S-001,,rvale,secret,Robin,Vale,robin@example.edu,active\n"
    ),
    "Moodle participants": (
        "Nombre,Apellido(s),Número de ID,Dirección de correo,Grupos\nRobin,Vale,S-001,robin@example.edu,SW 210-A\n"
    ),
    "Moodle users": (
        "username,firstname,lastname,email,idnumber,group1\nrv,Robin,Vale,robin@example.edu,S-001,SW 210-A\n"
    ),
    "Blackboard": "Last Name\tFirst Name\tUsername\tStudent ID\tEmail\nVale\tRobin\trv\tS-001\trobin@example.edu\n",
    "Banner": "CRN|Student Name|Banner ID|E-mail Address\nSW 210-A|Vale, Robin|S-001|Robin@Example.edu\n",
    "a spreadsheet in Spanish": "Matrícula;Nombre y apellidos;Correo electrónico\nS-001;Robin Vale;robin@example.edu\n",
    "no header": "S-001,Robin Vale,robin@example.edu\n",
}


def table_of(text: str) -> Table:
    """An opened table with this text."""
    return open_table(io.BytesIO(text.encode()))


def rows_of(text: str, **defaults: object) -> list[RosterRow]:
    """All rows, with guessed columns."""
    table = table_of(text)
    return list(read_rows(table, guess_columns(table), **defaults))  # type: ignore[arg-type]


def problems_of(text: str) -> list[tuple[int, str, str]]:
    """Row, field and message of each problem."""
    return [(problem.row, problem.field, problem.message) for row in rows_of(text) for problem in row.problems]


@pytest.mark.parametrize("export", EXPORTS)
def test_the_usual_exports_need_no_mapping(export: str) -> None:
    (row,) = rows_of(EXPORTS[export])
    assert (row.email, row.name, row.problems) == ("robin@example.edu", "Robin Vale", ())
    if export != "no header":  # a number under no name may be anything
        assert row.external_id == "S-001"
    assert row.section in {"SW 210-A", ""}


@pytest.mark.parametrize("export", ["Canvas gradebook", "Moodle participants", "Moodle users", "Banner"])
def test_exports_with_a_section_keep_it(export: str) -> None:
    assert rows_of(EXPORTS[export])[0].section == "SW 210-A"


def test_a_name_column_is_the_first_name_only_beside_a_family_name() -> None:
    assert guess_columns(table_of("Name,Email\n"))[Field.FULL_NAME] == 0
    both = guess_columns(table_of("Name,Surname,Email\n"))
    assert (both[Field.GIVEN_NAME], both[Field.FAMILY_NAME]) == (0, 1)
    assert Field.FULL_NAME not in both
    assert guess_columns(table_of("Nombre,Correo\n"))[Field.FULL_NAME] == 0


def test_without_a_header_columns_are_told_by_their_cells() -> None:
    columns = guess_columns(table_of("17,Robin,Vale,robin@example.edu,Alumno\n18,Zoë,Núñez,zoe@example.edu,Docente\n"))
    assert columns == {Field.GIVEN_NAME: 1, Field.FAMILY_NAME: 2, Field.EMAIL: 3, Field.ROLE: 4}


def test_a_person_may_choose_other_columns() -> None:
    table = table_of("Name,Email,Alias,Password\nRobin,robin@example.edu,second@example.edu,secret\n")
    guess = guess_columns(table)
    columns = with_choices(guess, {Field.EMAIL: 2, Field.EXTERNAL_ID: 1, Field.FULL_NAME: None}, table)
    assert columns == {Field.EMAIL: 2, Field.EXTERNAL_ID: 1}
    assert next(read_rows(table, columns)).email == "second@example.edu"
    assert with_choices(guess, {Field.EXTERNAL_ID: 0}, table) == {Field.EMAIL: 1, Field.EXTERNAL_ID: 0}
    for wrong in ({Field.EMAIL: 4}, {Field.EMAIL: -1}, {Field.SECTION: 3}, {Field.EMAIL: 1, Field.SECTION: 1}):
        with pytest.raises(RosterError):
            with_choices(guess, wrong, table)


def test_a_roster_needs_addresses_and_says_so() -> None:
    assert missing_fields(guess_columns(table_of("Name,Email\n"))) == []
    (sentence,) = missing_fields(guess_columns(table_of("Name,Group\nRobin,A\n")))
    assert "e-mail" in sentence


@pytest.mark.parametrize(
    ("cell", "email"),
    [
        (" Robin@Example.EDU ", "robin@example.edu"),
        ("mailto:robin@example.edu", "robin@example.edu"),
        ("Robin Vale <robin@example.edu>", "robin@example.edu"),
        ("\u200brobin+sw@example.edu\u200b", "robin+sw@example.edu"),
        ("robin@exämple.edu", "robin@exämple.edu"),
        ("robin@example", ""),
        ("robin example.edu", ""),
        ("r@" + "x" * 260 + ".edu", ""),
        ("robin@example.edu, zoe@example.edu", ""),
    ],
)
def test_addresses_are_made_one_shape_and_checked(cell: str, email: str) -> None:
    (row,) = rows_of(f'name,email\nRobin,"{cell}"\n')
    assert row.email == email
    assert [problem.field for problem in row.problems] == ([] if email else ["email"])


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("  Zoë   Núñez ", "Zoë Núñez"),
        ("Zoe\u0308", "Zoë"),
        ("李 小龍", "李 小龍"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Núñez, Zoë", "Zoë Núñez"),
        ("Robin Vale, PhD", "Robin Vale, PhD"),
        ("Vale, Robin, Jr.", "Vale, Robin, Jr."),
        ("'=SUM(A1)", "=SUM(A1)"),
        ("'Oumar Sow", "'Oumar Sow"),
        ("Robin\nVale", ""),
        ("Robin\x07Vale", ""),
        ("Robin\u202eVale", ""),
        ("x" * 151, ""),
    ],
)
def test_names_keep_their_letters_and_lose_nothing_but_spaces(cell: str, name: str) -> None:
    (row,) = rows_of(f'full name,email\n"{cell}",robin@example.edu\n')
    assert row.name == name
    assert bool(row.problems) is not bool(name)


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("Student", Role.STUDENT),
        ("StudentEnrollment", Role.STUDENT),
        ("Étudiante", Role.STUDENT),
        ("Schülerin", Role.STUDENT),
        ("PROFESORA", Role.TEACHER),
        ("editingteacher", Role.TEACHER),
        ("Lehrer", Role.TEACHER),
        ("TA", Role.ASSISTANT),
        ("Non-editing teacher", Role.ASSISTANT),
        ("Ayudante", Role.ASSISTANT),
        ("", Role.TEACHER),
    ],
)
def test_roles_are_understood_in_several_languages(word: str, role: Role) -> None:
    (row,) = rows_of(f"name,email,role\nRobin,robin@example.edu,{word}\n", role=Role.TEACHER, section="A")
    assert (row.role, row.section, row.problems) == (role, "A", ())


def test_bad_rows_are_told_with_row_field_and_reason() -> None:
    text = (
        "name,email,role,id\n"
        "Robin,,student,1\n"
        "Zoë,zoe@example.edu,wizard,2\n"
        "Vale, Ann,ann@example.edu,student,3\n"
        "Bo,bo@example.edu,student,4\n"
    )
    told = problems_of(text)
    assert [(row, field) for row, field, _message in told] == [
        (2, "email"),
        (3, "role"),
        (4, ""),
        (4, "role"),
        (4, "email"),
    ]
    assert "comma" in told[2][2]
    assert [row.number for row in rows_of(text) if not row.problems] == [5]


def test_whoever_comes_twice_is_told_with_the_first_row() -> None:
    text = (
        "email,section,id\nrobin@example.edu,A,1\nROBIN@example.edu,A,1\nrobin@example.edu,B,1\n"
        "broken,A,9\nzoe@example.edu,A,1\nann@example.edu,A,\nbo@example.edu,A,\n"
    )
    told = problems_of(text)
    assert [(row, field) for row, field, _message in told] == [(3, ""), (5, "email"), (6, "external_id")]
    assert "Row 2" in told[0][2]
    assert "Row 2" in told[2][2]


def test_no_message_repeats_a_cell() -> None:
    text = 'name,email,role,password\nx,secret-word,secret-word,secret-word\n"secret-word\x07",a,b,c\nsecret-word,s\n'
    assert all("secret-word" not in message for _row, _field, message in problems_of(text))
    assert len(problems_of(text)) > 3


names = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters=",'\""), min_size=1, max_size=20)


@given(st.lists(st.tuples(names, names), min_size=1, max_size=20))
def test_every_filled_row_comes_back_once_and_in_order(people: list[tuple[str, str]]) -> None:
    lines = [f'"{given}","{family}",p{number}@example.edu' for number, (given, family) in enumerate(people)]
    rows = rows_of("\n".join(["first name,last name,email", *lines]))
    assert [row.number for row in rows] == list(range(2, len(people) + 2))
    assert [row.email for row in rows] == [f"p{number}@example.edu" for number in range(len(people))]
    assert not any(row.problems for row in rows)


@given(st.lists(st.lists(st.text(max_size=30), min_size=1, max_size=9), max_size=10))
def test_no_cell_whatever_breaks_the_reading_of_rows(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["name", "given name", "family name", "email", "id", "role", "section"], *rows])
    try:
        table = open_table(io.BytesIO(text.getvalue().encode("utf-8", "replace")))
    except RosterError as error:
        assert "NUL" in str(error)  # noqa: PT017
        return
    for row in read_rows(table, guess_columns(table)):
        assert row.problems or (row.email and row.role)
