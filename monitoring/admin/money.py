"""Money in the admin: prices and budgets can be edited, the ledger and the accounts only read."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, DateField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring import budgets, periods
from monitoring.admin.readonly import BigTableAdmin, LatelySeenFilter, ReadOnlyAdmin
from monitoring.models import NOBODY, Budget, BudgetAccount, LedgerEntry, ModelPrice, Reservation
from monitoring.pricing import usd


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
class LedgerEntryAdmin(BigTableAdmin):
    """Settlements, newest first."""

    list_display = ["settled_at", "kind", "model", "input_tokens", "output_tokens", "cost_microusd", "outcome"]
    list_filter = [("kind", LatelySeenFilter), ("model", LatelySeenFilter), ("outcome", LatelySeenFilter), "settled_at"]
    ordering = ["-settled_at"]


@admin.register(Reservation)
class ReservationAdmin(BigTableAdmin):
    """Money set aside."""

    list_display = ["created_at", "kind", "amount_microusd", "state"]
    list_filter = ["state"]
    ordering = ["-created_at"]


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    """Budgets, and what is left of each now; whom one is for and its period stay, since its accounts count by them."""

    list_display = ["__str__", "scope", "period", "limit", "spent", "held", "left", "is_active"]
    list_filter = ["scope", "period", "is_active"]
    search_fields = ["label", "scope_id"]
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ["limit", "spent", "held", "left"]
    fields = [
        "scope", "scope_id", "label", "period", "limit_microusd", "limit", "alert_steps", "is_active",
        "spent", "held", "left",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        """With what the running account of each holds and has spent; None where none has begun, or there are many."""
        day = periods.today()
        starts_on = Case(
            *(When(period=period, then=Value(periods.start_of(period, day))) for period in Budget.Period.values),
            output_field=DateField(),
        )
        # A general budget has one account for each person, section or conversation, and none of nobody.
        running = BudgetAccount.objects.filter(
            budget=OuterRef("pk"),
            scope_id=Coalesce(OuterRef("scope_id"), Value(NOBODY)),
            starts_on=OuterRef("starts_on"),
        )
        return (
            super()
            .get_queryset(request)
            .annotate(starts_on=starts_on)
            .annotate(
                held_now=Subquery(running.values("held_microusd")), spent_now=Subquery(running.values("spent_microusd"))
            )
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> list[str]:
        """What a budget is about is chosen once."""
        return [*self.readonly_fields, *(["scope", "scope_id", "period"] if obj else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Budget | None = None) -> bool:
        """One that was used is put out of force instead: its accounts say what was spent."""
        return super().has_delete_permission(request, obj) and obj is not None and not obj.accounts.exists()

    def save_model(self, request: HttpRequest, obj: Budget, form: ModelForm, change: bool) -> None:
        """A new limit has steps of its own to tell of."""
        super().save_model(request, obj, form, change)
        if "limit_microusd" in form.changed_data:
            obj.accounts.update(alerted_percent=0)

    @admin.display(description=gettext_lazy("limit"), ordering="limit_microusd")
    def limit(self, budget: Budget) -> str:
        """In dollars, and about how many conversations."""
        return _amount(budget.limit_microusd) if budget.limit_microusd is not None else "–"

    @admin.display(description=gettext_lazy("spent"))
    def spent(self, budget: Any) -> str:
        """In dollars, in the running period."""
        return self._each(budget) or usd(budget.spent_now or 0)

    @admin.display(description=gettext_lazy("held"))
    def held(self, budget: Any) -> str:
        """In dollars, for replies that are being written."""
        return self._each(budget) or usd(budget.held_now or 0)

    @admin.display(description=gettext_lazy("left now"))
    def left(self, budget: Any) -> str:
        """In dollars, and about how many conversations."""
        return self._each(budget) or _amount(budget.left_after((budget.spent_now or 0) + (budget.held_now or 0)))

    def _each(self, budget: Budget) -> str:
        if budget._state.adding:
            return "–"
        if budget.scope == Budget.Scope.SITE or budget.scope_id:
            return ""
        accounts = reverse("admin:monitoring_budgetaccount_changelist")
        return format_html('<a href="{}?budget__exact={}">{}</a>', accounts, budget.pk, _("see its accounts"))


@admin.register(BudgetAccount)
class BudgetAccountAdmin(ReadOnlyAdmin):
    """What each scope has held and spent of a budget, newest first."""

    list_display = ["budget", "scope_id", "label", "starts_on", "spent", "held", "left", "alerted_percent"]
    list_filter = ["budget__scope", "budget__period"]
    search_fields = ["label", "scope_id"]
    list_select_related = ["budget"]
    ordering = ["-pk"]
    list_per_page = 50
    show_full_result_count = False

    @admin.display(description=gettext_lazy("spent"), ordering="spent_microusd")
    def spent(self, account: BudgetAccount) -> str:
        """In dollars."""
        return usd(account.spent_microusd)

    @admin.display(description=gettext_lazy("held"), ordering="held_microusd")
    def held(self, account: BudgetAccount) -> str:
        """In dollars, for replies that are being written."""
        return usd(account.held_microusd)

    @admin.display(description=gettext_lazy("left"))
    def left(self, account: BudgetAccount) -> str:
        """In dollars, and about how many conversations."""
        return _amount(account.left_microusd)


def _amount(microusd: int) -> str:
    """Dollars, and about how many conversations they pay for once the ledger knows what one costs."""
    conversations = budgets.conversations_left(microusd)
    if conversations is None:
        return usd(microusd)
    words = ngettext(
        "%(dollars)s (about %(count)d conversation)", "%(dollars)s (about %(count)d conversations)", conversations
    )
    return words % {"dollars": usd(microusd), "count": conversations}
