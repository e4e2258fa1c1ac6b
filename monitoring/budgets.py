"""Budgets: money held before a call and spent after it, by conditional updates in one lock order."""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.expressions import CombinedExpression
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from monitoring import alerts, periods
from monitoring.models import NOBODY, Alert, Budget, BudgetAccount, LedgerEntry, Reservation, Severity
from monitoring.prepared import Answer, Select, ask, insert, upsert
from monitoring.pricing import usd

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, PermissionsMixin

# The order in which every transaction locks accounts. The site's row, which all want, comes last and is held shortest.
_RANKS = {
    rank: number
    for number, rank in enumerate([Budget.Scope.SESSION, Budget.Scope.USER, Budget.Scope.SECTION, Budget.Scope.SITE])
}
_PERIOD_RANKS = {period: number for number, period in enumerate(Budget.Period.values)}
# A mean over the last days, of so many settlements at most.
_MEAN_DAYS, _MEAN_ENTRIES, _MEAN_SECONDS = 30, 20_000, 60
# People are told when a budget holds less than this many replies: what is held for one pays for many.
FEW = 2
# Of a budget of their own, people are told at its steps from here on; that half of it is used is no news to them.
_PERSON_FROM, _PERSON_STEPS = 75, (75, 90)

# Tells a person that so many percent of this account of theirs are used.
TellPerson = Callable[[BudgetAccount, int], None]
_tellers: dict[str, TellPerson] = {}

_FIELDS = tuple(field.attname for field in Budget._meta.concrete_fields)
_in_force = Select(
    lambda user, section, session: (
        Budget.objects.filter(Q(scope_id__isnull=True) | Q(scope_id__in=[user, section, session]), is_active=True)
        .order_by()
        .values_list(*_FIELDS)
    )
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose money is spent: a kind ("session", "section"), its uuid, and a label for people.

    A scope of the kind "message" names the reply that an attempt is for; it has no budget.
    """

    kind: str
    id: uuid.UUID
    label: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A budget that an attempt counts against, and the account of it: whose, and from which day."""

    budget: Budget
    scope_id: uuid.UUID
    label: str
    starts_on: dt.date
    day: dt.date

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID, dt.date]:
        """What tells its account from every other."""
        return self.budget.pk, self.scope_id, self.starts_on

    @property
    def renews_on(self) -> dt.date | None:
        """The first day with a fresh account; None when the next term is not known."""
        return periods.next_start(self.budget.period, self.day)

    @property
    def used_up(self) -> str:
        """That this budget is used up, in plain words."""
        whose = {
            Budget.Scope.SITE: _("The school's budget"),
            Budget.Scope.SECTION: _("Your section's budget"),
            Budget.Scope.USER: _("Your budget"),
            Budget.Scope.SESSION: _("The budget of this conversation"),
        }[Budget.Scope(self.budget.scope)]
        span = {
            Budget.Period.DAY: _("today"),
            Budget.Period.MONTH: _("this month"),
            Budget.Period.TERM: _("this term"),
        }[Budget.Period(self.budget.period)]
        words = _("%(budget)s for %(period)s is used up.") % {"budget": whose, "period": span}
        if self.renews_on:
            words += " " + _("It renews on %(date)s.") % {"date": date_format(self.renews_on)}
        return words

    def account(self, *, held: int) -> BudgetAccount:
        """Its account as a new row would be, with so many micro-dollars held."""
        return BudgetAccount(
            budget=self.budget, scope_id=self.scope_id, label=self.label, starts_on=self.starts_on, held_microusd=held
        )


def register_teller(name: str, tell: TellPerson) -> None:
    """Say at start-up who tells people of their own budget; called in the transaction in which it reaches a step."""
    _tellers[name] = tell


def steps_for_person(alert_steps: Sequence[int]) -> list[int]:
    """The percentages at which a person is told: the budget's own from 75 on, and always when all is used.

    A large school silences the steps for operators; its students are told all the same.
    """
    own = [step for step in alert_steps if step >= _PERSON_FROM]
    return sorted({*(own or _PERSON_STEPS), 100})


