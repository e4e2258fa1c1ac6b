"""Budgets in the admin: how much may be spent, and what each has left."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, DateField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring import budgets, periods
from monitoring.admin.confirmation import confirm
from monitoring.admin.readonly import BigTableAdmin
from monitoring.admin.totals import TotalsAdmin
from monitoring.models import NOBODY, Budget, BudgetAccount
from monitoring.models.budget import default_alert_steps
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


class StepsField(forms.CharField):
    """Percentages as people write them, "50, 75, 90", kept as a list of numbers; the model says which are right."""

    def prepare_value(self, value: Any) -> Any:
        """The list of a row with commas; what somebody typed stays as it is."""
        return ", ".join(str(step) for step in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The whole numbers of what was typed, none for nothing. Raises ValidationError for anything else."""
        parts = [part.strip() for part in (super().to_python(value) or "").split(",")]
        if not all(part.isdecimal() for part in parts if part):
            raise forms.ValidationError(_("Write whole percentages with commas, such as 50, 75, 90, 100."))
        return [int(part) for part in parts if part]


class LimitForm(forms.Form):
    """How large the chosen budgets are to be."""

    limit = DollarsField(label=gettext_lazy("New limit in US dollars"))


class BudgetForm(forms.ModelForm):
    """A budget with its limit in dollars, as everywhere else in the admin."""

    limit_microusd = DollarsField(label=gettext_lazy("Limit in US dollars"))
    alert_steps = StepsField(
        label=gettext_lazy("Alert at percent"),
        required=False,
        initial=default_alert_steps,
        help_text=gettext_lazy("Operators are told when so much is spent or held. Empty: never."),
    )


# Fields whose values a form puts into words, and Django shows as they are kept to who only looks.
AS_KEPT = {"limit_microusd", "alert_steps"}


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    """Budgets, and what is left of each now; whom one is for and its period stay, since its accounts count by them."""

    form = BudgetForm
    list_display = ["__str__", "scope", "period", "limit", "spent", "held", "left", "is_active"]
    list_filter = ["scope", "period", "is_active"]
    search_fields = ["label", "scope_id"]
    search_help_text = gettext_lazy("A name, or the id of a person, a section or a conversation.")
    list_per_page = 50
    show_full_result_count = False
    actions = ["set_limit"]
    readonly_fields = ["limit", "spent", "held", "left"]
    add_fields = ["scope", "scope_id", "label", "period", "limit_microusd", "alert_steps", "is_active"]

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

    def get_fields(self, request: HttpRequest, obj: Budget | None = None) -> list[Any]:
        """How it stands, once there is one; in words for who only looks."""
        if obj and not self.has_change_permission(request, obj):
            return [*(field for field in self.add_fields if field not in AS_KEPT), "steps", *self.readonly_fields]
        return [*self.add_fields, *(self.readonly_fields if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> list[str]:
        """What a budget is about is chosen once."""
        return [*self.readonly_fields, *(["scope", "scope_id", "period"] if obj else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Budget | None = None) -> bool:
        """One that was used is put out of force instead: its accounts say what was spent."""
        return super().has_delete_permission(request, obj) and obj is not None and not obj.accounts.exists()

    def save_model(self, request: HttpRequest, obj: Budget, form: forms.ModelForm, change: bool) -> None:
        """A new limit has steps of its own to tell of."""
        super().save_model(request, obj, form, change)
        if "limit_microusd" in form.changed_data:
            budgets.tell_anew([obj.pk])

    @admin.action(description=gettext_lazy("Set the limit"), permissions=["change"])
    def set_limit(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse | None:
        """Ask how large the chosen budgets are to be, in dollars."""

        def act(rows: list[Budget], form: forms.Form) -> None:
            limit = form.cleaned_data["limit"]
            budgets.set_limit(by=request.user, budgets=rows, limit_microusd=limit)
            for row in rows:
                self.log_change(request, row, _("Limit: %(limit)s.") % {"limit": usd(limit)})
            words = ngettext(
                "%(count)d budget is %(limit)s now.", "%(count)d budgets are %(limit)s each now.", len(rows)
            )
            messages.success(request, words % {"count": len(rows), "limit": usd(limit)})

        return confirm(
            self,
            request,
            queryset,
            title=_("Set the limit"),
            text=_("Each of these gets the same limit, from the next reply on. What is spent and held stays."),
            button=_("Set the limit"),
            act=act,
            form_class=LimitForm,
        )

    @admin.display(description=gettext_lazy("limit"), ordering="limit_microusd")
    def limit(self, budget: Budget) -> str:
        """In dollars, and about how many conversations."""
        return _amount(budget.limit_microusd)

    @admin.display(description=gettext_lazy("alert at percent"))
    def steps(self, budget: Budget) -> str:
        """The percentages at which operators are told."""
        return ", ".join(str(step) for step in budget.alert_steps) or "–"

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
        if budget.scope == Budget.Scope.SITE or budget.scope_id:
            return ""
        accounts = reverse("admin:monitoring_budgetaccount_changelist")
        return format_html('<a href="{}?budget__exact={}">{}</a>', accounts, budget.pk, _("see its accounts"))


@admin.register(BudgetAccount)
class BudgetAccountAdmin(TotalsAdmin, BigTableAdmin):
    """What each scope has held and spent of a budget, newest first."""

    list_display = ["budget", "scope_id", "label", "starts_on", "spent", "held", "left", "alerted_percent"]
    list_filter = ["budget__scope", "budget__period"]
    search_fields = ["label"]
    search_help_text = gettext_lazy("A name, or the id of a person, a section or a conversation.")
    by_uuid = ("scope_id", "budget")
    list_select_related = ["budget"]
    ordering = ["-pk"]
    totals = ("spent_microusd", "held_microusd")

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
