"""A person's own budgets: how each stands, how operators set, raise and begin one anew, and its history in words."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import CharField, F, Q, QuerySet
from django.db.models.functions import Cast
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from monitoring import budgets, periods
from monitoring.budgets import Claim
from monitoring.models import Budget, BudgetAccount
from monitoring.models.job import Person
from monitoring.pricing import usd

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class NothingToRaiseError(Exception):
    """A budget was to be raised where none limits this person; str() is plain words for the operator."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one budget of a person stands in its running period."""

    claim: Claim
    account: BudgetAccount

    @property
    def budget(self) -> Budget:
        """The budget in force: their own, or the general one of each person."""
        return self.claim.budget

    @property
    def is_own(self) -> bool:
        """Whether it was set for this person."""
        return self.budget.scope_id is not None

    @property
    def percent(self) -> int:
        """How much of it is used, 0 to 100, rounded down."""
        used, limit = self.account.used_microusd, self.budget.limit_microusd
        return min(100, used * 100 // limit) if limit else 100

    @property
    def step(self) -> int:
        """The highest step of those at which a person is told that is reached; 0 while there is enough.

        Where replies were refused and not one more conversation is left, all of it counts as used.
        """
        refused = self.account.alerted_percent >= 100 and not budgets.conversations_left(self.account.left_microusd)
        if refused:
            return 100
        reached = [one for one in budgets.steps_for_person(self.budget.alert_steps) if one <= self.percent]
        return max(reached, default=0)


def standings(person_id: uuid.UUID) -> list[Standing]:
    """Each budget of this person that is in force, the day's first; two queries, and one when there is none.

    Those of the school, of sections and of conversations are not a person's own.
    """
    claims = [claim for claim in budgets.applying([], person_id) if claim.budget.scope == Budget.Scope.USER]
    if not claims:
        return []
    known = budgets.accounts_of(claims)
    return [Standing(claim, known.get(claim.key) or claim.account(held=0)) for claim in claims]


@transaction.atomic
def set_own(
    *,
    by: Person,
    person: "AbstractBaseUser",
    period: str,
    to_microusd: int | None = None,
    more_microusd: int = 0,
) -> Budget:
    """Let this person have so much of their own in each such period, or so much more than they have; written down.

    What they used of the general budget in this period goes on counting. Raises PermissionDenied, and
    NothingToRaiseError where nothing limits them and no new limit is named.
    """
    if not (by.has_perm("monitoring.add_budget") and by.has_perm("monitoring.change_budget")):
        raise PermissionDenied
    of_people = Budget.objects.filter(scope=Budget.Scope.USER, period=period)
    general = of_people.filter(scope_id=None, is_active=True).first()
    label = f"{person}, {Budget.Period(period).label}"[:200]
    fresh = {"scope": Budget.Scope.USER, "period": period, "label": label, "limit_microusd": 0}
    if general:
        fresh["alert_steps"] = general.alert_steps
    # Of two who raise it at once, the second one raises what the first one made of it. The key stays free: messages
    # whose new accounts refer to the budget hold those accounts, which come next here.
    own, is_new = of_people.select_for_update(no_key=True).get_or_create(scope_id=person.pk, defaults=fresh)
    takes_over = is_new or not own.is_active
    before = general if takes_over else own
    if to_microusd is None:
        if before is None:
            raise NothingToRaiseError(_("No such budget limits this person, so there is nothing to raise: set one."))
        to_microusd = before.limit_microusd + more_microusd
    facts = {"limit": usd(to_microusd), "before": usd(before.limit_microusd) if before else ""}
    words = (_("Limit: %(limit)s, before that %(before)s.") if before else _("Limit: %(limit)s.")) % facts
    own.limit_microusd, own.is_active = to_microusd, True
    own.save()
    if takes_over and (carried := take_over(own)):
        words += " " + _("%(used)s that was used of the general budget goes on counting.") % {"used": usd(carried)}
    budgets.tell_anew([own.pk])
    _write_down(by, own, words, ADDITION if is_new else CHANGE)
    return own


@transaction.atomic
def take_over(budget: Budget) -> int:
    """Let what was used of the general budget in this period count in the one that takes its place; how much.

    Otherwise whoever gets a budget of their own would get a new period with it. It is moved, so that it counts once,
    whatever begins anew and comes back later; replies that are being written count where they were asked for.
    """
    if budget.scope_id is None:
        return 0
    period = {"scope_id": budget.scope_id, "starts_on": periods.start_of(budget.period, periods.today())}
    # In the order in which replies lock them, since both are of one scope and period.
    of_both = Q(budget=budget) | Q(
        budget__scope=budget.scope, budget__scope_id=None, budget__period=budget.period, budget__is_active=True
    )
    accounts = BudgetAccount.objects.filter(of_both, **period).order_by("budget_id")
    locked = {row.budget_id: row for row in accounts.select_for_update(of=("self",), no_key=True)}
    own = locked.pop(budget.pk, None)
    general = next(iter(locked.values()), None)
    used = general.used_microusd if general else 0
    if general and used:
        BudgetAccount.objects.filter(pk=general.pk).update(carried_microusd=F("carried_microusd") - used)
        if own:
            BudgetAccount.objects.filter(pk=own.pk).update(carried_microusd=F("carried_microusd") + used)
        else:
            BudgetAccount.objects.create(budget=budget, carried_microusd=used, **period)
    return used


def begin_anew(*, by: Person, accounts: Sequence[BudgetAccount]) -> int:
    """Let these accounts count from nothing again in the period that runs, written down with what was used; how many.

    Nothing is taken out of the books: the ledger, what was spent and whose reservations say so stay, and the auditor
    goes on comparing them. What was spent until now only counts no longer (`carried_microusd`), and what is held for
    replies that are being written stays held. An account of a period that is over, or of which nothing was used, is
    left as it is. Raises PermissionDenied.
    """
    if not by.has_perm("monitoring.change_budgetaccount"):
        raise PermissionDenied
    # One at a time: whoever holds several of them locks them in another order (docs/adr/0008).
    return sum(_begin_anew(by, account.pk) for account in accounts)


@transaction.atomic
def _begin_anew(by: Person, pk: int) -> bool:
    account = BudgetAccount.objects.select_for_update(of=("self",), no_key=True).select_related("budget").get(pk=pk)
    period = account.budget.period
    used = account.used_microusd
    if not used or account.starts_on != periods.start_of(period, periods.today()):
        return False
    BudgetAccount.objects.filter(pk=pk).update(carried_microusd=F("spent_microusd") * -1, alerted_percent=0)
    facts = {
        "used": usd(used), "limit": usd(account.budget.limit_microusd), "start": date_format(account.starts_on),
    }  # fmt: skip
    words = _("Begun anew: of %(limit)s from %(start)s on, %(used)s had been used.") % facts
    _write_down(by, account, words, CHANGE)
    return True


def history(person_id: uuid.UUID) -> QuerySet[LogEntry]:
    """Who changed what of the budgets that this person has or had, their own and the general one, newest first."""
    of_people = Budget.objects.filter(Q(scope_id=person_id) | Q(scope_id=None), scope=Budget.Scope.USER)
    keys = [str(pk) for pk in of_people.order_by().values_list("pk", flat=True)]
    accounts = BudgetAccount.objects.filter(budget__scope=Budget.Scope.USER, scope_id=person_id).order_by()
    as_text = accounts.annotate(key=Cast("pk", CharField())).values("key")
    kinds = ContentType.objects.get_for_models(Budget, BudgetAccount)
    found = Q(content_type=kinds[Budget], object_id__in=keys)
    found |= Q(content_type=kinds[BudgetAccount], object_id__in=as_text)
    return LogEntry.objects.filter(found).select_related("user").order_by("-action_time", "-pk")


def _write_down(by: Person, row: Any, words: str, flag: int) -> None:
    LogEntry.objects.log_actions(by.pk, [row], flag, change_message=words, single_object=True)
