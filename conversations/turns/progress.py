"""On the way: saving the text so far of the turns that this process answers."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from conversations.models import Turn


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The text of a running turn up to and with one delta."""

    turn_id: uuid.UUID
    fence: int
    index: int
    text: str


def save_checkpoints(checkpoints: Sequence[Checkpoint]) -> None:
    """Keep the text so far of many turns in one transaction; a turn that lost its fence is left alone."""
    table = connection.ops.quote_name(Turn._meta.db_table)
    running = ", ".join(f"'{status}'" for status in Turn.RUNNING)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET status = 'streaming', partial_text = %s, partial_index = %s "  # noqa: S608
            # An older one that comes late must not bring back what was taken back meanwhile.
            f"WHERE id = %s AND fence = %s AND partial_index < %s AND status IN ({running})",
            [
                (c.text, c.index, Turn._meta.pk.get_db_prep_value(c.turn_id, connection), c.fence, c.index)
                for c in checkpoints
            ],
        )
