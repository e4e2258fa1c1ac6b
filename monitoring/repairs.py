"""Repairs: what operators put right by hand: the sums of past days, and money that is held for nothing."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from monitoring import audit, jobs, periods, rollups
from monitoring.jobs import Progress
from monitoring.models import Job, Reservation
from monitoring.models.job import Person
from monitoring.services import AlreadySettledError, release

KIND = "monitoring.rebuild"
# More than a school keeps: whoever asks for more has typed a wrong year.
DAYS_AT_MOST = 3_700


class Operator(Person, Protocol):
    """Somebody who may be allowed to put something right."""

    def has_perm(self, perm: str) -> bool: ...


class RepairRuleError(Exception):
    """This cannot be put right so; the message says why in plain words."""


def rebuild_days(*, by: Operator, days: Sequence[dt.date]) -> Job:
    """A job that adds up the ledger of these school days again, a day a step.

    Raises PermissionDenied, RepairRuleError for no day, for too many, and for days to come.
    """
    if not by.has_perm("monitoring.change_dailyusage"):
        raise PermissionDenied
    chosen = sorted(set(days))
    if not chosen:
        raise RepairRuleError(_("Choose a day, and no last day before the first one."))
    if len(chosen) > DAYS_AT_MOST:
        raise RepairRuleError(_("Choose %(count)d days at most.") % {"count": DAYS_AT_MOST})
    if chosen[-1] > periods.today():
        raise RepairRuleError(_("Choose no day to come."))
    first, last = (date_format(day, "SHORT_DATE_FORMAT") for day in (chosen[0], chosen[-1]))
    label = _("Sums of %(first)s") if chosen[0] == chosen[-1] else _("Sums of %(first)s – %(last)s")
    return jobs.create(
        by=by,
        kind=KIND,
        label=label % {"first": first, "last": last},
        input={"days": [day.isoformat() for day in chosen]},
        total=len(chosen),
    )


def rebuild(job: Job) -> Progress:
    """One step: the next day."""
    days, done = job.input["days"], job.checkpoint.get("done", 0)
    rollups.rebuild_day(dt.date.fromisoformat(days[done]))
    return Progress({"done": done + 1}, done=1, finished=done + 1 == len(days))


def release_held(*, by: Operator, reservations: Sequence[Reservation]) -> list[Reservation]:
    """Give back what those of these reservations hold that no running work holds; which they were.

    Raises PermissionDenied.
    """
    if not by.has_perm("monitoring.change_reservation"):
        raise PermissionDenied
    free = set(audit.held_for_nothing())
    return [row for row in reservations if row.pk in free and _give_back(row)]


def _give_back(reservation: Reservation) -> bool:
    try:
        with transaction.atomic():
            release(reservation=reservation)
    except AlreadySettledError:
        return False
    return True
