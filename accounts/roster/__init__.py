"""Rosters as schools hand them over, read into rows that no longer know their format; nothing here is written."""

from accounts.roster.archive import ZipLimits
from accounts.roster.columns import Columns, guess_columns, missing_fields, with_choices
from accounts.roster.oneroster import OneRoster, RosterSection, RosterTerm, open_oneroster
from accounts.roster.problems import Problem, RosterError
from accounts.roster.rows import RosterRow, read_rows
from accounts.roster.tables import DELIMITERS, ENCODINGS, Limits, Table, TableRow, open_table
from accounts.roster.words import Field, Role

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "Columns",
    "Field",
    "Limits",
    "OneRoster",
    "Problem",
    "Role",
    "RosterError",
    "RosterRow",
    "RosterSection",
    "RosterTerm",
    "Table",
    "TableRow",
    "ZipLimits",
    "guess_columns",
    "missing_fields",
    "open_oneroster",
    "open_table",
    "read_rows",
    "with_choices",
]
