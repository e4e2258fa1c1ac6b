"""What monitoring keeps of a person, and what stays of it when they are erased: sums and costs that name nobody."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from monitoring import periods
from monitoring.jobs import delete_files
from monitoring.models import (
    NOBODY,
    AdminReading,
    Alert,
    Budget,
    BudgetAccount,
    DailyUserUsage,
    ErrorEntry,
    Job,
    JobFile,
    JobProblem,
    LedgerEntry,
    RateWindow,
    Reservation,
    RolledUp,
)
from monitoring.privacy import (
    Subject,
    blank_mentions,
    fields_of,
    register_part,
    register_rows,
    register_stage,
)
from monitoring.rollups import COUNTED

# Texts that operators read, in which a person may be named.
TEXTS: dict[type, tuple[str, ...]] = {
    Alert: ("text",),
    ErrorEntry: ("source", "detail"),
    Job: ("label", "error"),
    JobProblem: ("message",),
    AdminReading: ("query",),
    Budget: ("label",),
    BudgetAccount: ("label",),
}


def register_all() -> None:
    """Register what is monitoring's own; called when the app starts."""
    _register_parts()
    register_rows("windows", _windows, label=_("limit windows"))
    register_stage("costs", label=_("costs, which stay without their name"), count=_count_costs, erase=_erase_costs)
    register_stage("budgets", label=_("own budgets and their accounts"), count=_count_budgets, erase=_erase_budgets)
    register_stage("jobs", label=_("background work they asked for"), count=_count_jobs, erase=_erase_jobs)
    register_stage(
        "admin_readings",
        label=_("readings about them in the admin, which stay without their key"),
        count=lambda subject: _readings(subject.id).count(),
        erase=lambda subject, _at_most: _readings(subject.id).update(row=""),
    )
    register_stage("texts", label=_("texts that name them"), count=None, erase=_erase_texts)


def _register_parts() -> None:
    register_part(
        "usage",
        lambda user: fields_of(LedgerEntry.objects.filter(user=user).order_by("settled_at"), hide=["user_id"]),
        label=_("What their conversations used and cost"),
    )
    register_part(
        "reserved",
        lambda user: fields_of(_reservations(user).order_by("created_at"), hide=["user_id"]),
        label=_("What was set aside for that"),
    )
    register_part("usage_by_day", lambda user: fields_of(_days(user)), label=_("The same by day"))
    register_part("budgets", _budget_rows, label=_("Budgets of their own, and what was spent of them"))
    register_part(
        "limits", lambda user: fields_of(_windows(user)), label=_("How often they did what is limited, lately")
    )
    register_part(
        "background_work",
        lambda user: fields_of(Job.objects.filter(owner=user), hide=["worker", "fence", "owner_id"]),
        label=_("Background work that they asked for"),
    )
    register_part(
        "admin_readings",
        lambda user: fields_of(_readings(user), reader_name="reader__display_name"),
        label=_("Who looked at their account in the administration"),
    )


def _budget_rows(user: uuid.UUID) -> Iterator[dict[str, Any]]:
    yield from fields_of(Budget.objects.filter(scope=Budget.Scope.USER, scope_id=user))
    yield from fields_of(_accounts(user), period="budget__period")


def _windows(user: uuid.UUID) -> Any:
    return RateWindow.objects.filter(key=str(user))


def _days(user: uuid.UUID) -> Any:
    return DailyUserUsage.objects.filter(user_uuid=user).order_by("day", "pk")


def _reservations(user: uuid.UUID) -> Any:
    return Reservation.objects.filter(user=user)


def _accounts(user: uuid.UUID) -> Any:
    return BudgetAccount.objects.filter(budget__scope=Budget.Scope.USER, scope_id=user)


def _readings(user: uuid.UUID) -> Any:
    return AdminReading.objects.filter(row=str(user))


# --- Money: nothing goes, and nobody is named -------------------------------------------------------------------------


