"""Transcripts for machines: JSON, and CSV that opens in spreadsheets without running anything."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from conversations.exports.lines import Judgement, Line, Talk
from monitoring.cells import csv_lines


def json_text(talk: Talk) -> str:
    """One conversation as a JSON object: its data, `messages`, and `scoring` where there is one."""
    value = {**talk.data, "messages": [_message(line) for line in talk.lines]}
    if talk.scoring:
        value["scoring"] = _scoring(talk.scoring)
    return json.dumps(value, ensure_ascii=False, indent=1)


def _message(line: Line) -> dict[str, Any]:
    value: dict[str, Any] = {
        "number": line.number, "role": line.role, "who": line.who, "at": line.at, "status": line.status,
        "text": line.text,
    }  # fmt: skip
    if line.tokens is not None:
        value |= {"tokens": line.tokens, "response_ms": line.response_ms}
    if line.notes:
        value["notes"] = [{"who": who, "text": text} for who, text in line.notes]
    return value


def _scoring(scoring: Judgement) -> dict[str, Any]:
    return {
        "rubric": scoring.rubric,
        "state": scoring.state,
        "percent": scoring.percent or None,
        "comment": scoring.comment,
        "criteria": [{"criterion": row.criterion, "level": row.number, "comment": row.comment} for row in scoring.rows],
    }


def csv_text(rows: Iterable[Iterable[str]], *, quote_all: bool = True) -> str:
    """Rows as CSV, every cell guarded (see `monitoring.cells`), without the mark that begins a file."""
    return "".join(csv_lines(rows, quote_all=quote_all))


def csv_header(data: Mapping[str, Any], *, figures: bool, notes: bool) -> list[str]:
    """The names of the columns: those of a conversation, which every row repeats, then those of a message."""
    columns = [*data, "number", "role", "who", "at", "status", "text"]
    return columns + (["reply_tokens", "response_ms"] if figures else []) + (["notes"] if notes else [])


def csv_rows(talk: Talk, *, figures: bool, notes: bool) -> Iterator[Sequence[str]]:
    """One row for each message; a conversation in which nothing was said has one row with empty cells for it."""
    before = [cell(value) for value in talk.data.values()]
    more = 6 + 2 * figures + notes
    silent = True
    for line in talk.lines:
        silent = False
        row = [*before, cell(line.number), line.role, line.who, line.at, line.status, line.text]
        row += [cell(line.tokens), cell(line.response_ms)] if figures else []
        yield row + (["\n".join(f"{who}: {text}" for who, text in line.notes)] if notes else [])
    if silent:
        yield before + [""] * more


def cell(value: object) -> str:
    """A plain value as a cell; None is an empty one."""
    return "" if value is None else str(value)
