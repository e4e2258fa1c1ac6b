"""Background work of monitoring."""

import uuid

from celery import shared_task

from monitoring import heartbeats
from monitoring.models import Heartbeat

# One row for all workers: what readiness asks is whether any worker answers.
WORKER_ID = uuid.uuid5(uuid.NAMESPACE_URL, "rapport:worker")


@shared_task(name="monitoring.pulse")
def pulse() -> None:
    """Prove that beat, broker and worker work together: leave a fresh heartbeat."""
    heartbeats.beat(WORKER_ID, Heartbeat.Kind.WORKER)
