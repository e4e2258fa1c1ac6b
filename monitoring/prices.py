"""Prices: a new one begins on a day to come, or now; one that has begun is never changed, since it billed."""

import datetime as dt
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from monitoring import periods
from monitoring.models import ModelPrice
from monitoring.models.price import forget

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, PermissionsMixin


class PriceRuleError(Exception):
    """A price cannot be as it was asked for; the message says why in plain words."""


def begins_at(day: dt.date) -> dt.datetime:
    """When a price of this school day begins: now for today, else at the school's midnight.

    Raises PriceRuleError for days that are over.
    """
    today = periods.today()
    if day < today:
        raise PriceRuleError(_("A price cannot begin in the past: what was used then is billed already."))
    return timezone.now() if day == today else periods.bounds(day)[0]


def begin(price: ModelPrice, day: dt.date) -> None:
    """Let this new price begin on that school day, unsaved. Raises PriceRuleError where it cannot."""
    price.valid_from = begins_at(day)
    if ModelPrice.objects.filter(model=price.model, from_input=price.from_input, valid_from=price.valid_from).exists():
        words = _("A price of %(model)s begins on %(day)s already. Choose another day, or delete that one first.")
        raise PriceRuleError(words % {"model": price.model, "day": date_format(day)})


@transaction.atomic
def add_price(*, by: "PermissionsMixin | AnonymousUser", price: ModelPrice, day: dt.date) -> None:
    """Save this new price of a model, in force from that school day on and until the next one begins.

    Raises PermissionDenied, and PriceRuleError for a day that is over or that another price begins on.
    """
    if not by.has_perm("monitoring.add_modelprice"):
        raise PermissionDenied
    begin(price, day)
    price.save(force_insert=True)
    forget()


def is_to_come(price: ModelPrice) -> bool:
    """Whether nothing can have been billed by it yet."""
    return price.valid_from > timezone.now()
