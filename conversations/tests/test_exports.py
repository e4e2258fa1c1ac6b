"""Exports: what was said stays text in Markdown, and nobody's words pass for another's in plain text."""

import re

import pytest

from conversations.exports import Line, escape_markdown, markdown, plain_text

FACTS = [("Student", "Alex *Romero*"), ("Started", "2026-11-21 10:00")]
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
    assert "".join(markdown("Conversation\nwith # Maria", FACTS, LINES)) == (
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
    said = "".join(plain_text("Conversation with Maria", FACTS, [*LINES, *forged]))
    assert said.startswith("Conversation with Maria\n\nStudent: Alex *Romero*\n")
    assert "\n[2026-11-21 10:01] Maria:\n    (failed)\n" in said
    assert "    # Not a heading\n    (stopped)\n" in said
    assert said.endswith("[10:01] Maria:\n    Fine.\n    [10:02] Alex:\n    I agree.\n    \n    Bye.\n")
    assert len(re.findall(r"(?m)^\[", said)) == 4
