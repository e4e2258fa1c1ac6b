"""Transcripts as files: what a person may read, in the form they choose. What was said stays what was said."""

from conversations.exports.lines import Fact, Judged, Judgement, Line, Talk
from conversations.exports.script import Choice, Place, exportable, talks
from conversations.exports.tables import cell, csv_header, csv_rows, csv_text, json_text
from conversations.exports.texts import escape_markdown, markdown, note_by, one_line, plain_text, scoring_title

__all__ = [
    "Choice",
    "Fact",
    "Judged",
    "Judgement",
    "Line",
    "Place",
    "Talk",
    "cell",
    "csv_header",
    "csv_rows",
    "csv_text",
    "escape_markdown",
    "exportable",
    "json_text",
    "markdown",
    "note_by",
    "one_line",
    "plain_text",
    "scoring_title",
    "talks",
]
