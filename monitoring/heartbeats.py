"""A process's heart: it registers itself, beats, and leaves."""

import os
import socket
import uuid

from django.utils import timezone

from monitoring.models import Heartbeat


def process_name() -> str:
    """Machine and process number, for people."""
    return f"{socket.gethostname()}:{os.getpid()}"


def beat(process_id: uuid.UUID, kind: str) -> None:
    """Say that this process lives; the first beat registers it."""
    Heartbeat.objects.update_or_create(
        pk=process_id,
        defaults={"beat_at": timezone.now()},
        create_defaults={"kind": kind, "name": process_name()},
    )


def stop(process_id: uuid.UUID) -> None:
    """Take this process out of the living, on an orderly end."""
    Heartbeat.objects.filter(pk=process_id).delete()
