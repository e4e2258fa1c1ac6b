"""Resuming: what a viewer that holds messages up to a number has missed."""

import uuid
from dataclasses import dataclass

from django.conf import settings

from conversations.models import Message, Nudge, Turn


@dataclass(frozen=True, slots=True)
class BroughtUpToDate:
    """The missed messages, oldest first, whether there are more after them, the turn that runs, and unshown nudges."""

    messages: list[Message]
    more: bool
    running: Turn | None
    nudges: list[Nudge]


def bring_up_to_date(session_id: uuid.UUID, after: int) -> BroughtUpToDate:
    """What was stored after that number, at most RESUME_MAX_MESSAGES of it, and the running turn.

    The turn is read first: one that ends in between is then found among the messages too, never in neither.
    """
    running = Turn.objects.running().filter(session_id=session_id).first()
    limit = settings.RESUME_MAX_MESSAGES
    messages = list(Message.objects.filter(session_id=session_id).after(after)[: limit + 1])
    nudges = list(Nudge.objects.unshown().filter(session_id=session_id))
    return BroughtUpToDate(messages[:limit], len(messages) > limit, running, nudges)
