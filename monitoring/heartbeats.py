"""A process's heart: it registers itself, beats, and leaves."""

import datetime as dt
import uuid

from django.utils import timezone

from monitoring.logs import process_name
from monitoring.models import Heartbeat

# One row for all workers: what readiness asks is whether beat, broker and any worker answer together.
PULSE_ID = uuid.uuid5(uuid.NAMESPACE_URL, "rapport:worker")
# Processes that died are shown to operators for so long.
KEPT = dt.timedelta(days=1)


def beat(process_id: uuid.UUID, kind: str) -> None:
    """Say that this process lives; the first beat registers it."""
    Heartbeat.objects.update_or_create(
        pk=process_id,
        defaults={"kind": kind, "beat_at": timezone.now()},
        create_defaults={"kind": kind, "name": process_name()},
    )


def stop(process_id: uuid.UUID) -> None:
    """Take this process out of the living, on an orderly end."""
    Heartbeat.objects.filter(pk=process_id).delete()


def clear_old() -> int:
    """Forget processes that died long ago; how many."""
    return Heartbeat.objects.filter(beat_at__lt=timezone.now() - KEPT).delete()[0]
