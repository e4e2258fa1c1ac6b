"""Money in the admin: prices can be edited, the ledger only read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.models import LedgerEntry, ModelPrice, Reservation


@admin.register(ModelPrice)
class ModelPriceAdmin(admin.ModelAdmin):
    """Prices by model and date; a change of price is a new row."""

    list_display = ["model", "valid_from", "from_input", "input", "output", "cache_write", "cache_read"]
    list_filter = ["model"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the unit of the four amounts."""
        unit = {"subtitle": _("Input, output and cache: micro-dollars per million tokens")}
        return super().changelist_view(request, {**unit, **(extra_context or {})})


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Settlements, newest first."""

    list_display = ["settled_at", "kind", "model", "input_tokens", "output_tokens", "cost_microusd", "outcome"]
    list_filter = ["kind", "model", "outcome"]
    date_hierarchy = "settled_at"
    ordering = ["-settled_at"]
    show_full_result_count = False


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Money set aside."""

    list_display = ["created_at", "kind", "amount_microusd", "state"]
    list_filter = ["kind", "state"]
    ordering = ["-created_at"]
    show_full_result_count = False
