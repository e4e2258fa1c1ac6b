"""The runbook, docs/runbook.md: what to do about each kind of alert, a section each."""

import re
from pathlib import Path

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

RUNBOOK = "docs/runbook.md"
# The marks of Markdown that the runbook uses within its paragraphs; a link to another document shows its name.
_MARKS = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"`(.+?)`"), r"<code>\1</code>"),
    (re.compile(r"\[(.+?)\]\((?:.+?)\)"), r"<em>\1</em>"),
)

# Where a line was folded; what begins a point of a list stays on a line of its own.
_FOLD = re.compile(r"\n *(?!- )")


def paragraphs(kind: str) -> list[SafeString]:
    """The section of this kind for a page, a paragraph each."""
    found = []
    for text in section(kind).split("\n\n"):
        shown = str(escape(_FOLD.sub(" ", text.strip())))
        for mark, instead in _MARKS:
            shown = mark.sub(instead, shown)
        found.append(mark_safe(shown))  # noqa: S308  # escaped above
    return [one for one in found if one]


def section(kind: str) -> str:
    """What the runbook says under the heading of this kind, as it is written; "" where it has none."""
    path = Path(settings.BASE_DIR) / RUNBOOK
    found: list[str] = []
    inside = False
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if line.startswith("## "):
            inside = line.removeprefix("## ").strip().strip("`").casefold() == kind.casefold()
        elif inside:
            found.append(line)
    return "\n".join(found).strip()
