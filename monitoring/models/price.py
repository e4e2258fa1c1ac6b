"""Prices: dated, tiered rows that an operator can edit."""

import datetime as dt
import time
from functools import lru_cache

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from monitoring import pricing


class UnknownPriceError(Exception):
    """A model has no price row that is in force, so nothing may be spent on it."""


class ModelPriceQuerySet(models.QuerySet["ModelPrice"]):
    """Reads of prices."""

    def in_force(self, model: str, at: dt.datetime | None = None) -> pricing.Price:
        """The price of the model at that time (now by default).

        Raises UnknownPriceError when no row is in force: a model without a price is never called.
        """
        at = at or timezone.now()
        rows = list(self.filter(model=model, valid_from__lte=at).order_by("-valid_from"))
        newest: dict[int, ModelPrice] = {}
        for row in rows:
            newest.setdefault(row.from_input, row)
        if 0 not in newest:
            raise UnknownPriceError(_("%(model)s has no price in force.") % {"model": model})
        tiers = sorted((row.as_tier() for row in newest.values()), key=lambda tier: tier.from_input)
        return pricing.Price(model, tuple(tiers))


class ModelPrice(models.Model):
    """What one model costs from a date on, for requests of at least `from_input` input tokens.

    Amounts are micro-dollars per million tokens: $0.10 per million is 100,000. A new price is a new row; an old one
    stays, since attempts were billed by it.
    """

    model = models.CharField(_("model"), max_length=100)
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    from_input = models.PositiveIntegerField(
        _("from input tokens"), default=0, help_text=_("0 for the first tier; a model can cost more for long prompts.")
    )
    input = models.PositiveBigIntegerField(_("input"), help_text=_("Micro-dollars per million tokens."))
    output = models.PositiveBigIntegerField(_("output"), help_text=_("Micro-dollars per million tokens."))
    cache_write = models.PositiveBigIntegerField(_("cache write"), help_text=_("Micro-dollars per million tokens."))
    cache_read = models.PositiveBigIntegerField(_("cache read"), help_text=_("Micro-dollars per million tokens."))

    objects = ModelPriceQuerySet.as_manager()

    class Meta:
        verbose_name = _("model price")
        verbose_name_plural = _("model prices")
        ordering = ["model", "-valid_from", "from_input"]
        constraints = [
            models.UniqueConstraint(fields=["model", "valid_from", "from_input"], name="one_price_per_model_date_tier"),
        ]

    def __str__(self) -> str:
        return f"{self.model} · {self.valid_from:%Y-%m-%d}"

    def as_tier(self) -> pricing.Tier:
        """The threshold and amounts of this row."""
        return pricing.Tier(self.from_input, self.input, self.output, self.cache_write, self.cache_read)


def price_now(model: str) -> pricing.Price:
    """The price in force, read at most once a second in each process. Raises UnknownPriceError as `in_force` does."""
    return _price(model, int(time.monotonic()))


def forget() -> None:
    """Read the prices anew the next time."""
    _price.cache_clear()


@lru_cache(maxsize=64)
def _price(model: str, second: int) -> pricing.Price:
    return ModelPrice.objects.in_force(model)
