"""What monitoring itself keeps for a while: errors, health, windows, jobs, readings of the admin, hourly sums.

The ledger is not among them: reservations, settlements and the sums of days stay for ever, and name nobody once a
person is erased.
"""

import datetime as dt
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from monitoring import periods, rollups
from monitoring.jobs import delete_files
from monitoring.models import (
    AdminReading,
    Alert,
    ErrorEntry,
    HealthReport,
    HourlyLatency,
    HourlyUsage,
    Job,
    JobFile,
    JobProblem,
    RateWindow,
    RolledUp,
)
from monitoring.retention.registry import Batch, bounded, delete_rows, register, register_rows


def register_all() -> None:
    """Register what is monitoring's own; called when the app starts."""
    register_rows("errors", lambda before: ErrorEntry.objects.filter(at__lt=before), label=_("errors"), default_days=90)
    register_rows(
        "alerts", lambda before: Alert.objects.filter(created_at__lt=before), label=_("alerts"), default_days=365
    )
    register_rows(
        "health",
        # What a check says now may have begun long ago.
        lambda before: HealthReport.objects.filter(seen_at__lt=before),
        label=_("health reports"),
        default_days=90,
    )
    register_rows(
        "windows",
        lambda before: RateWindow.objects.filter(touched_at__lt=before),
        label=_("limit windows"),
        note=_("Those that count nothing any more are cleared every hour as well."),
        default_days=30,
    )
    register(
        "jobs",
        label=_("background work that has ended"),
        note=_("With its files and with what it could not do."),
        count=lambda before: bounded(_ended_jobs(before)),
        delete=_delete_jobs,
        default_days=90,
    )
    register_rows(
        "admin_readings",
        lambda before: AdminReading.objects.filter(read_at__lt=before),
        label=_("readings in the admin"),
        default_days=1_095,
    )
    register(
        "hourly_sums",
        label=_("hourly sums"),
        note=_("The sums of days stay; older hours are added up from the ledger when somebody asks."),
        count=lambda before: bounded(_hours(before)),
        delete=_delete_hour,
        default_days=730,
    )


def _ended_jobs(before: dt.datetime) -> QuerySet[Job]:
    return Job.objects.filter(finished_at__lt=before)


def _delete_jobs(before: dt.datetime, at_most: int, after: Any) -> Batch:
    """First what they could not do, of which one roster may have very much, then their files, then themselves."""
    due = _ended_jobs(before)
    deleted = delete_rows(JobProblem.objects.filter(job__in=due), at_most)
    if deleted:
        # They are part of their job, and not counted as one.
        return Batch(0, more=True)
    keys = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[: at_most // 10])
    delete_files(JobFile.objects.filter(job__in=keys))
    Job.objects.filter(pk__in=keys).delete()
    return Batch(len(keys), more=bool(keys))


def _hours(before: dt.datetime) -> QuerySet[HourlyUsage]:
    return HourlyUsage.objects.filter(starts_at__lt=before)


def _delete_hour(before: dt.datetime, at_most: int, after: Any) -> Batch:
    """What is kept of the next hour, with the mark that says so; only of days whose own sums are kept for good."""
    marks = RolledUp.objects.filter(period=RolledUp.Period.HOUR, starts_at__lt=before)
    if after:
        marks = marks.filter(starts_at__gt=dt.datetime.fromisoformat(after))
    mark = marks.order_by("starts_at").first()
    if mark is None:
        return Batch(0, more=False)
    start, end = periods.bounds(periods.day_of(mark.starts_at))
    day = RolledUp.objects.select_for_update().filter(
        period=RolledUp.Period.DAY,
        starts_at=start,
        ends_at=end,
        zone=periods.zone_name(),
        # Later than that nobody adds the day up again.
        rolled_at__gte=end + rollups.FIRM,
    )
    deleted = 0
    # Whoever rebuilds the day at this moment holds this mark.
    if end <= before and day.exists():
        HourlyLatency.objects.filter(starts_at=mark.starts_at).delete()
        deleted = HourlyUsage.objects.filter(starts_at=mark.starts_at).delete()[0]
        mark.delete()
    return Batch(deleted, more=True, after=mark.starts_at.isoformat())
