"""A process that sends messages to one database when it is told to: the other half of bench/data.py.

    DATABASE_URL=postgres://… python -m bench.sender

For each line on its input it accepts a message and finishes its reply, by the services that do so in a web process,
and prints how many milliseconds that took, and how many of them it worked itself. No provider is asked: what a
message costs here is the database's part and ours. Talks are with the model's voice, so that money is held and settled.
"""

import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from conversations.models import Session

SAID = (
    "Hello, thank you for coming in today.",
    "What brings you here, in your own words?",
    "It sounds as if that week was very hard on you.",
    "You have already managed a lot on your own.",
    "What would help you most right now?",
    "So you are worried about what comes next.",
)
ANSWERED = "I sleep three hours, maybe four. Nobody asked me that before."
TALKS = 10


def sends() -> Iterator[tuple["Session", str]]:
    """Fresh conversations of students in sections, by turns, each with what is said there next, for ever."""
    from accounts.models import Enrolment, User
    from clients.models import ClientProfile
    from conversations import sessions
    from monitoring.models import RateLimit

    # Nobody waits here.
    RateLimit.objects.update(count=10_000_000)
    sitting = Enrolment.objects.filter(removed_at=None, section__archived_at=None, student__is_active=True)
    students = User.objects.filter(pk__in=sitting.values("student")).order_by("pk")[:TALKS]
    while True:
        open_talks = []
        for student in students:
            clients = ClientProfile.objects.startable_by(student).filter(content_note="").order_by("pk")
            client = clients.first()
            if client is not None:
                if (earlier := sessions.open_session(student, client)) is not None:
                    sessions.end(by=student, session=earlier)
                open_talks.append(sessions.start(by=student, client=client))
        for text in SAID:
            for talk in open_talks:
                yield talk, text


def send(talk: "Session", text: str) -> tuple[float, float]:
    """One message and its reply; milliseconds that passed, and milliseconds of this process's CPU."""
    from conversations.models import Turn
    from conversations.turns.accept import accept
    from conversations.turns.finish import Outcome, finish
    from monitoring.pricing import Usage

    usage = Usage(input=4, output=16, cache_write=40, cache_read=1_500)
    began, worked = time.perf_counter(), time.process_time()
    accepted = accept(by=talk.student, session_id=talk.pk, client_key=uuid.uuid4(), text=text, owner=uuid.uuid4())
    finish(accepted.turn.pk, accepted.turn.fence, Outcome(Turn.Status.COMPLETE, ANSWERED, usage, 400, 900))
    return (time.perf_counter() - began) * 1_000, (time.process_time() - worked) * 1_000


def main() -> None:
    """Send one message for each line of the input."""
    with tempfile.TemporaryDirectory(prefix="rapport-sender-") as folder:
        os.environ.update(DEMO="true", DEBUG="false", DATA_DIR=folder, ANTHROPIC_API_KEY="none")  # noqa: TID251
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
        django.setup()
        waiting = sends()
        for _line in sys.stdin:
            ms, worked = send(*next(waiting))
            print(f"{ms:.3f} {worked:.3f}", flush=True)


if __name__ == "__main__":
    main()
