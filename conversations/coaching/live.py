"""The short word on one message while the talk goes on: what it did, and what it moved."""

from django.utils.translation import get_language

from clients.record import TurnRecord
from clients.snapshot import ClientSnapshot
from conversations.coaching.remarks import remark


def live_words(record: TurnRecord, text: str, heard: str, snapshot: ClientSnapshot) -> str:
    """What a student reads beneath a message of theirs, in the active language; "" where nothing is worth saying."""
    found = remark(record, text, heard, snapshot, get_language() or "en")
    if not found.skills or not (found.note or record.change):
        return ""
    name = str(found.skills[0].name)
    return " ".join([f"{name[:1].upper()}{name[1:]}.", *filter(None, [found.note, *found.moved])])
