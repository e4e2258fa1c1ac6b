"""Budgets in the admin: how much may be spent, and what each has left."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, DateField, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring import budgets, periods, standings
from monitoring.admin.amounts import DollarsField, amount
from monitoring.admin.confirmation import confirm
from monitoring.admin.persons import PersonBudgets
from monitoring.admin.readonly import BigTableAdmin
from monitoring.admin.totals import TotalsAdmin
from monitoring.models import NOBODY, Budget, BudgetAccount
from monitoring.models.budget import default_alert_steps
from monitoring.pricing import usd


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


class MoreForm(forms.Form):
    """How much larger the chosen budgets are to be."""

    more = DollarsField(label=gettext_lazy("US dollars more"))


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
class BudgetAdmin(PersonBudgets):
    """Budgets, and what is left of each now; whom one is for and its period stay, since its accounts count by them."""

    form = BudgetForm
    list_display = ["__str__", "scope", "period", "limit", "spent", "held", "left", "is_active"]
    list_filter = ["scope", "period", "is_active"]
    search_fields = ["label", "scope_id"]
    search_help_text = gettext_lazy("A name, or the id of a person, a section or a conversation.")
    list_per_page = 50
    show_full_result_count = False
    actions = ["set_limit", "raise_limit"]
    readonly_fields = ["limit", "spent", "held", "left", "person"]
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
                held_now=Subquery(running.values("held_microusd")),
                used_now=Subquery(running.values(used=F("spent_microusd") + F("carried_microusd"))),
            )
        )

    def get_fields(self, request: HttpRequest, obj: Budget | None = None) -> list[Any]:
        """How it stands, once there is one; in words for who only looks."""
        stands = [name for name in self.readonly_fields if name != "person" or (obj and _is_of_a_person(obj))]
        if obj and not self.has_change_permission(request, obj):
            return [*(field for field in self.add_fields if field not in AS_KEPT), "steps", *stands]
        return [*self.add_fields, *(stands if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> list[str]:
        """What a budget is about is chosen once."""
        return [*self.readonly_fields, *(["scope", "scope_id", "period"] if obj else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Budget | None = None) -> bool:
        """One that was used is put out of force instead: its accounts say what was spent."""
        return super().has_delete_permission(request, obj) and obj is not None and not obj.accounts.exists()

    def save_model(self, request: HttpRequest, obj: Budget, form: forms.ModelForm, change: bool) -> None:
        """A new limit has steps of its own to tell of; one that takes the general one's place goes on from its use."""
        super().save_model(request, obj, form, change)
        if obj.is_active and not (change and form.initial["is_active"]):
            standings.take_over(obj)
        if "limit_microusd" in form.changed_data:
            budgets.tell_anew([obj.pk])

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """With what the limit is and was: whoever reads the history later has nothing else that says so."""
        limit = usd(form.cleaned_data["limit_microusd"])
        if add:
            return _("Limit: %(limit)s.") % {"limit": limit}
        changed, words = form.changed_data, []
        if "limit_microusd" in changed:
            before = usd(form.initial["limit_microusd"])
            words.append(_("Limit: %(limit)s, before that %(before)s.") % {"limit": limit, "before": before})
        if "is_active" in changed:
            words.append(_("In force again.") if form.cleaned_data["is_active"] else _("Out of force."))
        if "alert_steps" in changed:
            words.append(_("Alert at percent: %(steps)s.") % {"steps": self.steps(form.instance)})
        return " ".join(words) or super().construct_change_message(request, form, formsets, add)

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

    @admin.action(description=gettext_lazy("Raise the limit"), permissions=["change"])
    def raise_limit(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse | None:
        """Ask how much larger the chosen budgets are to be, in dollars."""

        def act(rows: list[Budget], form: forms.Form) -> None:
            more = form.cleaned_data["more"]
            budgets.raise_limit(by=request.user, budgets=rows, more_microusd=more)
            for row in rows:
                self.log_change(request, row, _("Raised by %(more)s.") % {"more": usd(more)})
            words = ngettext("%(count)d budget is raised.", "%(count)d budgets are raised.", len(rows))
            messages.success(request, words % {"count": len(rows)})

        return confirm(
            self,
            request,
            queryset,
            title=_("Raise the limit"),
            text=_("Each of these is raised by as much, from the next reply on. What is spent and held stays."),
            button=_("Raise the limit"),
            act=act,
            form_class=MoreForm,
        )

    @admin.display(description=gettext_lazy("limit"), ordering="limit_microusd")
    def limit(self, budget: Budget) -> str:
        """In dollars, and about how many conversations."""
        return amount(budget.limit_microusd)

    @admin.display(description=gettext_lazy("alert at percent"))
    def steps(self, budget: Budget) -> str:
        """The percentages at which operators are told."""
        return ", ".join(str(step) for step in budget.alert_steps) or "–"

    @admin.display(description=gettext_lazy("spent"))
    def spent(self, budget: Any) -> str:
        """In dollars, as far as it counts in the running period."""
        return self._each(budget) or usd(budget.used_now or 0)

    @admin.display(description=gettext_lazy("held"))
    def held(self, budget: Any) -> str:
        """In dollars, for replies that are being written."""
        return self._each(budget) or usd(budget.held_now or 0)

    @admin.display(description=gettext_lazy("left now"))
    def left(self, budget: Any) -> str:
        """In dollars, and about how many conversations."""
        return self._each(budget) or amount(budget.left_after((budget.used_now or 0) + (budget.held_now or 0)))

    @admin.display(description=gettext_lazy("person"))
    def person(self, budget: Budget) -> str:
        """The way to all budgets of the person that it is for."""
        page = reverse("admin:monitoring_person_budgets", args=[budget.scope_id])
        return format_html('<a href="{}">{}</a>', page, _("all of this person's budgets"))

    def _each(self, budget: Budget) -> str:
        if budget.scope == Budget.Scope.SITE or budget.scope_id:
            return ""
        accounts = reverse("admin:monitoring_budgetaccount_changelist")
        return format_html('<a href="{}?budget__exact={}">{}</a>', accounts, budget.pk, _("see its accounts"))


def _is_of_a_person(budget: Budget) -> bool:
    return budget.scope == Budget.Scope.USER and budget.scope_id is not None


@admin.register(BudgetAccount)
class BudgetAccountAdmin(TotalsAdmin, BigTableAdmin):
    """What each scope has held and spent of a budget, newest first."""

    list_display = ["budget", "scope_id", "label", "starts_on", "spent", "besides", "held", "left", "alerted_percent"]
    list_filter = ["budget__scope", "budget__period"]
    search_fields = ["label"]
    search_help_text = gettext_lazy("A name, or the id of a person, a section or a conversation.")
    by_uuid = ("scope_id", "budget")
    list_select_related = ["budget"]
    ordering = ["-pk"]
    totals = ("spent_microusd", "held_microusd")
    actions = ["begin_anew"]

    @admin.action(description=gettext_lazy("Let the use begin anew"), permissions=["act"])
    def begin_anew(self, request: HttpRequest, queryset: QuerySet[BudgetAccount]) -> HttpResponse | None:
        """Ask, then let the chosen accounts of running periods count from nothing again."""

        def act(rows: list[BudgetAccount], _form: Any) -> None:
            if done := standings.begin_anew(by=request.user, accounts=rows):
                words = ngettext(
                    "%(count)d account counts from nothing.", "%(count)d accounts count from nothing.", done
                )
                messages.success(request, words % {"count": done})
            if kept := len(rows) - done:
                words = ngettext(
                    "%(count)d is left as it is: its period is over, or nothing was used.",
                    "%(count)d are left as they are: their period is over, or nothing was used.",
                    kept,
                )
                messages.warning(request, words % {"count": kept})

        return confirm(
            self,
            request,
            queryset,
            title=_("Let the use begin anew"),
            text=_("What was used in this period no longer counts. It stays in the books, and in the history."),
            button=_("Begin anew"),
            act=act,
        )

    @admin.display(description=gettext_lazy("spent"), ordering="spent_microusd")
    def spent(self, account: BudgetAccount) -> str:
        """In dollars."""
        return usd(account.spent_microusd)

    @admin.display(description=gettext_lazy("counted besides"), ordering="carried_microusd")
    def besides(self, account: BudgetAccount) -> str:
        """In dollars: what came from the general budget or, with a minus, what no longer counts."""
        words = usd(abs(account.carried_microusd))
        return f"−{words}" if account.carried_microusd < 0 else words

    @admin.display(description=gettext_lazy("held"), ordering="held_microusd")
    def held(self, account: BudgetAccount) -> str:
        """In dollars, for replies that are being written."""
        return usd(account.held_microusd)

    @admin.display(description=gettext_lazy("left"))
    def left(self, account: BudgetAccount) -> str:
        """In dollars, and about how many conversations."""
        return amount(account.left_microusd)
