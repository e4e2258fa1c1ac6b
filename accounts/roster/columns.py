"""Which column of a table holds what: a guess from names and contents, and the choices of whoever knows better."""

from collections.abc import Callable, Iterator, Mapping

from django.utils.translation import gettext as _

from accounts.roster.problems import RosterError
from accounts.roster.tables import Table
from accounts.roster.words import HEADERS, Field, is_email, is_secret, plain, role_of

# The place of each field's column, counted from 0.
Columns = Mapping[Field, int]


def guess_columns(table: Table) -> dict[Field, int]:
    """The columns that could be told, by their names first and by the cells of the sample where names say nothing."""
    columns = _by_names(table)
    if Field.EMAIL not in columns:
        _by_cells(table, columns, Field.EMAIL, is_email)
    if Field.ROLE not in columns:
        _by_cells(table, columns, Field.ROLE, lambda cell: role_of(cell) is not None)
    if not table.header and Field.EMAIL in columns:
        _names_by_cells(table, columns)
    return columns


def with_choices(columns: Columns, choices: Mapping[Field, int | None], table: Table) -> dict[Field, int]:
    """The guess with a person's choices over it, None for a field that the file does not have.

    A column that is chosen for one field is taken away from another that was only guessed. Raises RosterError for
    a column that is not in the file, that holds passwords, or that was chosen twice.
    """
    chosen = {field: place for field, place in choices.items() if place is not None}
    if len(set(chosen.values())) < len(chosen):
        raise RosterError(_("One column cannot be two things. Choose another column for one of them."))
    for place in chosen.values():
        if not 0 <= place < table.width or (table.header and is_secret(table.header[place])):
            raise RosterError(_("Column %(column)s cannot be used.") % {"column": place + 1})
    guessed = {
        field: place for field, place in columns.items() if field not in choices and place not in chosen.values()
    }
    return guessed | chosen


def missing_fields(columns: Columns) -> list[str]:
    """A sentence for each thing that a roster needs and no column holds; [] when it can be read.

    Names are no need: who joins by a link writes their own.
    """
    if Field.EMAIL in columns:
        return []
    return [_("No column holds e-mail addresses. Choose the one that does.")]


def _by_names(table: Table) -> dict[Field, int]:
    places: dict[str, int] = {}
    for place, name in enumerate(table.header):
        places.setdefault(plain(name), place)
    columns = {
        field: next(places[word] for word in words if word in places)
        for field, words in HEADERS.items()
        if any(word in places for word in words)
    }
    # "Name" and "Nombre" are the whole name when they stand alone, and the first name beside a family name.
    names = Field.FULL_NAME, Field.GIVEN_NAME, Field.FAMILY_NAME
    match [field in columns for field in names]:
        case [True, False, True] if plain(table.header[columns[Field.FULL_NAME]]) == "name":
            columns[Field.GIVEN_NAME] = columns.pop(Field.FULL_NAME)
        case [False, True, False]:
            columns[Field.FULL_NAME] = columns.pop(Field.GIVEN_NAME)
    return columns


def _by_cells(table: Table, columns: dict[Field, int], field: Field, fits: Callable[[str], bool]) -> None:
    """Give the field the first free column in which most cells that are filled fit."""
    for place, cells in _free(table, columns):
        if sum(fits(cell) for cell in cells) * 2 > len(cells):
            columns[field] = place
            return


def _names_by_cells(table: Table, columns: dict[Field, int]) -> None:
    """Without a header: one column of words is the whole name, of two the first is the given name."""
    if not {Field.FULL_NAME, Field.GIVEN_NAME, Field.FAMILY_NAME}.isdisjoint(columns):
        return
    lettered = [
        (place, cells) for place, cells in _free(table, columns) if not any(c.isdigit() for cell in cells for c in cell)
    ]
    whole = [place for place, cells in lettered if sum(" " in cell.strip() for cell in cells) * 2 > len(cells)]
    if whole or len(lettered) == 1:
        columns[Field.FULL_NAME] = whole[0] if whole else lettered[0][0]
    elif len(lettered) > 1:
        columns[Field.GIVEN_NAME], columns[Field.FAMILY_NAME] = lettered[0][0], lettered[1][0]


def _free(table: Table, columns: Columns) -> Iterator[tuple[int, list[str]]]:
    """The columns that no field has yet and their filled cells; those that are empty or named as secret left out."""
    for place in range(table.width):
        cells = [row.cells[place] for row in table.sample if place < len(row.cells) and row.cells[place].strip()]
        if cells and place not in columns.values():
            yield place, cells
