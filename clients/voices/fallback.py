"""What a client says when no model can speak for them: a person who needs a moment, and nothing of the story."""

import uuid
from functools import cache

from clients.wordbook import phrase_lists


def fallback_line(language: str, name: str, seed: uuid.UUID) -> str:
    """A line in the client's voice, always the same for the same seed; other languages than ours speak English."""
    lines = _lines(language)
    first = (name.split() or [""])[0]
    return lines[seed.int % len(lines)].replace("{first}", first)


@cache
def _lines(language: str) -> tuple[str, ...]:
    return tuple(phrase_lists("fallback", language)["lines"])
