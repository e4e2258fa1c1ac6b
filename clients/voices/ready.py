"""Making ready: what every talk reads is read once, before the first student waits for it."""

import uuid

from clients import distress
from clients.guard import Guard
from clients.library import load_library
from clients.voices import scripted
from clients.voices.fallback import fallback_line
from clients.voices.memory import recall, record
from clients.wordbook import LANGUAGES

OPENING = scripted.Line("student", "How have you been?")


def make_ready() -> None:
    """Read the word lists of all languages, a second or two of CPU time.

    Left to the first messages, each database thread would read them at once, while a class that comes back after a
    deploy waits.
    """
    distress.tier(OPENING.text)
    for language in LANGUAGES:
        client = next(one.snapshot for one in load_library() if one.snapshot.language == language)
        record(client, [OPENING])
        scripted.reply(client, [OPENING])
        fallback_line(language, client.name, uuid.UUID(int=0))
        guard = Guard(client, "", recall(client, [OPENING]), [OPENING.text])
        guard.feed(OPENING.text)
        guard.end()
