"""The door of money: reserve before a model is called, settle once after it, release what was not used."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring import pricing
from monitoring.models import LedgerEntry, ModelPrice, Reservation

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class AlreadySettledError(Exception):
    """An attempt was to be settled a second time; the first settlement stands."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose money is spent: a kind ("session", "section"), its uuid, and a label for people."""

    kind: str
    id: uuid.UUID
    label: str


def reserve(
    *,
    by: "AbstractBaseUser | None",
    kind: str,
    scopes: Sequence[Scope],
    price: pricing.Price,
    amount_microusd: int,
) -> Reservation:
    """Set money aside for one attempt and return the reservation, without which no voice speaks.

    `by` is None for work that nobody signed in asked for, such as a command's.

    Call it in the transaction that accepts the work, so that neither exists without the other.
    """
    return Reservation.objects.create(
        kind=kind,
        user_id=by.pk if by else None,
        scopes=[{"kind": s.kind, "id": str(s.id), "label": s.label} for s in scopes],
        price=price.to_json(),
        amount_microusd=amount_microusd,
    )


@transaction.atomic
def settle(
    *,
    reservation: Reservation,
    usage: pricing.Usage,
    outcome: str,
    first_text_ms: int | None,
    total_ms: int,
) -> LedgerEntry:
    """Write the one settlement of this attempt, at the price frozen when it was reserved.

    Raises AlreadySettledError when the reservation is settled or released.
    """
    _close(reservation, Reservation.State.SETTLED)
    scopes = {scope["kind"]: scope["id"] for scope in reservation.scopes}
    price = reservation.frozen_price
    return LedgerEntry.objects.create(
        reservation=reservation,
        kind=reservation.kind,
        user_id=reservation.user_id,
        session_uuid=scopes.get("session"),
        section_uuid=scopes.get("section"),
        model=price.model,
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_write_tokens=usage.cache_write,
        cache_read_tokens=usage.cache_read,
        estimated=usage.estimated,
        cost_microusd=price.cost(usage),
        first_text_ms=first_text_ms,
        total_ms=total_ms,
        outcome=outcome,
    )


def release(*, reservation: Reservation) -> None:
    """Give back what was set aside for an attempt that never reached a provider.

    Raises AlreadySettledError when the reservation is settled or released.
    """
    _close(reservation, Reservation.State.RELEASED)


def _close(reservation: Reservation, state: Reservation.State) -> None:
    held = Reservation.objects.filter(pk=reservation.pk, state=Reservation.State.HELD)
    if not held.update(state=state):
        raise AlreadySettledError(_("This attempt was settled before; its first settlement stands."))
    reservation.state = state


def offered_models() -> list[str]:
    """The models a teacher may choose from: those of the settings that have a price in force."""
    priced = set(
        ModelPrice.objects.filter(model__in=settings.MODELS, valid_from__lte=timezone.now(), from_input=0).values_list(
            "model", flat=True
        )
    )
    return [model for model in settings.MODELS if model in priced]