def _count_costs(subject: Subject) -> int:
    """All that `_erase_costs` looks at: sums of a day may be written after it by whoever read the ledger before."""
    rows = (LedgerEntry.objects.filter(user=subject.id), _days(subject.id), _reservations(subject.id))
    return sum(found.count() for found in rows)


def _erase_costs(subject: Subject, at_most: int) -> int:
    """Take the name from the next day of their settlements and from the sums of that day, or from what was reserved.

    Both together, so that what is kept of a day is at every moment what the ledger says of it.
    """
    entries = LedgerEntry.objects.filter(user=subject.id)
    first = entries.order_by("settled_at").values_list("settled_at", flat=True).first()
    if first:
        day = periods.day_of(first)
        start, end = periods.bounds(day)
        # Whoever adds this day up waits here, and then finds entries without a name.
        list(RolledUp.objects.select_for_update().filter(period=RolledUp.Period.DAY, starts_at=start))
        named = entries.filter(settled_at__gte=start, settled_at__lt=end).update(user=None)
        _merge_sums(DailyUserUsage.objects.filter(user_uuid=subject.id, day=day))
        return named
    # What was kept of days by another clock.
    left = _days(subject.id)[:at_most]
    return _merge_sums(left) or _erase_reservations(subject.id, at_most)


def _merge_sums(rows: Any) -> int:
    """Add these sums to those of nobody, and delete them; how many."""
    merged = 0
    for row in rows:
        nobody, is_new = DailyUserUsage.objects.select_for_update().get_or_create(
            day=row.day, model=row.model, kind=row.kind, user_uuid=NOBODY,
            defaults={name: getattr(row, name) for name in COUNTED},
        )  # fmt: skip
        if not is_new:
            more = {name: F(name) + getattr(row, name) for name in COUNTED}
            DailyUserUsage.objects.filter(pk=nobody.pk).update(**more)
        row.delete()
        merged += 1
    return merged


def _erase_reservations(user: uuid.UUID, at_most: int) -> int:
    rows = list(_reservations(user).order_by("pk").only("pk", "scopes")[:at_most])
    for row in rows:
        row.user_id = None
        # A section's name is the section's own.
        row.scopes = [{**scope, "label": scope["label"] if scope["kind"] == "section" else ""} for scope in row.scopes]
    Reservation.objects.bulk_update(rows, ["user", "scopes"], batch_size=200)
    return len(rows)


def _count_budgets(subject: Subject) -> int:
    return Budget.objects.filter(scope=Budget.Scope.USER, scope_id=subject.id).count() + _accounts(subject.id).count()


def _erase_budgets(subject: Subject, at_most: int) -> int:
    """Give them to a key that nobody has: what was spent stays spent."""
    own = list(Budget.objects.filter(scope=Budget.Scope.USER, scope_id=subject.id)[:at_most])
    accounts = list(_accounts(subject.id)[:at_most])
    for row in (*own, *accounts):
        row.scope_id, row.label = uuid.uuid4(), ""
    for budget in own:
        budget.is_active = False
    Budget.objects.bulk_update(own, ["scope_id", "label", "is_active"])
    BudgetAccount.objects.bulk_update(accounts, ["scope_id", "label"])
    return len(own) + len(accounts)


# --- Work and texts ---------------------------------------------------------------------------------------------------


def _jobs(subject: Subject) -> Any:
    """What they asked for, and what others asked for about them alone."""
    return Job.objects.filter(Q(owner=subject.id) | Q(input__subject=str(subject.id)))


def _count_jobs(subject: Subject) -> int:
    return _jobs(subject).count()


def _erase_jobs(subject: Subject, at_most: int) -> int:
    keys = list(_jobs(subject).values_list("pk", flat=True)[: at_most // 10])
    delete_files(JobFile.objects.filter(job__in=keys))
    Job.objects.filter(pk__in=keys).delete()
    return len(keys)


def _erase_texts(subject: Subject, at_most: int) -> int:
    for model, fields in TEXTS.items():
        changed = blank_mentions(model, fields, subject, at_most)
        if changed:
            return changed
    return 0
