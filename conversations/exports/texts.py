"""Transcripts as files: pure functions from lines to Markdown and plain text, in which what was said stays text."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One message: who said it, when (as words), the text, and a remark in words ("" when it is whole)."""

    who: str
    when: str
    text: str
    remark: str = ""


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


def _one_line(text: str) -> str:
    return " ".join(text.split())


def markdown(title: str, facts: Sequence[Fact], lines: Iterable[Line]) -> Iterator[str]:
    """The conversation as pieces of a Markdown document: a heading, facts as a list, then who said what."""
    yield f"# {escape_markdown(_one_line(title))}\n\n"
    for name, value in facts:
        yield f"- {escape_markdown(_one_line(name))}: {escape_markdown(_one_line(value))}\n"
    for line in lines:
        yield f"\n**{escape_markdown(_one_line(line.who))}** ({escape_markdown(line.when)})\n"
        if line.text:
            yield f"\n{escape_markdown(line.text)}\n"
        if line.remark:
            yield f"\n*({escape_markdown(line.remark)})*\n"


def plain_text(title: str, facts: Sequence[Fact], lines: Iterable[Line]) -> Iterator[str]:
    """The conversation as pieces of plain text; what was said is indented and cannot pass for another's line."""
    yield f"{_one_line(title)}\n\n"
    for name, value in facts:
        yield f"{_one_line(name)}: {_one_line(value)}\n"
    for line in lines:
        yield f"\n[{line.when}] {_one_line(line.who)}:\n"
        # splitlines knows every separator that some program shows as a new line.
        yield from (f"    {part}\n" for part in line.text.splitlines())
        if line.remark:
            yield f"    ({line.remark})\n"
