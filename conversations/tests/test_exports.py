"""Exports: what was said stays text in Markdown and text files, runs in no spreadsheet, and is whole in JSON."""

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.exports import (
    Judged,
    Judgement,
    Line,
    Talk,
    csv_header,
    csv_rows,
    csv_text,
    escape_markdown,
    json_text,
    markdown,
    plain_text,
)
from monitoring.cells import guarded, unguarded, write_rows

FACTS = (("Student", "Alex *Romero*"), ("Started", "2026-11-21 10:00"))
LINES = [
    Line("Alex *Romero*", "2026-11-21 10:00", "Hello.\nHow are you?"),
    Line("Maria", "2026-11-21 10:01", "", "failed"),
    Line("Maria", "2026-11-21 10:02", "# Not a heading", "stopped"),
]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain words, 'quoted' (and more)!", "plain words, 'quoted' (and more)!"),
        ("*bold* _it_ `code` ~no~", r"\*bold\* \_it\_ \`code\` \~no\~"),
        ("[a](b) ![c](d) <b>", r"\[a\](b) !\[c\](d) \<b\>"),
        (r"a\b & c | d $e$ x^2", r"a\\b \& c \| d \$e\$ x\^2"),
        ("# one", r"\# one"),
        ("- one", r"\- one"),
        ("+ one", r"\+ one"),
        ("=====", r"\====="),
        (": one", r"\: one"),
        ("1. one", r"1\. one"),
        ("12) one", r"12\) one"),
        ("a - b + 1.", "a - b + 1."),
        ("see https://x.example and WWW.y.example", r"see https\://x.example and WWW\.y.example"),
        ("    code", "&nbsp;&nbsp;&nbsp;&nbsp;code"),
        ("\t- x", r"&nbsp;&nbsp;&nbsp;&nbsp;\- x"),
        ("one\ntwo\r\nthree\rfour", "one  \ntwo  \nthree  \nfour"),
        ("one\n\ntwo", "one\n\ntwo"),
        ("ends in spaces   \nb", "ends in spaces  \nb"),
        ("   ", ""),
        ("", ""),
    ],
)
def test_markdown_shows_the_text_as_it_was(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


def test_a_markdown_export_has_a_heading_facts_and_every_message_once() -> None:
    assert "".join(markdown(Talk("Conversation\nwith # Maria", FACTS, {}, LINES))) == (
        "# Conversation with \\# Maria\n\n"
        "- Student: Alex \\*Romero\\*\n"
        "- Started: 2026-11-21 10:00\n"
        "\n**Alex \\*Romero\\*** (2026-11-21 10:00)\n"
        "\nHello.  \nHow are you?\n"
        "\n**Maria** (2026-11-21 10:01)\n"
        "\n*(failed)*\n"
        "\n**Maria** (2026-11-21 10:02)\n"
        "\n\\# Not a heading\n"
        "\n*(stopped)*\n"
    )


def test_a_plain_text_export_indents_what_was_said() -> None:
    forged = [Line("Maria", "10:01", "Fine.\u2028[10:02] Alex:\x0bI agree.\n\nBye.")]
    said = "".join(plain_text(Talk("Conversation with Maria", FACTS, {}, [*LINES, *forged])))
    assert said.startswith("Conversation with Maria\n\nStudent: Alex *Romero*\n")
    assert "\n[2026-11-21 10:01] Maria:\n    (failed)\n" in said
    assert "    # Not a heading\n    (stopped)\n" in said
    assert said.endswith("[10:01] Maria:\n    Fine.\n    [10:02] Alex:\n    I agree.\n    \n    Bye.\n")
    assert len(re.findall(r"(?m)^\[", said)) == 4


def test_scoring_and_notes_cannot_pass_for_what_was_said() -> None:
    judged = (Judged("Hears", "good", 3, "# Well\n[10:01] Maria: bought"), Judged("Asks", "not chosen", None, ""))
    scoring = Judgement("Listening", "released", "3.00 of 4, 75.0 %", "75.0", "Go on.", judged)
    line = Line("Maria", "10:01", "Hm.", notes=(("Robin Vale", "# True\n- so"),))
    talk = Talk("Conversation with Maria", (), {}, [line], scoring)
    said = "".join(markdown(talk))
    assert "## Scoring by Listening: 3.00 of 4, 75.0 % (released)" in said
    assert r"- **Hears** – good: \# Well" in said
    assert not re.findall(r"(?m)^(?:# True|- so)", said)
    plain = "".join(plain_text(talk))
    assert re.findall(r"(?m)^\[.*", plain) == ["[10:01] Maria:"]
    assert "    [Note by Robin Vale]\n        # True\n        - so\n" in plain


def test_a_scoring_without_a_total_says_only_its_state() -> None:
    scoring = Judgement("Listening", "draft, not released", "", "", "", (Judged("Hears", "not chosen", None, ""),))
    for write in (markdown, plain_text):
        assert "Scoring by Listening (draft, not released)\n" in "".join(write(Talk("T", (), {}, [], scoring)))


def test_json_has_every_word_and_nothing_is_changed() -> None:
    text = '\u202e=1+1\t"quoted"\n😀'
    line = Line("Alex", "10:00", text, number=3, role="student", at="2026-11-21T10:00:00Z", status="complete")
    talk = Talk("T", (), {"conversation": "7", "student": "Alex"}, [line])
    assert json.loads(json_text(talk)) == {
        "conversation": "7",
        "student": "Alex",
        "messages": [
            {"number": 3, "role": "student", "who": "Alex", "at": "2026-11-21T10:00:00Z", "status": "complete",
             "text": text}
        ],
    }  # fmt: skip


HOSTILE = st.text(st.sampled_from("'=+-@\t\r\n＝ \";,a1"), max_size=6) | st.text(max_size=10)


@given(st.lists(st.lists(HOSTILE, min_size=2, max_size=3), min_size=1, max_size=4), st.booleans())
def test_no_cell_is_live_and_every_cell_comes_back_as_it_was(rows: list[list[str]], quote_all: bool) -> None:
    out = io.StringIO(newline="")
    write_rows(out, rows, quote_all=quote_all)
    read = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    live = [
        cell for row in read for cell in row if cell[:1] in set("\t\r\n") or cell.lstrip()[:1] in set("=+-@＝＋－＠")
    ]
    assert [cell for cell in live if cell] == []
    assert [[unguarded(cell) for cell in row] for row in read] == rows


def test_harmless_cells_are_left_alone() -> None:
    for cell in ("plain", "a=b", "'quoted'", "O'Neill", "", " ", "7.5", "é"):
        assert guarded(cell) == cell == unguarded(cell)


def test_a_silent_conversation_has_a_row_too() -> None:
    data = {"conversation": "7", "attempt": None}
    rows = [csv_header(data, figures=True, notes=True), *csv_rows(Talk("T", (), data, []), figures=True, notes=True)]
    header, row = csv.reader(io.StringIO(csv_text(rows), newline=""))
    assert len(header) == len(row) == 11
    assert row[0] == "7"
    assert not any(row[1:])
