"""The door of money: reserve before a model is called, settle once after it, release what was not used."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring import budgets, pricing, providers
from monitoring.budgets import BudgetExhaustedError, Claim, Scope
from monitoring.ids import uuid7
from monitoring.models import LedgerEntry, ModelPrice, Reservation
from monitoring.prepared import Answer, insert, update

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

__all__ = ["AlreadySettledError", "BudgetExhaustedError", "Scope", "offered_models", "release", "reserve", "settle"]


class AlreadySettledError(Exception):
    """An attempt was to be settled a second time; the first settlement stands."""


def reserve(
    *,
    by: "AbstractBaseUser | None",
    kind: str,
    scopes: Sequence[Scope],
    price: pricing.Price,
    amount_microusd: int,
    reservation_id: uuid.UUID | None = None,
    claims: Sequence[Claim] | None = None,
) -> Reservation:
    """Set money aside for one attempt and return the reservation, without which no voice speaks.

    `by` is None for work that nobody signed in asked for, such as a command's. The amount, the most that the attempt
    can cost in micro-dollars, is held in every budget that applies; an attempt that costs nothing asks no budget.
    `reservation_id` is for a caller who writes down first what refers to it, `claims` for one who has asked already
    which budgets apply.

    Call it in the transaction that accepts the work, so that neither exists without the other, and late in it: the
    budgets' rows are locked from here to its end. Raises BudgetExhaustedError, with which that transaction must end.
    """
    user_id = by.pk if by else None
    if claims is None:
        claims = budgets.applying(scopes, user_id) if amount_microusd else []
    reservation = Reservation(
        id=reservation_id or uuid7(),
        kind=kind,
        user_id=user_id,
        scopes=[{"kind": s.kind, "id": str(s.id), "label": s.label} for s in scopes],
        price=price.to_json(),
        amount_microusd=amount_microusd,
    )
    # Without a savepoint, which would cost two more queries while others wait for these rows.
    with transaction.atomic(savepoint=False):
        insert(reservation)
        if claims:
            budgets.hold(reservation, claims)
    return reservation


@transaction.atomic(savepoint=False)
def settle(
    *,
    reservation: Reservation,
    usage: pricing.Usage,
    outcome: str,
    first_text_ms: int | None,
    total_ms: int,
    calls: int = 1,
) -> LedgerEntry:
    """Write the one settlement of this attempt, at the price frozen when it was reserved.

    What was held in budgets becomes what it cost. `calls` counts the calls to the provider that the attempt took.
    Raises AlreadySettledError when the reservation is settled or released; a transaction around it must then end.
    """
    accounts = _close(reservation, Reservation.State.SETTLED)
    scopes = {scope["kind"]: scope["id"] for scope in reservation.scopes}
    price = reservation.frozen_price
    cost = price.cost(usage)
    entry = LedgerEntry(
        reservation=reservation,
        kind=reservation.kind,
        user_id=reservation.user_id,
        session_uuid=scopes.get("session"),
        section_uuid=scopes.get("section"),
        message_uuid=scopes.get("message"),
        model=price.model,
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_write_tokens=usage.cache_write,
        cache_read_tokens=usage.cache_read,
        estimated=usage.estimated,
        cost_microusd=cost,
        first_text_ms=first_text_ms,
        total_ms=total_ms,
        calls=calls,
        largest_input_tokens=usage.largest,
        outcome=outcome,
    )
    budgets.settle(reservation, accounts, cost)
    # After what that may have waited for: an entry that is seen long after it says it was settled is missed by tallies.
    insert(entry)
    return entry


@transaction.atomic(savepoint=False)
def release(*, reservation: Reservation) -> None:
    """Give back what was set aside for an attempt that never reached a provider.

    Raises AlreadySettledError when the reservation is settled or released; a transaction around it must then end.
    """
    accounts = _close(reservation, Reservation.State.RELEASED)
    budgets.release(reservation, accounts)


def _close(reservation: Reservation, state: Reservation.State) -> Answer:
    """End its being held; the accounts in which it holds money."""
    reservation.state = state
    closed = update(reservation, "state", state=Reservation.State.HELD)
    accounts = budgets.held_by(reservation)
    if not closed.count:
        raise AlreadySettledError(_("This attempt was settled before; its first settlement stands."))
    return accounts


def offered_models() -> list[str]:
    """The models a teacher may choose from: of the settings, and of providers that can be called, all with a price."""
    others = [model for model in providers.models_with_rows() if providers.endpoint_of(model).is_ready]
    known = list(dict.fromkeys([*settings.MODELS, *settings.FALLBACK_MODELS, *others]))
    priced = set(
        ModelPrice.objects.filter(model__in=known, valid_from__lte=timezone.now(), from_input=0).values_list(
            "model", flat=True
        )
    )
    return [model for model in known if model in priced]