class BudgetExhaustedError(Exception):
    """A budget does not cover one more attempt; str() is plain words for the person who asked, `claim` says whose."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        super().__init__(claim.used_up)


@dataclass(frozen=True, slots=True)
class Remaining:
    """The tightest budget that applies, and how many micro-dollars of it are neither held nor spent."""

    claim: Claim
    left_microusd: int


def applying(scopes: Sequence[Scope], user_id: uuid.UUID | None) -> list[Claim]:
    """The budgets that this person's work in these scopes counts against now, in the order of their locks; one query.

    A budget that names its user, section or session takes the place of the general one of the same period.
    """
    whose = [(Budget.Scope.SITE, NOBODY, "")]
    if user_id:
        whose.append((Budget.Scope.USER, user_id, ""))
    whose += [(Budget.Scope(s.kind), s.id, s.label) for s in scopes if s.kind in ("section", "session")]
    ids = {Budget.Scope(scope): scope_id for scope, scope_id, _label in whose}
    rows = _in_force(
        *(ids.get(scope, NOBODY) for scope in (Budget.Scope.USER, Budget.Scope.SECTION, Budget.Scope.SESSION))
    )
    budgets = {(b.scope, b.scope_id, b.period): b for b in (Budget.from_db("default", _FIELDS, row) for row in rows)}
    if not budgets:
        return []
    day = periods.today()
    claims: list[Claim] = []
    for scope, scope_id, label in whose:
        for period in Budget.Period.values:
            budget = budgets.get((scope, scope_id, period)) or budgets.get((scope, None, period))
            if budget:
                claims.append(Claim(budget, scope_id, label, periods.start_of(period, day), day))
    return sorted(claims, key=lambda claim: _rank(claim.budget.scope, claim.budget.period, claim.key))


def hold(reservation: Reservation, claims: Sequence[Claim]) -> None:
    """Hold what this reservation sets aside in every one of these budgets, and note in which accounts.

    Call it in a transaction and give that up on BudgetExhaustedError: what was held before the refusal is then free
    again. The limit is compared by the very statement that raises what is held, so that two at once cannot both
    take what is left (docs/adr/0008).
    """
    amount = reservation.amount_microusd
    # A new account has no row to compare with.
    for claim in claims:
        if amount > claim.budget.limit_microusd:
            raise BudgetExhaustedError(claim)
    asked = [
        upsert(claim.account(held=amount), on_conflict=_HOLD, arguments=[claim.budget.limit_microusd])
        for claim in claims
    ]
    held = []
    for claim, answer in zip(claims, asked, strict=True):
        if answer.first is None:
            raise BudgetExhaustedError(claim)
        pk, taken = answer.first
        # One more than the few, since those who talk at the same time spend too.
        reservation.is_nearly_last |= taken + (FEW + 1) * amount > claim.budget.limit_microusd
        held.append(_HeldIn(reservation=reservation, budgetaccount_id=pk))
    insert(*held)


def held_by(reservation: Reservation) -> Answer:
    """The accounts in which this reservation holds money, for `settle` and `release`."""
    return _held_by.ask(reservation.pk)


def settle(reservation: Reservation, accounts: Answer, cost_microusd: int) -> None:
    """Turn what this reservation holds into what it cost, in the same accounts, and tell of steps that this passed."""
    for pk in _move(reservation, accounts, cost_microusd):
        # Read after the update: the row is ours until the transaction ends, so that no step slips between two.
        _tell_step(BudgetAccount.objects.select_related("budget").get(pk=pk))


def release(reservation: Reservation, accounts: Answer) -> None:
    """Free what this reservation holds."""
    _move(reservation, accounts, 0)


def tell_refusal(error: BudgetExhaustedError) -> None:
    """Tell operators, once in a period, that a budget refuses people.

    Call it when the refused transaction is rolled back, which would take the alert along.
    """
    claim = error.claim
    if 100 in _steps(claim.budget.scope, claim.budget.alert_steps):
        with transaction.atomic():
            BudgetAccount.objects.bulk_create([claim.account(held=0)], ignore_conflicts=True)
            _tell(accounts_of([claim])[claim.key], [100], refusing=True)


def set_limit(*, by: "PermissionsMixin | AnonymousUser", budgets: Sequence[Budget], limit_microusd: int) -> None:
    """Let these budgets be so large from now on; what is held and spent stays. Raises PermissionDenied."""
    if not by.has_perm("monitoring.change_budget"):
        raise PermissionDenied
    _change_limit(budgets, limit_microusd)


def raise_limit(*, by: "PermissionsMixin | AnonymousUser", budgets: Sequence[Budget], more_microusd: int) -> None:
    """Let each of these budgets be so much larger from now on. Raises PermissionDenied."""
    if not by.has_perm("monitoring.change_budget"):
        raise PermissionDenied
    _change_limit(budgets, F("limit_microusd") + more_microusd)


def _change_limit(budgets: Sequence[Budget], limit: int | CombinedExpression) -> None:
    """One at a time: a reply locks its accounts in an order of its own (docs/adr/0008), and waits for nobody twice."""
    for budget in budgets:
        with transaction.atomic():
            Budget.objects.filter(pk=budget.pk).update(limit_microusd=limit)
            tell_anew([budget.pk])


def tell_anew(keys: Sequence[uuid.UUID]) -> None:
    """Tell of every step again: a new limit has steps of its own."""
    BudgetAccount.objects.filter(budget__in=keys, alerted_percent__gt=0).update(alerted_percent=0)


def remaining(scopes: Sequence[Scope], user_id: uuid.UUID | None) -> Remaining | None:
    """What is left of the tightest budget that this person's work in these scopes counts against; None without any.

    Two queries; it promises nothing, since others may spend it meanwhile.
    """
    claims = applying(scopes, user_id)
    if not claims:
        return None
    known = accounts_of(claims)
    each = (Remaining(claim, (known.get(claim.key) or claim.account(held=0)).left_microusd) for claim in claims)
    return min(each, key=lambda one: one.left_microusd)


def conversations_left(left_microusd: int, *, typical_microusd: int | None = None) -> int | None:
    """About how many conversations so much money pays for, rounded down.

    By what a conversation that cost something cost on average lately; where there was none yet, by the caller's
    estimate of a typical one; None without either.
    """
    mean = _mean_conversation(int(time.monotonic() / _MEAN_SECONDS)) or typical_microusd
    return left_microusd // mean if mean else None


def forget() -> None:
    """Read everything anew the next time."""
    _mean_conversation.cache_clear()


@lru_cache(maxsize=1)
def _mean_conversation(minute: int) -> int | None:
    """Micro-dollars of a conversation, rounded up; the newest settlements are enough, however long the ledger is."""
    since = timezone.now() - dt.timedelta(days=_MEAN_DAYS)
    paid = LedgerEntry.objects.filter(settled_at__gte=since, cost_microusd__gt=0, session_uuid__isnull=False)
    sums = paid.order_by("-settled_at")[:_MEAN_ENTRIES].aggregate(
        cost=Sum("cost_microusd"), sessions=Count("session_uuid", distinct=True)
    )
    return -(-sums["cost"] // sums["sessions"]) if sums["sessions"] else None


def _rank(scope: str, period: str, key: tuple[Any, ...]) -> tuple[int, int, str]:
    return _RANKS[Budget.Scope(scope)], _PERIOD_RANKS[period], str(key)


def accounts_of(claims: Sequence[Claim]) -> dict[tuple[uuid.UUID, uuid.UUID, dt.date], BudgetAccount]:
    """The accounts of these claims by their keys, as far as there are any; one query."""
    wanted = Q(pk__in=[])
    for claim in claims:
        wanted |= Q(budget=claim.budget, scope_id=claim.scope_id, starts_on=claim.starts_on)
    return {
        (a.budget_id, a.scope_id, a.starts_on): a for a in BudgetAccount.objects.filter(wanted).select_related("budget")
    }


# Makes the account where it is missing. The comparison is made with the row as it is once it is locked.
_HOLD = """
    ON CONFLICT (budget_id, scope_id, starts_on) DO UPDATE
    SET held_microusd = monitoring_budgetaccount.held_microusd + excluded.held_microusd
    WHERE monitoring_budgetaccount.held_microusd + monitoring_budgetaccount.spent_microusd
        + monitoring_budgetaccount.carried_microusd + excluded.held_microusd <= %s
    RETURNING id, held_microusd + spent_microusd + carried_microusd
