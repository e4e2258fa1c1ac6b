"""Amounts of money as operators write and read them."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import ngettext

from monitoring import budgets
from monitoring.pricing import MILLION, usd


class DollarsField(forms.DecimalField):
    """An amount that people write in dollars, and that is kept in whole micro-dollars."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=Decimal(0), max_digits=13, decimal_places=6, **options)

    def prepare_value(self, value: Any) -> Any:
        """The micro-dollars of a row in dollars; what somebody typed stays as it is."""
        return Decimal(value) / MILLION if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """The micro-dollars of what was typed; None for nothing."""
        dollars = super().clean(value)
        return None if dollars is None else int(dollars * MILLION)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compared in dollars."""
        return super().has_changed(self.prepare_value(initial), data)


def amount(microusd: int) -> str:
    """Dollars, and about how many conversations they pay for once the ledger knows what one costs."""
    conversations = budgets.conversations_left(microusd)
    if conversations is None:
        return usd(microusd)
    words = ngettext(
        "%(dollars)s (about %(count)d conversation)", "%(dollars)s (about %(count)d conversations)", conversations
    )
    return words % {"dollars": usd(microusd), "count": conversations}
