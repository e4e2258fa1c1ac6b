"""The auditor: checks by name, each counts what it looked at and names every breach."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest
from django.db.models.lookups import GreaterThanOrEqual
from django.utils import timezone

from monitoring import periods, pricing, rollups
from monitoring.models import (
    BudgetAccount,
    DailyUsage,
    DailyUserUsage,
    HourlyUsage,
    LedgerEntry,
    Reservation,
    RolledUp,
)

# So many breaches of one check are named; the rest is counted.
NAMED = 20
# No attempt takes so long, and a forgotten trial is released within 20 minutes: money that is held longer without
# running work belongs to nobody.
HELD_SECONDS = 1_500


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: how many rows it looked at, the breaches it names, and how many more there are.

    Notes are worth an operator's look and no breach.
    """

    checked: int
    breaches: list[str]
    more: int = 0
    notes: list[str] = field(default_factory=list)


Check = Callable[[], Finding]
Work = Callable[[], Iterable[uuid.UUID]]
_checks: dict[str, Check] = {}
_checks_at_rest: dict[str, Check] = {}
_work: dict[str, Work] = {}


def register(name: str, check: Check, *, at_rest: bool = False) -> None:
    """Add a check; a second one of the same name replaces the first. `at_rest`: true only while nothing runs."""
    (_checks_at_rest if at_rest else _checks)[name] = check


def register_work(name: str, work: Work) -> None:
    """Say which reservations running work holds: a callable that returns their ids."""
    _work[name] = work


def run(*, at_rest: bool = False) -> Iterator[tuple[str, Finding]]:
    """Every check by name with what it found; `at_rest` adds those that hold only while nothing runs."""
    for name, check in {**_checks, **(_checks_at_rest if at_rest else {})}.items():
        yield name, check()


def compare(looked_at: QuerySet[Any], wrong: QuerySet[Any], say: Callable[[Any], str]) -> Finding:
    """A finding of the rows that were looked at and those of them that are wrong; only the named ones are fetched."""
    named = [say(row) for row in wrong[:NAMED]]
    more = wrong.count() - len(named) if len(named) == NAMED else 0
    return Finding(looked_at.count(), named, more)


def cut(checked: int, breaches: list[str]) -> Finding:
    """A finding of breaches that were gathered one by one."""
    return Finding(checked, breaches[:NAMED], max(0, len(breaches) - NAMED))


def check_settlements() -> Finding:
    """Every settled reservation has its ledger entry, every other has none."""
    entry = Exists(LedgerEntry.objects.filter(reservation=OuterRef("pk")))
    settled = Q(state=Reservation.State.SETTLED)
    wrong = Reservation.objects.filter((settled & ~entry) | (~settled & entry))
    return compare(Reservation.objects.all(), wrong, lambda r: f"reservation {r.pk} is {r.state}, its entry says not")


def check_costs() -> Finding:
    """Every entry costs what its tokens cost at the price frozen in its reservation."""
    prices = Reservation.objects.filter(state=Reservation.State.SETTLED).order_by().values_list("price", flat=True)
    breaches: list[str] = []
    more = 0
    for frozen in prices.distinct():
        price = pricing.Price.from_json(frozen)
        entries = LedgerEntry.objects.filter(reservation__price=frozen).alias(due=_cost_by(price))
        wrong = entries.filter(~Q(model=price.model) | ~Q(cost_microusd=F("due")))
        found = compare(LedgerEntry.objects.none(), wrong, lambda e: f"entry {e.pk} costs {e.cost_microusd}")
        breaches += found.breaches
        more += found.more
    return Finding(LedgerEntry.objects.count(), breaches[:NAMED], more + max(0, len(breaches) - NAMED))


def _cost_by(price: pricing.Price) -> Coalesce:
    """`pricing.Price.cost` said in SQL; no tier that fits gives -1, which no entry costs."""
    wide = BigIntegerField()
    kinds = ("input", "output", "cache_write", "cache_read")
    tokens = {kind: Cast(F(f"{kind}_tokens"), wide) for kind in kinds}
    total_input = tokens["input"] + tokens["cache_write"] + tokens["cache_read"]
    largest = When(largest_input_tokens__gt=0, then=Cast(F("largest_input_tokens"), wide))
    request = Case(largest, default=total_input, output_field=wide)
    cases = []
    for tier in sorted(price.tiers, key=lambda tier: -tier.from_input):
        millionths: Any = Value(pricing.MILLION - 1, output_field=wide)
        for kind in kinds:
            millionths = millionths + tokens[kind] * Value(getattr(tier, kind), output_field=wide)
        reached = GreaterThanOrEqual(request, tier.from_input)
        cases.append(When(reached, then=millionths / Value(pricing.MILLION, output_field=wide)))
    return Coalesce(Case(*cases, output_field=wide), Value(-1, output_field=wide))


