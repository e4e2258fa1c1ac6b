"""What it costs: today and this month against their budgets, and what the term will come to by model."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from monitoring import periods
from monitoring.dashboard.look import DAYS, Look, add, tokens
from monitoring.dashboard.panel import Content
from monitoring.models import NOBODY, Budget, BudgetAccount
from monitoring.pricing import usd
from monitoring.rollups import Figures
from monitoring.tables import Column, Figure, Level, Mark, Row, Table, Unit

# A term goes on as its last days with use did.
MEAN_DAYS = 14
NEARLY = 0.9

Daily = Mapping[tuple[dt.date, str], Figures]


@dataclass(frozen=True, slots=True)
class Projection:
    """What one model costs in a term: spent so far, the mean of its last days with use, and what is to come."""

    model: str
    spent_microusd: int
    mean_microusd: int
    days_of_use: int
    days_left: int | None

    @property
    def projected_microusd(self) -> int | None:
        """Micro-dollars at the end of the term; None while nobody wrote down when that is."""
        return None if self.days_left is None else self.spent_microusd + self.mean_microusd * self.days_left


def project(daily: Daily, *, since: dt.date, today: dt.date, next_term: dt.date | None) -> list[Projection]:
    """The projection of each model that cost anything in the term from `since`, the dearest first.

    The mean is rounded up: over the last 14 days before today on which the model cost something, of the term or before
    it.
    """
    days_left = (next_term - today).days - 1 if next_term else None
    costs: dict[str, dict[dt.date, int]] = {}
    for (day, model), sums in daily.items():
        if sums["cost_microusd"]:
            costs.setdefault(model, {})[day] = sums["cost_microusd"]
    found = []
    for model, by_day in costs.items():
        spent = sum(cost for day, cost in by_day.items() if day >= since)
        last = [by_day[day] for day in sorted(by_day) if day < today][-MEAN_DAYS:]
        mean = -(-sum(last) // len(last)) if last else 0
        if spent:
            found.append(Projection(model, spent, mean, len(last), days_left))
    return sorted(found, key=lambda one: (-one.spent_microusd, one.model))


def gather(look: Look) -> Content:
    """Today and the month to the last settlement, the budgets of the site, and the term as it goes on."""
    of_budgets, refusing = _budgets(look.today)
    shown = [*_spent(look), *of_budgets, _price(look)]
    next_term = periods.next_start(periods.TERM, look.today)
    projections = project(look.daily, since=look.term, today=look.today, next_term=next_term)
    return Content(
        _state(of_budgets, refusing=refusing),
        shown,
        tables=[_term_table(projections)],
        note=_how(next_term),
        as_of=look.as_of,
    )


def _spent(look: Look) -> list[Figure]:
    today = add(sums for (day, _model), sums in look.daily.items() if day == look.today)
    month = add(sums for (day, _model), sums in look.daily.items() if day >= look.month)
    return [
        Figure("cost_today", _("Cost today"), today["cost_microusd"], Unit.MONEY),
        Figure("tokens_today", _("Tokens today"), tokens(today), Unit.COUNT, _("Read and written.")),
        Figure("cost_month", _("Cost this month"), month["cost_microusd"], Unit.MONEY),
    ]


def _price(look: Look) -> Figure:
    """What a thousand tokens cost lately, all models and kinds of tokens together."""
    lately = add(sums for (day, _model), sums in look.daily.items() if day >= look.lately)
    used = tokens(lately)
    return Figure(
        "cost_per_1000_tokens",
        _("Cost of 1,000 tokens"),
        lately["cost_microusd"] / used / 1_000 if used else None,
        Unit.PRICE,
        _("Of the last %(days)d days, all models together.") % {"days": DAYS},
    )


def _budgets(today: dt.date) -> tuple[list[Figure], bool]:
    """How much of each of the site's budgets is spent or held, the day's first; and whether one has refused a reply.

    What is left may be too little for the most that a reply can cost, so that one refuses before all of it is spent.
    """
    found = list(Budget.objects.filter(scope=Budget.Scope.SITE, is_active=True))
    wanted = Q(pk__in=[])
    for budget in found:
        wanted |= Q(budget=budget, scope_id=NOBODY, starts_on=periods.start_of(budget.period, today))
    accounts = {account.budget_id: account for account in BudgetAccount.objects.filter(wanted)}
    names = {
        Budget.Period.DAY: _("Of the day's budget"),
        Budget.Period.MONTH: _("Of the month's budget"),
        Budget.Period.TERM: _("Of the term's budget"),
    }
    shown = []
    for budget in sorted(found, key=lambda one: Budget.Period.values.index(one.period)):
        account = accounts.get(budget.pk) or BudgetAccount(budget=budget)
        taken = account.used_microusd + account.held_microusd
        facts = {
            "spent": usd(account.used_microusd), "held": usd(account.held_microusd),
            "limit": usd(budget.limit_microusd),
        }  # fmt: skip
        note = _("%(spent)s of %(limit)s is spent, %(held)s held for replies that are being written.") % facts
        # A limit of nothing is used up from the start.
        share = taken / budget.limit_microusd if budget.limit_microusd else 1.0
        shown.append(Figure(f"budget_{budget.period}", names[Budget.Period(budget.period)], share, Unit.SHARE, note))
    return shown, any(account.alerted_percent >= 100 for account in accounts.values())


def _state(of_budgets: Sequence[Figure], *, refusing: bool) -> Mark:
    """How the budgets stand, in words."""
    shares = [one.value for one in of_budgets if isinstance(one.value, float)]
    if not shares:
        return Mark(_("No budget for the whole site is in force."), Level.ATTENTION)
    if max(shares) >= 1:
        return Mark(_("A budget of the site is used up: replies are refused."), Level.DANGER)
    if refusing:
        return Mark(_("A budget of the site has too little left for a reply: replies are refused."), Level.DANGER)
    if max(shares) >= NEARLY:
        return Mark(_("A budget of the site is nearly used up."), Level.ATTENTION)
    return Mark(_("Within budget."))


def _term_table(projections: Sequence[Projection]) -> Table:
    columns = (
        Column("model", _("Model")),
        Column("spent_microusd", _("Spent this term"), Unit.MONEY),
        Column("mean_microusd", _("Mean of a day with use"), Unit.MONEY),
        Column("days_of_use", _("Days in the mean"), Unit.COUNT),
        Column("days_left", _("Days left"), Unit.COUNT),
        Column("projected_microusd", _("Projected term"), Unit.MONEY),
    )
    rows = [
        Row((p.model, p.spent_microusd, p.mean_microusd, p.days_of_use, p.days_left, p.projected_microusd))
        for p in projections
    ]
    return Table("term", _("Term by model"), columns, rows, _("Nothing was spent this term yet."))


def _how(next_term: dt.date | None) -> str:
    """How the term is projected, in words."""
    if next_term is None:
        return _("Nobody has written down when the next term begins, so the end of this one is not projected.")
    return _(
        "Projected: what the term has cost so far, and for each day that is left after today the mean of the model's "
        "last %(days)d days with use."
    ) % {"days": MEAN_DAYS}
