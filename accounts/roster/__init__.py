"""Rosters as schools hand them over, read into rows that no longer know their format; nothing here is written."""

from accounts.roster.archive import ZipLimits
from accounts.roster.columns import Columns, guess_columns, missing_fields, with_choices
from accounts.roster.oneroster import OneRoster, RosterSection, RosterTerm, open_oneroster
from accounts.roster.passwords import archive_without_passwords, is_archive, table_without_passwords
from accounts.roster.problems import Problem, RosterError
from accounts.roster.rows import RosterRow, read_rows
from accounts.roster.tables import DELIMITERS, ENCODINGS, Limits, Table, TableRow, open_table
from accounts.roster.words import LABELS, Field, Role, is_secret

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "LABELS",
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
    "archive_without_passwords",
    "guess_columns",
    "is_archive",
    "is_secret",
    "missing_fields",
    "open_oneroster",
    "open_table",
    "read_rows",
    "table_without_passwords",
    "with_choices",
]
