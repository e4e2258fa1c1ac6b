"""Usage in the admin: the sums of hours and days, which a job adds up again where they are doubted."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import periods
from monitoring.admin.filters import DaysFilter, LatelySeenFilter
from monitoring.admin.readonly import BigTableAdmin
from monitoring.admin.totals import TotalsAdmin
from monitoring.models import DailyUsage, DailyUserUsage, HourlyLatency, HourlyUsage, RolledUp, Usage
from monitoring.repairs import DAYS_AT_MOST, RepairRuleError, rebuild_days


class DaysForm(forms.Form):
    """Which days are to be added up again."""

    first = forms.DateField(
        label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last = forms.DateField(
        label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def days(self) -> list[dt.date]:
        """From the first to the last, both included; of a range that is far too long no more than is refused."""
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        return [first + dt.timedelta(days=number) for number in range(min((last - first).days, DAYS_AT_MOST) + 1)]


class UsageAdmin(TotalsAdmin, BigTableAdmin):
    """Sums of attempts, tokens and cost."""

    list_filter = [("kind", LatelySeenFilter), ("model", LatelySeenFilter)]
    totals = ("attempts", "failures", "sessions", "messages", "input_tokens", "output_tokens", "cost_microusd")
    figures_shown = ["attempts", "input_tokens", "output_tokens", "cost"]

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, row: Usage) -> str:
        """In dollars."""
        return self._shown("cost_microusd", row.cost_microusd)


@admin.register(HourlyUsage)
class HourlyUsageAdmin(UsageAdmin):
    """What each hour used, of each section, model and kind of work."""

    list_display = ["starts_at", "kind", "model", *UsageAdmin.figures_shown, "section_uuid"]
    list_filter = [("starts_at", DaysFilter), *UsageAdmin.list_filter]
    ordering = ["-starts_at"]
    search_fields = ["id"]
    search_help_text = gettext_lazy("The id of a section.")
    by_uuid = ("section_uuid",)


@admin.register(DailyUsage)
class DailyUsageAdmin(UsageAdmin):
    """What each school day used, of each section, model and kind of work."""

    change_list_template = "admin/monitoring/dailyusage/change_list.html"
    list_display = ["day", "kind", "model", *UsageAdmin.figures_shown, "section_uuid"]
    list_filter = [("day", DaysFilter), *UsageAdmin.list_filter]
    ordering = ["-day"]
    search_fields = ["id"]
    search_help_text = gettext_lazy("The id of a section.")
    by_uuid = ("section_uuid",)
    actions = ["rebuild"]

    @admin.action(description=gettext_lazy("Add up their days again"), permissions=["act"])
    def rebuild(self, request: HttpRequest, queryset: QuerySet[DailyUsage]) -> None:
        """Have a job add up the days of these rows again."""
        self._ask(request, queryset.order_by().values_list("day", flat=True).distinct())

    def get_urls(self) -> list[URLPattern]:
        """With the page that takes any days, also those that have no row."""
        page = path("rebuild/", self.admin_site.admin_view(self.rebuild_view), name="monitoring_rebuild_days")
        return [page, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the way to that page for those who may use it."""
        may = {"may_rebuild": self.has_act_permission(request)}
        return super().changelist_view(request, {**may, **(extra_context or {})})

    def rebuild_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the first and the last day, and have a job add them up."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        today = periods.today()
        form = DaysForm(request.POST if request.method == "POST" else None, initial={"first": today, "last": today})
        if form.is_valid() and self._ask(request, form.days()):
            return redirect("admin:monitoring_dailyusage_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Add up days again"),
            "text": _("The sums of these days are made again from the ledger. Nothing in the ledger changes."),
            "button": _("Add up"),
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)

    def _ask(self, request: HttpRequest, days: Iterable[dt.date]) -> bool:
        """Begin the job and say where it can be followed; whether it began."""
        try:
            job = rebuild_days(by=request.user, days=list(days))
        except RepairRuleError as error:
            messages.error(request, str(error))
            return False
        self.log_change(request, job, _("To be added up again."))
        link = format_html('<a href="{}">{}</a>', job.get_absolute_url(), job.label)
        messages.success(request, format_html(_("A job adds them up again: {}"), link))
        return True


@admin.register(DailyUserUsage)
class DailyUserUsageAdmin(UsageAdmin):
    """What each school day used, of each person."""

    list_display = ["day", "user_uuid", "kind", "model", *UsageAdmin.figures_shown]
    list_filter = [("day", DaysFilter), *UsageAdmin.list_filter]
    ordering = ["-day"]
    search_fields = ["id"]
    search_help_text = gettext_lazy("The id of a person.")
    by_uuid = ("user_uuid",)


@admin.register(HourlyLatency)
class HourlyLatencyAdmin(BigTableAdmin):
    """How long first texts took in each hour."""

    list_display = ["starts_at", "model", "within_ms", "count"]
    list_filter = [("starts_at", DaysFilter), ("model", LatelySeenFilter)]
    ordering = ["-starts_at"]


@admin.register(RolledUp)
class RolledUpAdmin(BigTableAdmin):
    """Which hours and days are added up."""

    list_display = ["period", "starts_at", "ends_at", "zone", "rolled_at"]
    list_filter = ["period", ("starts_at", DaysFilter)]
    ordering = ["-starts_at"]
