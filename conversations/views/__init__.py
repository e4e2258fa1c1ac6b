"""Pages of conversations: the notice, practice, one's sessions, transcripts, and the teacher's side."""

import uuid
from collections.abc import Iterable

from django.http import Http404

from accounts.models import User
from clients.snapshot import ClientSnapshot
from conversations.models import Flag, Message, Session
from monitoring import breakers
from monitoring.providers import endpoint_of


def counterpart(session: Session) -> ClientSnapshot:
    """The client of a session as it was at the start; 404 for one with a tutor, which has no such page."""
    client = session.snapshot
    if client is None:
        raise Http404
    return client


def with_flags(user: User, messages: Iterable[Message]) -> list[Message]:
    """The messages, each with `own_flag` (or None) and `other_flags` as far as this person sees them; one query."""
    rows = list(messages)
    own: dict[uuid.UUID, Flag] = {}
    others: dict[uuid.UUID, list[Flag]] = {}
    for flag in Flag.objects.visible_to(user).filter(message__in=[row.pk for row in rows]):
        if flag.raised_by_id == user.pk:
            own[flag.message_id] = flag
        else:
            others.setdefault(flag.message_id, []).append(flag)
    for row in rows:
        row.own_flag, row.other_flags = own.get(row.pk), others.get(row.pk, [])  # type: ignore[attr-defined]
    return rows


def service_words(*models: str) -> str:
    """What to expect of the model that speaks, or of those that stand in for it; "" when all is well."""
    return breakers.status([model for model in models if endpoint_of(model).is_ready]).for_students
