"""What is wrong with a roster: errors end the reading of a file, problems belong to one row."""

from dataclasses import dataclass


class RosterError(Exception):
    """The file cannot be read at all; `str()` of it is a sentence for whoever uploaded it.

    `row` is the row of the spreadsheet, counted from 1, or None where no single row is at fault.
    """

    def __init__(self, sentence: str, *, row: int | None = None) -> None:
        super().__init__(sentence)
        self.row = row


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one row that a person has to decide.

    `row` counts as a spreadsheet does, from 1 and with the header; 0 is the file as a whole. `field` is one of
    `Field`, a column of the file, or "" for the row as a whole. `file` is "" unless the roster has several files.
    The message never repeats a cell, which may hold anything.
    """

    row: int
    field: str
    message: str
    file: str = ""
