"""Whether a quote is what somebody wrote: word for word, in the message that it is said to be from."""

import re
from collections.abc import Iterable

from conversations.evaluation.transcript import Sent

LEAST_WORDS = 3
LONGEST = 500
# The same sign to a reader; everything else, capitals too, must be as it was written.
_SAME = str.maketrans({
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—−", "-"),
    "…": "...",
})  # fmt: skip
_WORD = re.compile(r"\w+(?:['-]\w+)*")
_QUOTED = re.compile(
    r"""["“”„«]\s*([^"“”„«»]+?)\s*["“”»]|(?<!\w)['‘]([^‘’'“”"]*(?:(?<=\w)['’](?=\w)[^‘’'“”"]*)*)['’](?!\w)"""
)


class Source:
    """One text that may be quoted, as it was sent, ready to be searched."""

    def __init__(self, sent: Sent) -> None:
        signs, places = list[str](), list[tuple[int, int]]()
        for sign, place in zip(sent.text, sent.places, strict=True):
            plain = " " if sign.isspace() else sign.translate(_SAME)
            if plain == " " and (not signs or signs[-1] == " "):
                continue
            signs += plain
            places += [place] * len(plain)
        self._text, self._places = "".join(signs), places

    def find(self, quote: str) -> tuple[int, int] | None:
        """Where the original has the quote, None where it does not.

        A quote is whole words, at least three of them unless it is all that was written.
        """
        sought = _plain(quote)
        if sought != self._text.strip() and len(_WORD.findall(sought)) < LEAST_WORDS:
            return None
        at = self._index(self._text, sought)
        return None if at < 0 else (self._places[at][0], self._places[at + len(sought) - 1][1])

    def mentions(self, passage: str) -> bool:
        """Whether these words stand in it, in capitals or not; for what a claim itself puts in quotation marks."""
        return self._index(self._text.casefold(), _plain(passage).strip(" .,;:!?").casefold()) >= 0

    @staticmethod
    def _index(text: str, sought: str) -> int:
        """Where the sought text begins as whole words, -1 for nowhere and for nothing."""
        at = text.find(sought) if sought else -1
        while at >= 0:
            end = at + len(sought)
            inside = at > 0 and text[at - 1].isalnum() and sought[0].isalnum()
            if not inside and not (end < len(text) and text[end].isalnum() and sought[-1].isalnum()):
                return at
            at = text.find(sought, at + 1)
        return at


def shortened(quote: str) -> str:
    """The quote, or as many of its first words as can be kept."""
    return quote if len(quote) <= LONGEST else quote[: LONGEST + 1].rsplit(None, 1)[0][:LONGEST]


def invents(says: str, sources: Iterable[Source]) -> bool:
    """Whether a claim puts in quotation marks what stands in none of these texts."""
    passages = [double or single for double, single in _QUOTED.findall(says)]
    known = list(sources) if passages else []
    return any(not any(source.mentions(passage) for source in known) for passage in passages if _WORD.search(passage))


def _plain(text: str) -> str:
    return " ".join(text.translate(_SAME).split())
