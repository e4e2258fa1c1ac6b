"""A row of a roster in the one shape that the rest of the portal knows, with what is wrong with it."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from accounts.roster.columns import Columns
from accounts.roster.problems import Problem
from accounts.roster.tables import Table, TableRow
from accounts.roster.words import Field, Role, plain, role_of
from monitoring.cells import unguarded

LONGEST = 150
LONGEST_EMAIL = 254
LONGEST_CODE = 50
LONGEST_TERM = 100
# Letters that turn the direction of what follows, so that a name would read as another.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# "Vale, Robin" is turned round, "Robin Vale, PhD" is not.
TITLES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "ph d", "md", "ma", "msw", "lcsw", "rn"})
# Rows of Canvas that are nobody.
NOBODY = frozenset({"points possible", "test student"})


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A person, and with `section` their place in it.

    `email` is in lower case, or "" where only `external_id` tells who is meant. `section` is the name of a section
    in a table, told apart by `course_code` and `term` where the table has them, and its sourcedId in OneRoster. `role`
    None means that the file does not say. `active` is False for what the school took away. With problems the row is to
    be shown, not used.
    """

    number: int
    email: str = ""
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    external_id: str = ""
    role: Role | None = None
    section: str = ""
    course_code: str = ""
    term: str = ""
    active: bool = True
    file: str = ""
    problems: tuple[Problem, ...] = ()


class Known:
    """Who was in the rows so far, to report whoever comes twice; costs some 200 bytes a row."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._owners: dict[str, tuple[str, int]] = {}

    def problem(self, *, number: int, person: str, section: str) -> tuple[str, str] | None:
        """(field, message) if this person has a row for this section already, else None and it is remembered."""
        first = self._places.setdefault(f"{person}\0{section}", number)
        if first == number:
            return None
        return "", _("Row %(row)s has the same person already.") % {"row": first}

    def conflict(self, *, number: int, external_id: str, email: str) -> tuple[str, str] | None:
        """(field, message) if an earlier row gave this id to another address."""
        owner, first = self._owners.setdefault(external_id, (email, number)) if external_id else (email, number)
        if owner == email:
            return None
        return Field.EXTERNAL_ID, _("Row %(row)s has this id with another e-mail address.") % {"row": first}


class Cells:
    """Reads cells of one row and collects what is wrong with them."""

    def __init__(self, number: int, file: str = "") -> None:
        self.number, self.file = number, file
        self.problems: list[Problem] = []

    def report(self, field: str, message: str) -> None:
        """Add a problem of this row."""
        self.problems.append(Problem(self.number, field, message, self.file))

    def text(self, field: str, cell: str, *, longest: int = LONGEST) -> str:
        """The cell in NFC, without spaces around and doubled; "" and a problem if it holds what no name may."""
        text = unicodedata.normalize("NFC", unguarded(cell).strip().strip("\ufeff\u200b").strip())
        plain_ascii = text.isascii() and text.isprintable()  # most cells, and cheap to know
        if not plain_ascii and any(c in TURNING or unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in text):
            self.report(field, _("There are control characters or line breaks in this cell."))
            return ""
        text = " ".join(text.split())
        if len(text) > longest:
            self.report(field, _("This cell has more than %(limit)s characters.") % {"limit": longest})
            return ""
        return text

    def email(self, cell: str, *, required: bool = True) -> str:
        """The address in lower case; "" and a problem if it is none."""
        text = unguarded(cell).strip().strip("\ufeff\u200b").strip().lower().removeprefix("mailto:")
        if text.endswith(">") and "<" in text:
            text = text[text.rindex("<") + 1 : -1].strip()
        if not text:
            if required:
                self.report(Field.EMAIL, _("There is no e-mail address."))
            return ""
        if len(text) > LONGEST_EMAIL or not _is_valid(text):
            self.report(Field.EMAIL, _("This is not an e-mail address."))
            return ""
        return text


def read_rows(table: Table, columns: Columns, *, role: Role = Role.STUDENT, section: str = "") -> Iterator[RosterRow]:
    """The rows of a table, one by one; `role` and `section` stand in where a row has none of its own.

    Nothing is raised for a bad row; `RosterError` only where the file changed since it was opened.
    """
    known = Known()
    for row in table.rows():
        read = _read(row, table, columns, role, section)
        if plain(read.name) in NOBODY and not read.email:
            continue
        if not read.problems:
            place = f"{read.section}\0{read.course_code}\0{read.term}"
            found = known.conflict(number=read.number, external_id=read.external_id, email=read.email) or known.problem(
                number=read.number, person=read.email, section=place
            )
            if found:
                read = replace(read, problems=(Problem(read.number, *found),))
        yield read


def _read(row: TableRow, table: Table, columns: Columns, role: Role, section: str) -> RosterRow:
    cells = Cells(row.number)
    if table.header and any(cell.strip() for cell in row.cells[len(table.header) :]):
        cells.report("", _("This row has more cells than the header. Is a name with a comma not quoted?"))

    def cell(field: Field) -> str:
        place = columns.get(field)
        return row.cells[place] if place is not None and place < len(row.cells) else ""

    given, family = (cells.text(field, cell(field)) for field in (Field.GIVEN_NAME, Field.FAMILY_NAME))
    whole = cells.text(Field.FULL_NAME, cell(Field.FULL_NAME))
    if whole and not (given or family):
        given, family, whole = _turned(whole)
    name = whole or f"{given} {family}".strip()
    if len(name) > LONGEST:
        cells.report(Field.FULL_NAME, _("This name has more than %(limit)s characters.") % {"limit": LONGEST})
    named_role = cells.text(Field.ROLE, cell(Field.ROLE))
    meant = role_of(named_role) if named_role else role
    if meant is None:
        cells.report(Field.ROLE, _("This role is not known. Write student, teacher or assistant."))
    return RosterRow(
        number=row.number,
        email=cells.email(cell(Field.EMAIL)),
        name=name,
        given_name=given,
        family_name=family,
        external_id=cells.text(Field.EXTERNAL_ID, cell(Field.EXTERNAL_ID)),
        role=meant,
        section=cells.text(Field.SECTION, cell(Field.SECTION)) or section,
        course_code=cells.text(Field.COURSE_CODE, cell(Field.COURSE_CODE), longest=LONGEST_CODE),
        term=cells.text(Field.TERM, cell(Field.TERM), longest=LONGEST_TERM),
        problems=tuple(cells.problems),
    )


def _turned(whole: str) -> tuple[str, str, str]:
    """(given, family, whole) of "Family, Given"; any other name is left whole, as where to part it is not ours."""
    family, comma, given = (part.strip() for part in whole.partition(","))
    if comma and given and family and "," not in given and plain(given) not in TITLES:
        return given, family, f"{given} {family}"
    return "", "", whole


def _is_valid(email: str) -> bool:
    try:
        validate_email(email)
    except ValidationError:
        return False
    return email == email.lower()  # some letters outside ASCII have no stable lower case
