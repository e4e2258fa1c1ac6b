"""What conversations are paid by: the models that are talked with, their prices, and the site's budgets."""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from random import Random

from django.conf import settings
from django.db.models import Sum

from conversations.management.term.rhythm import ZONE
from monitoring import periods, pricing
from monitoring.models import Budget, BudgetAccount, Reservation
from monitoring.models.price import price_now
from monitoring.services import offered_models

# The share of the conversations that are held with the default model; the others share the rest.
DEFAULT_SHARE = 0.8
# Micro-dollars, by period of the site: wide enough for any term that is made here.
LIMITS = {Budget.Period.DAY: 2_000_000_000, Budget.Period.MONTH: 40_000_000_000}


@dataclass(frozen=True, slots=True)
class Tariff:
    """A model with its price, also as a reservation and as an attempt keep it, and how quick it is."""

    price: pricing.Price
    as_json: str
    tiers: list[dict[str, int]]
    first_text_ms: int
    ms_per_token: int


def read_tariffs() -> list[Tariff]:
    """The models that teachers may choose, the default one first. Raises UnknownPriceError where that has no price."""
    models = [settings.MODEL_DEFAULT, *(model for model in offered_models() if model != settings.MODEL_DEFAULT)]
    tariffs = []
    for place, model in enumerate(models):
        price = price_now(model)
        tiers = [asdict(tier) for tier in price.tiers]
        tariffs.append(Tariff(price, json.dumps(price.to_json()), tiers, 450 + 350 * place, 9 + 5 * place))
    return tariffs


def choose(rng: Random, tariffs: list[Tariff]) -> Tariff:
    """One of them: mostly the first."""
    return tariffs[0] if rng.random() < DEFAULT_SHARE else rng.choice(tariffs)


class Accounts:
    """The accounts of the site's budgets that an attempt counts against, by its day."""

    def __init__(self) -> None:
        self._kept = {
            (account.budget.period, account.starts_on): account.pk
            for account in BudgetAccount.objects.filter(budget__scope=Budget.Scope.SITE).select_related("budget")
        }

    @staticmethod
    def open(first: dt.date, last: dt.date) -> None:
        """Make the site's budgets, and their accounts for these days, both included."""
        days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
        for period, limit in LIMITS.items():
            budget = Budget.objects.create(scope=Budget.Scope.SITE, period=period, limit_microusd=limit)
            starts = sorted({periods.start_of(period, day) for day in days})
            BudgetAccount.objects.bulk_create([BudgetAccount(budget=budget, starts_on=start) for start in starts])

    def of(self, moment: dt.datetime) -> list[int]:
        """The keys of the accounts that an attempt of this moment counts against."""
        day = moment.astimezone(ZONE).date()
        return [self._kept[period, periods.start_of(period, day)] for period in LIMITS]

    @staticmethod
    def add_up() -> None:
        """Write into each account what its reservations have cost."""
        links = Reservation.accounts.through.objects.order_by().values_list("budgetaccount")
        spent = dict(links.annotate(sum=Sum("reservation__ledgerentry__cost_microusd")))
        accounts = list(BudgetAccount.objects.all())
        for account in accounts:
            account.spent_microusd = spent.get(account.pk) or 0
        BudgetAccount.objects.bulk_update(accounts, ["spent_microusd"], batch_size=500)