"""
_MOVE = """
    UPDATE monitoring_budgetaccount SET held_microusd = held_microusd - %s, spent_microusd = spent_microusd + %s
    WHERE id = %s RETURNING spent_microusd + carried_microusd, alerted_percent
"""
_HeldIn = Reservation.accounts.through
_held_by = Select(
    lambda reservation: (
        _HeldIn.objects.filter(reservation=reservation)
        .order_by()
        .values_list(
            "budgetaccount_id",
            "budgetaccount__scope_id",
            "budgetaccount__starts_on",
            *(f"budgetaccount__budget__{name}" for name in ("id", "scope", "period", "limit_microusd", "alert_steps")),
        )
    )
)


def _move(reservation: Reservation, accounts: Answer, cost_microusd: int) -> list[int]:
    """Turn what it holds into a cost in all its accounts, in the order of their locks; those that passed a step."""
    rows = sorted(accounts.rows, key=_rank_of_hold)
    moved = [ask(_MOVE, reservation.amount_microusd, cost_microusd, row[0]) for row in rows]
    passed = []
    for (pk, _scope_id, _start, _budget, scope, _period, limit, steps), answer in zip(rows, moved, strict=True):
        used, told = answer.rows[0]
        if any(step > told and used * 100 >= step * limit for step in _steps(scope, steps)):
            passed.append(pk)
    return passed


def _rank_of_hold(row: tuple[Any, ...]) -> tuple[int, int, str]:
    _pk, scope_id, starts_on, budget_id, scope, period, *_rest = row
    return _rank(scope, period, (budget_id, scope_id, starts_on))


def _steps(scope: str, alert_steps: Sequence[int]) -> Sequence[int]:
    """The percentages at which anybody is told of such a budget."""
    if scope != Budget.Scope.USER:
        return alert_steps
    return sorted({*alert_steps, *steps_for_person(alert_steps)})


def _tell_step(account: BudgetAccount) -> None:
    """Tell of the highest step that what was used has reached."""
    used, budget = account.used_microusd, account.budget
    steps = _steps(budget.scope, budget.alert_steps)
    reached = [step for step in steps if used * 100 >= step * budget.limit_microusd]
    if reached:
        _tell(account, reached)


def _tell(account: BudgetAccount, reached: Sequence[int], *, refusing: bool = False) -> None:
    """Tell operators and the person of the highest of these steps that is theirs, unless it was told before."""
    before, step = account.alerted_percent, max(reached)
    if refusing and account.budget.scope == Budget.Scope.USER and conversations_left(account.left_microusd):
        # Too little for what was asked at once, as of two windows; the person has enough to go on.
        if step in account.budget.alert_steps:
            _alert(account, step, refusing=True)
        return
    untold = BudgetAccount.objects.filter(pk=account.pk, alerted_percent__lt=step)
    if before >= step or not untold.update(alerted_percent=step):
        return
    budget = account.budget
    new = [one for one in reached if one > before]
    for_operators = [one for one in new if one in budget.alert_steps]
    if for_operators:
        _alert(account, max(for_operators), refusing=refusing)
    for_person = [one for one in new if one in steps_for_person(budget.alert_steps)]
    if for_person and budget.scope == Budget.Scope.USER:
        for tell in _tellers.values():
            tell(account, max(for_person))


def _alert(account: BudgetAccount, step: int, *, refusing: bool) -> None:
    """Raise the alert of this step."""
    budget = account.budget
    severity = Severity.WARNING
    if step == 100:
        severity = Severity.CRITICAL if budget.scope == Budget.Scope.SITE else Severity.ERROR
    with override(settings.LANGUAGE_CODE):
        general = budget.scope != Budget.Scope.SITE and budget.scope_id is None
        facts = {
            "budget": f"{budget} ({account.label or account.scope_id})" if general else str(budget),
            "percent": step,
            "spent": usd(account.used_microusd),
            "limit": usd(budget.limit_microusd),
        }
        if refusing:
            text = _("Budget “%(budget)s” refuses replies: %(spent)s of %(limit)s is spent.") % facts
        else:
            text = _("Budget “%(budget)s”: %(percent)d%% is spent, %(spent)s of %(limit)s.") % facts
    key = f"{account.occasion}:{step}"
    alerts.raise_alert(key=key, kind=Alert.Kind.BUDGET, severity=severity, text=text)
