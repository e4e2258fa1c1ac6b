"""What a tutor says where no model is connected: the moves of its persona in turn, free and always the same."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from clients.personas.snapshot import TutorSnapshot

FILE = Path(__file__).parent / "script.toml"
# So much of what was said is quoted back.
PIECE = 60
_SENTENCE = re.compile(r"[^.!?。！？\n]+")


def scripted_reply(tutor: TutorSnapshot, said: Sequence[str]) -> str:
    """The reply to the last of what the learner said."""
    of_language = _moves()[tutor.language]
    # A school's own persona has no moves of its own.
    moves = of_language.get(tutor.key) or of_language.get("any") or of_language["guiding-challenger"]
    return moves[(len(said) - 1) % len(moves)].replace("{said}", _piece(said[-1]))


def away(tutor: TutorSnapshot) -> str:
    """What a tutor says when no model can speak for it; the page says beside it that the message is kept."""
    line = _moves()[tutor.language]["away"]
    return line if isinstance(line, str) else " ".join(line)


def debrief_opening(language: str, name: str) -> str:
    """How a tutor begins to go over a conversation with the client of this name."""
    line = _moves()[language]["debrief"]
    return (line if isinstance(line, str) else " ".join(line)).replace("{name}", name)


def _piece(text: str) -> str:
    """The longest sentence, cut between words."""
    sentences = [found.strip() for found in _SENTENCE.findall(text)]
    longest = max(sentences, key=len, default="") or text.strip()
    if len(longest) <= PIECE:
        return longest
    cut = longest[:PIECE]
    return f"{cut.rpartition(' ')[0] or cut}…"


@cache
def _moves() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
