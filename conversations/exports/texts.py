"""Transcripts as Markdown and plain text: pure functions from a conversation to pieces, in which words stay words."""

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from conversations.exports.lines import Judgement, Talk

# What Markdown (CommonMark, GitHub's and Pandoc's) reads as markup wherever it stands …
_ANYWHERE = re.compile(r"([\\`*_\[\]<>#&~|$^])")
# … and what only at the start of a line: lists, underlines of headings, definitions, numbered lists.
_AT_START = re.compile(r"^()([-+=:])|^(\d+)([.)])")
# Bare addresses become links in some readers.
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(:)|\b(www)(\.)")
# What ends a line in Markdown; other separators of Unicode do not.
_LINE_END = re.compile(r"\r\n|\r|\n")
_INDENT = re.compile(r"^[ \t]+")


def escape_markdown(text: str) -> str:
    """The text so that Markdown shows it as it is, line by line; lines of one paragraph end with a hard break."""
    lines = [_escape_line(line) for line in _LINE_END.split(text)]
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    return "\n".join(line + ("  " if line and following else "") for line, following in pairs)


def _escape_line(line: str) -> str:
    line = line.rstrip(" \t")
    indent = _INDENT.match(line)
    rest = line[indent.end() :] if indent else line
    rest = _ANYWHERE.sub(r"\\\1", rest)
    rest = _ADDRESS.sub(lambda found: "\\".join(part for part in found.groups() if part), rest)
    rest = _AT_START.sub(lambda found: "\\".join(part for part in found.groups() if part is not None), rest)
    # Spaces at the start would make it code.
    return (indent[0].replace("\t", "    ").replace(" ", "&nbsp;") if indent else "") + rest


def one_line(text: str) -> str:
    """The text with a single space for each run of spaces and line ends."""
    return " ".join(text.split())


def markdown(talk: Talk) -> Iterator[str]:
    """The conversation as pieces of a Markdown document: a heading, facts as a list, then who said what."""
    yield f"# {escape_markdown(one_line(talk.title))}\n\n"
    for name, value in talk.facts:
        yield f"- {escape_markdown(one_line(name))}: {escape_markdown(one_line(value))}\n"
    if talk.scoring:
        yield from _markdown_scoring(talk.scoring)
    for line in talk.lines:
        yield f"\n**{escape_markdown(one_line(line.who))}** ({escape_markdown(line.when)})\n"
        if line.text:
            yield f"\n{escape_markdown(line.text)}\n"
        if line.remark:
            yield f"\n*({escape_markdown(line.remark)})*\n"
        for who, text in line.notes:
            quoted = escape_markdown(text).replace("\n", "\n> ")
            yield f"\n> **{escape_markdown(note_by(who))}**  \n> {quoted}\n"


def _markdown_scoring(scoring: Judgement) -> Iterator[str]:
    yield f"\n## {escape_markdown(scoring_title(scoring))}\n\n"
    for row in scoring.rows:
        comment = f": {escape_markdown(row.comment)}".replace("\n", "\n  ") if row.comment else ""
        yield f"- **{escape_markdown(one_line(row.criterion))}** – {escape_markdown(row.level)}{comment}\n"
    if scoring.comment:
        yield f"\n{escape_markdown(scoring.comment)}\n"
    yield "\n---\n"


def plain_text(talk: Talk) -> Iterator[str]:
    """The conversation as pieces of plain text; what was said is indented and cannot pass for another's line."""
    yield f"{one_line(talk.title)}\n\n"
    for name, value in talk.facts:
        yield f"{one_line(name)}: {one_line(value)}\n"
    if talk.scoring:
        yield f"\n{one_line(scoring_title(talk.scoring))}\n"
        for row in talk.scoring.rows:
            yield f"    {one_line(row.criterion)}: {row.level}\n"
            yield from _indented(row.comment, 8)
        yield from _indented(talk.scoring.comment)
    for line in talk.lines:
        yield f"\n[{line.when}] {one_line(line.who)}:\n"
        yield from _indented(line.text)
        if line.remark:
            yield f"    ({line.remark})\n"
        for who, text in line.notes:
            yield f"    [{one_line(note_by(who))}]\n"
            yield from _indented(text, 8)


def _indented(text: str, spaces: int = 4) -> Iterator[str]:
    # splitlines knows every separator that some program shows as a new line.
    return (f"{' ' * spaces}{part}\n" for part in text.splitlines())


def scoring_title(scoring: Judgement) -> str:
    """The heading over a scoring: "Scoring by Listening: 3.25 of 4 (released)"."""
    values = {"rubric": scoring.rubric, "total": scoring.total, "state": scoring.state}
    if not scoring.total:
        return _("Scoring by %(rubric)s (%(state)s)") % values
    return _("Scoring by %(rubric)s: %(total)s (%(state)s)") % values


def note_by(who: str) -> str:
    """The heading of a note in the margin."""
    return _("Note by %(name)s") % {"name": who} if who else _("Note")
