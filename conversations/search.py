"""What somebody searches for in what was said, and where it stands in a text: pure rules, no database."""

import re
from dataclasses import dataclass

from conversations.text import storable

EXCERPT = 180
# So much stands before the first word that was found.
BEFORE = 60
_TERM = re.compile(r'"([^"]+)"|([^\s"]+)')
_WORD = re.compile(r"[^\W_]+")
_BETWEEN = r"[\W_]+"


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or in quotes words that stand side by side. A word that is still being written may be longer."""

    text: str
    unfinished: bool = False

    @property
    def words(self) -> list[str]:
        """Its words without what stands between them."""
        return _WORD.findall(self.text)


def terms_of(typed: str) -> list[Term]:
    """All that must be found: words anywhere, phrases in quotes as they stand; the last word may be unfinished.

    What has neither letter nor digit is passed over, so that nothing may be left. Any text is taken.
    """
    found = [(phrase or word, not phrase) for phrase, word in _TERM.findall(storable(typed))]
    usable = [(text, open_ended) for text, open_ended in found if _WORD.search(text)]
    return [Term(text, unfinished=open_ended and at == len(usable) - 1) for at, (text, open_ended) in enumerate(usable)]


def in_any_order(terms: list[Term]) -> list[Term]:
    """The words of phrases one by one: what any text that has the terms has too."""
    return [Term(word, term.unfinished) for term in terms for word in term.text.split() if _WORD.search(word)]


def tsquery(terms: list[Term]) -> str:
    """The terms as PostgreSQL's `to_tsquery` reads them, each quoted, so that none of it is taken for an operator."""
    quoted = [term.text.replace("\\", "\\\\").replace("'", "''") for term in terms]
    return " & ".join(f"'{text}'{':*' if term.unfinished else ''}" for text, term in zip(quoted, terms, strict=True))


def excerpt(text: str, terms: list[Term]) -> list[tuple[str, bool]]:
    """A line of the text around the first of the terms: its pieces in order, each with whether it was searched for."""
    line = " ".join(text.split())
    marks = _marks(line, terms)
    first = marks[0][0] if marks else 0
    begin = max(0, first - BEFORE)
    end = min(len(line), begin + EXCERPT)
    # Whole words at both ends, where there are any.
    if begin:
        begin = line.find(" ", begin, first) + 1 or begin
    if end < len(line):
        end = max(line.rfind(" ", first, end), first) if line.rfind(" ", first, end) > first else end
    pieces, at = [("…", False)] if begin else [], begin
    for start, stop in marks:
        if start >= end:
            break
        pieces += [(line[at:start], False), (line[start : min(stop, end)], True)]
        at = min(stop, end)
    pieces += [(line[at:end], False), ("…" if end < len(line) else "", False)]
    return [piece for piece in pieces if piece[0]]


def _marks(line: str, terms: list[Term]) -> list[tuple[int, int]]:
    """Where the terms stand, in order, none over another; at the start of words where there is such a place."""
    ways = [_BETWEEN.join(map(re.escape, term.words)) for term in sorted(terms, key=lambda one: -len(one.text))]
    if not ways:
        return []
    either = "|".join(ways)
    for pattern in (rf"(?<![^\W_])(?:{either})", either):
        found = [match.span() for match in re.finditer(pattern, line, re.IGNORECASE)]
        if found:
            return found
    return []
