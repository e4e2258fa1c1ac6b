"""Background work of monitoring."""

import uuid

from celery import shared_task

from monitoring import alerts, figures, heartbeats, jobs, limits
from monitoring.models import Heartbeat

# One row for all workers: what readiness asks is whether any worker answers.
WORKER_ID = uuid.uuid5(uuid.NAMESPACE_URL, "rapport:worker")


@shared_task(name="monitoring.pulse")
def pulse() -> None:
    """Prove that beat, broker and worker work together: leave a fresh heartbeat."""
    heartbeats.beat(WORKER_ID, Heartbeat.Kind.WORKER)


@shared_task(name="monitoring.mail_alerts")
def mail_alerts() -> None:
    """Mail the alerts that nobody was mailed about yet."""
    alerts.mail_unsent()


@shared_task(name="monitoring.tally")
def tally() -> None:
    """Bring the day figures up to the ledger."""
    figures.tally()


@shared_task(name="monitoring.clear_windows")
def clear_windows() -> None:
    """Delete the limit windows that count nothing any more."""
    limits.clear_stale()


@shared_task(name="monitoring.work")
def work(job_id: str, fence: int) -> None:
    """Do some steps of a job, if nobody claimed it since this was sent."""
    jobs.work(uuid.UUID(job_id), fence)


@shared_task(name="monitoring.resume_jobs")
def resume_jobs() -> None:
    """Send again for jobs that a worker left when it died."""
    jobs.resume_stale()
