"""On the way: claiming a turn, reading what it answers, saving the text so far."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction

from clients.voices import VoiceRequest
from clients.voices.scripted import Line
from conversations.models import Message, Turn
from monitoring.models import Reservation


@dataclass(frozen=True, slots=True)
class ClaimedTurn:
    """A turn that this process owns under a fence, with all that a voice needs to answer it."""

    id: uuid.UUID
    session_id: uuid.UUID
    message_id: uuid.UUID
    reply_id: uuid.UUID
    fence: int
    voice: str
    request: VoiceRequest
    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The text of a running turn up to and with one delta."""

    turn_id: uuid.UUID
    fence: int
    index: int
    text: str


def claim(turn_id: uuid.UUID, owner: uuid.UUID) -> ClaimedTurn | None:
    """Take an accepted turn for this process, or None when another was first."""
    fence = Turn.objects.claim(turn_id, owner)
    if fence is None:
        return None
    turn = Turn.objects.select_related("session__client_version", "reservation").get(pk=turn_id)
    session, version = turn.session, turn.session.client_version
    if version is None:
        raise ValueError("a session without a client version cannot be spoken for")
    said = Message.objects.filter(session=session, role__in=[Message.Role.STUDENT, Message.Role.CLIENT]).spoken()
    return ClaimedTurn(
        id=turn.pk,
        session_id=session.pk,
        message_id=turn.message_id,
        reply_id=turn.reply_id,
        fence=fence,
        voice=session.voice,
        request=VoiceRequest(
            snapshot=version.snapshot,
            prompt=version.prompt,
            history=[Line(role, text) for role, text in said.values_list("role", "content")],
            model=session.model,
            max_tokens=settings.REPLY_MAX_TOKENS,
        ),
        reservation=turn.reservation,
    )


def save_checkpoints(checkpoints: Sequence[Checkpoint]) -> None:
    """Keep the text so far of many turns in one transaction; a turn that lost its fence is left alone."""
    table = connection.ops.quote_name(Turn._meta.db_table)
    running = ", ".join(f"'{status}'" for status in Turn.RUNNING)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET status = 'streaming', partial_text = %s, partial_index = %s "  # noqa: S608
            f"WHERE id = %s AND fence = %s AND status IN ({running})",
            [(c.text, c.index, Turn._meta.pk.get_db_prep_value(c.turn_id, connection), c.fence) for c in checkpoints],
        )
