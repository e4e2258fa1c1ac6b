"""Background work of monitoring."""

import uuid

from celery import shared_task

from monitoring import alerts, heartbeats, jobs, limits, periods, reports, retention, rollups
from monitoring.models import Heartbeat


@shared_task(name="monitoring.pulse")
def pulse() -> None:
    """Prove that beat, broker and worker work together: leave a fresh heartbeat."""
    heartbeats.beat(heartbeats.PULSE_ID, Heartbeat.Kind.PULSE)


@shared_task(name="monitoring.check_health")
def check_health() -> None:
    """Look whether all is well, for the history and the alerts."""
    reports.check_health()


@shared_task(name="monitoring.audit_books")
def audit_books(hour: int | None = None) -> None:
    """Look whether the books agree; with an hour only in that one of the school day."""
    if hour is None or hour == periods.hour_of_day():
        reports.audit_books()


@shared_task(name="monitoring.clear_heartbeats")
def clear_heartbeats() -> None:
    """Forget processes that died long ago."""
    heartbeats.clear_old()


@shared_task(name="monitoring.mail_alerts")
def mail_alerts() -> None:
    """Mail the alerts that nobody was mailed about yet."""
    alerts.mail_unsent()


@shared_task(name="monitoring.roll_up")
def roll_up() -> None:
    """Add up the hours that are over."""
    rollups.roll_up()


@shared_task(name="monitoring.clear_windows")
def clear_windows() -> None:
    """Delete the limit windows that count nothing any more."""
    limits.clear_stale()


@shared_task(name="monitoring.retain")
def retain(hour: int | None = None) -> None:
    """Begin to delete what the saved rules say; with an hour only in that one of the school day."""
    if hour is None or hour == periods.hour_of_day():
        retention.begin_nightly()


@shared_task(name="monitoring.work")
def work(job_id: str, fence: int) -> None:
    """Do some steps of a job, if nobody claimed it since this was sent."""
    jobs.work(uuid.UUID(job_id), fence)


@shared_task(name="monitoring.resume_jobs")
def resume_jobs() -> None:
    """Send again for jobs that a worker left when it died."""
    jobs.resume_stale()
