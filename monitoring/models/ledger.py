"""The ledger: what is reserved before a model is called, and the one settlement that each attempt ends with."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from monitoring import pricing
from monitoring.ids import uuid7
from monitoring.models.budget import BudgetAccount


class Reservation(models.Model):
    """Money set aside for one attempt, at a price frozen now; no model is called without one."""

    class State(models.TextChoices):
        HELD = "held", _("held")
        SETTLED = "settled", _("settled")
        RELEASED = "released", _("released")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=20, help_text=_("What the money is for, such as a turn."))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    scopes: "models.JSONField[Any, Any]" = models.JSONField(_("scopes"), default=list)
    price: "models.JSONField[Any, Any]" = models.JSONField(_("price when reserved"))
    amount_microusd = models.PositiveBigIntegerField(_("amount in micro-dollars"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.HELD)
    accounts = models.ManyToManyField(BudgetAccount, verbose_name=_("budgets it counts against"), related_name="+")
    created_at = models.DateTimeField(_("reserved at"), auto_now_add=True)

    # Of one that was just made: whether a budget covers few more like it. In memory alone.
    is_nearly_last = False

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        indexes = [models.Index(fields=["created_at"], condition=models.Q(state="held"), name="reservation_held")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def frozen_price(self) -> pricing.Price:
        """The price that this attempt is billed by, whatever the price rows say later."""
        return pricing.Price.from_json(self.price)


class LedgerEntry(models.Model):
    """The settlement of one attempt: the only place that says what was used and what it cost."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reservation = models.OneToOneField(Reservation, verbose_name=_("reservation"), on_delete=models.PROTECT)
    kind = models.CharField(_("kind"), max_length=20)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    session_uuid = models.UUIDField(_("session"), null=True)
    section_uuid = models.UUIDField(_("section"), null=True)
    # The reply that the attempt was for; a reply that fell back to another model has an entry for each.
    message_uuid = models.UUIDField(_("reply"), null=True)
    model = models.CharField(_("model"), max_length=100)
    input_tokens = models.PositiveIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveIntegerField(_("output tokens"), default=0)
    cache_write_tokens = models.PositiveIntegerField(_("cache write tokens"), default=0)
    cache_read_tokens = models.PositiveIntegerField(_("cache read tokens"), default=0)
    estimated = models.BooleanField(_("estimated"), default=False)
    cost_microusd = models.PositiveBigIntegerField(_("cost in micro-dollars"))
    first_text_ms = models.PositiveIntegerField(_("time to first text in ms"), null=True)
    total_ms = models.PositiveIntegerField(_("total time in ms"), default=0)
    calls = models.PositiveSmallIntegerField(_("calls to the provider"), default=1)
    largest_input_tokens = models.PositiveIntegerField(
        _("input tokens of the largest call"),
        default=0,
        help_text=_("Where several were made: the price tier goes by it."),
    )
    outcome = models.CharField(_("outcome"), max_length=20)
    settled_at = models.DateTimeField(_("settled at"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        indexes = [
            models.Index(fields=["session_uuid"], name="ledger_session"),
            models.Index(fields=["message_uuid"], name="ledger_message"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.cost_microusd} µ$"

    @property
    def total_input(self) -> int:
        """All input tokens, cached or not."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens
