"""A conversation as a model reads it: numbered, the student's name hidden, with the way back to what was written."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

STUDENT = "Student"
# Names that are words too: in lower case they are taken for the word.
WORDS = frozenset(
    """
    abril alba amor angel art banks bill blanca bravo brown campos chance chase clara cruz dean dolores drew faith
    flores frank grace grant green guy hope jack joy king lane leal long love luz mar mark marina max may mercedes
    moody olivo pat paz pilar price ray rey reyes rico rob rosa rose short sol stone strong sue summer victoria
    white will wise wood young
    """.split()  # noqa: SIM905  (a list of words)
)
# Where a part of a name begins and ends; "Ana-María" is also hidden where only "Ana" is said.
_PARTS = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)*")


class Line(NamedTuple):
    """One thing said: its number in the conversation, "student" or "client", and the text as it was written."""

    number: int
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A text as it is sent; `places` has where each of its characters stands in the original: start and end."""

    text: str
    places: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, original: str, names: Sequence[str] = ()) -> "Sent":
        """The original with these parts of names replaced."""
        text, places, at = "", list[tuple[int, int]](), 0
        for hit in _names(names).finditer(original) if names else ():
            if hit[0] in WORDS:
                continue
            text += original[at : hit.start()] + STUDENT
            places += [(place, place + 1) for place in range(at, hit.start())] + [hit.span()] * len(STUDENT)
            at = hit.end()
        places += [(place, place + 1) for place in range(at, len(original))]
        return cls(text + original[at:], tuple(places))


def _names(names: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted({re.escape(name) for name in names}, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)


def parts_of_name(display_name: str) -> list[str]:
    """The parts of a person's name that are hidden: those that begin with a capital, or all where none does.

    "de la" and the like stay, since they are everywhere in a language that has them.
    """
    parts = _PARTS.findall(display_name)
    return [part for part in parts if part[0].isupper()] or parts


def script(lines: Iterable[Line], names: Sequence[str]) -> str:
    """The lines as they are sent, each a JSON object; no text can end the fence that is put around them."""
    rows = ({"number": line.number, "who": line.who, "text": Sent.of(line.text, names).text} for line in lines)
    return "\n".join(json.dumps(row, ensure_ascii=False).replace("<", "\\u003c") for row in rows)