def check_budgets() -> Finding:
    """Every budget account holds what its held reservations hold, and has spent what its settled ones cost.

    What no longer counts, because somebody began a period anew, is no more than was spent.

    A budget that is overdrawn by more than its attempts cost beyond what was held for them is a note: it is what an
    operator sees who lowered a limit after the money was spent.
    """
    links = Reservation.accounts.through.objects.filter(budgetaccount=OuterRef("pk")).order_by()
    counted = links.values("budgetaccount")
    held = counted.filter(reservation__state=Reservation.State.HELD).annotate(sum=Sum("reservation__amount_microusd"))
    cost, amount = F("reservation__ledgerentry__cost_microusd"), F("reservation__amount_microusd")
    settled = counted.filter(reservation__state=Reservation.State.SETTLED)
    spent = settled.annotate(sum=Sum(cost))
    beyond = settled.annotate(sum=Sum(Greatest(cost - amount, 0, output_field=BigIntegerField())))
    accounts = BudgetAccount.objects.order_by("pk").select_related("budget")
    accounts = accounts.annotate(held_now=_sum(held), spent_now=_sum(spent))
    wrong = accounts.exclude(
        held_microusd=F("held_now"), spent_microusd=F("spent_now"), carried_microusd__gte=F("spent_microusd") * -1
    )
    finding = compare(BudgetAccount.objects.all(), wrong, _say_account)
    overdrawn = accounts.annotate(beyond=_sum(beyond)).filter(
        held_microusd__gt=F("budget__limit_microusd") + F("beyond") - F("spent_microusd") - F("carried_microusd")
    )
    notes = [f"account {a.pk} of budget {a.budget_id} is over its limit" for a in overdrawn[:NAMED]]
    return Finding(finding.checked, finding.breaches, finding.more, notes)


def _sum(rows: QuerySet[Any, Any]) -> Coalesce:
    zero = Value(0, output_field=BigIntegerField())
    return Coalesce(Subquery(rows.values("sum"), output_field=BigIntegerField()), zero)


def _say_account(account: Any) -> str:
    return (
        f"account {account.pk} says held {account.held_microusd}, spent {account.spent_microusd}, "
        f"besides {account.carried_microusd}; "
        f"the ledger {account.held_now}, {account.spent_now}"
    )


def check_held() -> Finding:
    """Held money belongs to work that runs, or was held a moment ago by work that nobody announces, such as a trial."""
    seen = Reservation.objects.filter(state=Reservation.State.HELD).count()
    return cut(seen, [f"reservation {pk} is held for no running work" for pk in held_for_nothing()])


def held_for_nothing() -> list[uuid.UUID]:
    """The reservations that have been held for a while, and for no work that runs."""
    held = Reservation.objects.filter(state=Reservation.State.HELD)
    long_ago = timezone.now() - dt.timedelta(seconds=HELD_SECONDS)
    seen = dict(held.values_list("pk", "created_at"))
    running = {reservation for work in _work.values() for reservation in work()}
    # Asked again: what ended between the two questions holds nothing now.
    still = set(held.values_list("pk", flat=True)) - running
    return [pk for pk, since in seen.items() if pk in still and since < long_ago]


def check_rollups() -> Finding:
    """Every hour that is kept is what the ledger says, every day that is kept is what its hours say."""
    days = sorted({periods.day_of(start) for start in RolledUp.objects.values_list("starts_at", flat=True)})
    checked = 0
    breaches: list[str] = []
    for day in days:
        marks = list(rollups.marks(day, day))
        checked += len(marks)
        hours = [(mark.starts_at, mark.ends_at) for mark in marks if mark.period == RolledUp.Period.HOUR]
        ledger = rollups.finest(hours)
        breaches += _differences(f"an hour of {day}", _kept_hours(hours), rollups.hours_of(ledger))
        if any(mark.period == RolledUp.Period.DAY for mark in marks):
            # Old hours need not be kept: then the ledger itself says what the day is the sum of.
            whole = set(hours) == set(periods.hours(day))
            of_day = ledger if whole else rollups.finest([periods.bounds(day)])
            derived = rollups.derive_day(day) if whole else _without_hours(rollups.hours_of(of_day))
            breaches += _differences(str(day), _kept_day(day), derived)
            breaches += _differences(f"the people of {day}", _kept_people(day), rollups.people_of(of_day))
    return cut(checked, breaches)


def _kept_hours(hours: list[rollups.Stretch]) -> dict[Any, rollups.Figures]:
    rows = HourlyUsage.objects.filter(starts_at__in=[start for start, _end in hours])
    return {(row.starts_at, row.model, row.kind, row.section_uuid): rollups.figures_of(row) for row in rows}


def _without_hours(of_one_stretch: rollups.Sums) -> rollups.Sums:
    return {key[1:]: figures for key, figures in of_one_stretch.items()}


def _kept_day(day: dt.date) -> dict[Any, rollups.Figures]:
    rows = DailyUsage.objects.filter(day=day)
    return {(row.model, row.kind, row.section_uuid): rollups.figures_of(row) for row in rows}


def _kept_people(day: dt.date) -> dict[Any, rollups.Figures]:
    rows = DailyUserUsage.objects.filter(day=day)
    return {(row.model, row.kind, row.user_uuid): rollups.figures_of(row) for row in rows}


def _differences(what: str, kept: dict[Any, rollups.Figures], derived: dict[Any, rollups.Figures]) -> Iterator[str]:
    for key in sorted({*kept, *derived}, key=str):
        if kept.get(key) != derived.get(key):
            said = "is kept and should not be" if key not in derived else "is not what the ledger says"
            yield f"{what}, {' '.join(map(str, key))}, {said if key in kept else 'is missing'}"


def check_nothing_held() -> Finding:
    """At rest no money is held."""
    held = Reservation.objects.filter(state=Reservation.State.HELD).order_by("created_at")
    return compare(held, held, lambda r: f"reservation {r.pk} is held")


register("settlements", check_settlements)
register("costs", check_costs)
register("budgets", check_budgets)
register("held money", check_held)
register("hours and days", check_rollups)
register("nothing held", check_nothing_held, at_rest=True)
