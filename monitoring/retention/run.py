"""Runs: rules are saved, tried and applied, by operators or at night, one run at a time."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Protocol

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import jobs
from monitoring.jobs import Progress
from monitoring.models import Job, RetentionRule, RetentionRun
from monitoring.models.job import Person
from monitoring.retention.registry import COUNT_AT_MOST, kinds

KIND = "monitoring.retention"
PERMISSION = "monitoring.change_retentionrule"
# One transaction deletes no more rows than this.
AT_ONCE = 1_000
# What was counted longer ago says too little about what a deletion would delete.
TRIAL_HOLDS = dt.timedelta(hours=1)
MOST_DAYS = 36_500


class Keeper(Person, Protocol):
    """Somebody who may have the right to say how long things are kept."""

    def has_perm(self, perm: str, obj: Any = None) -> bool: ...


class RetentionError(Exception):
    """This cannot be done now; the text says why in plain words."""


def rules() -> dict[str, int]:
    """The saved rules of kinds that there are: days by kind, in the order of the kinds; what is kept is left out."""
    saved = dict(RetentionRule.objects.values_list("kind", "days"))
    return {name: days for name in kinds() if (days := saved.get(name)) is not None}


@transaction.atomic
def save_rules(*, by: Keeper, days: Mapping[str, int | None]) -> int:
    """Keep these kinds so many days from now on (None: for ever); how many rules that changed.

    Each change is written to the admin's history. Raises PermissionDenied, or RetentionError for days out of range.
    """
    _check_right(by)
    if any(number is not None and not 1 <= number <= MOST_DAYS for number in days.values()):
        words = _("Write a whole number of days from 1 to %(most)s, or leave it empty.")
        raise RetentionError(words % {"most": MOST_DAYS})
    changed = 0
    for name in kinds():
        if name not in days:
            continue
        rule = RetentionRule.objects.select_for_update().filter(kind=name).first() or RetentionRule(kind=name)
        if rule.days == days[name]:
            continue
        before, rule.days = rule.days, days[name]
        rule.save()
        message = f"{_in_words(before)} → {_in_words(rule.days)}"
        LogEntry.objects.log_actions(by.pk, [rule], CHANGE, change_message=message, single_object=True)
        changed += 1
    return changed


@transaction.atomic
def begin(*, by: Keeper, trial: bool) -> Job:
    """Count what the saved rules would delete, or delete it; the job that does.

    Raises PermissionDenied, and RetentionError where nothing has a rule, while another run works, or where the same
    rules were not counted within the last hour.
    """
    _check_right(by)
    in_force = _locked_rules()
    if not in_force:
        raise RetentionError(_("No kind has a rule yet. Write how many days something is kept, save, and count."))
    if running():
        raise RetentionError(_("A run is at work already. Wait until it has ended."))
    if not trial and not may_delete():
        raise RetentionError(_("Count first: only what these rules counted within the last hour is deleted."))
    return _create(by, in_force, trial=trial)


@transaction.atomic
def begin_nightly() -> Job | None:
    """Apply the saved rules, each once somebody has seen what it comes to; None where there is nothing to do."""
    in_force = {name: days for name, days in _locked_rules().items() if _was_tried(name, days)}
    if not in_force or running():
        return None
    return _create(None, in_force, trial=False)


def running() -> Job | None:
    """The run that has not ended; there is one at a time."""
    return Job.objects.filter(kind=KIND, finished_at=None).first()


def last_trial() -> RetentionRun | None:
    """The last count that was finished."""
    return RetentionRun.objects.filter(is_trial=True, finished_at__isnull=False).order_by("-started_at").first()


def may_delete() -> bool:
    """Whether the rules as they are were counted within the last hour."""
    trial = last_trial()
    if trial is None or trial.finished_at is None or trial.finished_at < timezone.now() - TRIAL_HOLDS:
        return False
    return {name: count["days"] for name, count in trial.counts.items()} == rules()


def step(job: Job) -> Progress:
    """Count one kind, or delete one batch of it."""
    run = RetentionRun.objects.select_for_update().get(pk=job.input["run"])
    names = [name for name in job.input["rules"] if name in kinds()]
    place = job.checkpoint.get("place", 0)
    if place >= len(names):
        run.finished_at = timezone.now()
        run.save(update_fields=["finished_at"])
        return Progress(job.checkpoint, finished=True)
    kind, days = kinds()[names[place]], job.input["rules"][names[place]]
    before = run.started_at - dt.timedelta(days=days)
    count = run.counts.setdefault(kind.name, {"days": days, "before": before.isoformat()})
    if run.is_trial:
        found = kind.count(before)
        count |= {"found": min(found, COUNT_AT_MOST), "more": found > COUNT_AT_MOST}
        done, checkpoint = 1, {"place": place + 1}
    else:
        batch = kind.delete(before, AT_ONCE, job.checkpoint.get("after"))
        count["deleted"] = count.get("deleted", 0) + batch.deleted
        done = batch.deleted
        checkpoint = {"place": place, "after": batch.after} if batch.more else {"place": place + 1}
    run.save(update_fields=["counts"])
    return Progress(checkpoint, done=done)


def _create(by: Keeper | None, in_force: dict[str, int], *, trial: bool) -> Job:
    run = RetentionRun.objects.create(by_id=by.pk if by else None, is_trial=trial)
    label = _("Retention: counting what is old enough") if trial else _("Retention: deleting what is old enough")
    asked = {"run": run.pk, "rules": in_force}
    return jobs.create(by=by, kind=KIND, label=label, input=asked, total=len(in_force) if trial else None)


def _locked_rules() -> dict[str, int]:
    """The rules, locked, so that of two who begin at once one waits and then sees the other's run."""
    list(RetentionRule.objects.select_for_update().order_by("kind"))
    return rules()


def _was_tried(name: str, days: int) -> bool:
    runs = RetentionRun.objects.filter(finished_at__isnull=False)
    return runs.filter(**{f"counts__{name}__days": days}).exists()


def _check_right(by: Keeper) -> None:
    if not by.has_perm(PERMISSION):
        raise PermissionDenied


def _in_words(days: int | None) -> str:
    return str(_FOR_EVER) if days is None else _("%(days)s days") % {"days": days}


_FOR_EVER = gettext_lazy("for ever")
