"""Health in the admin: which processes live, which models answer, what went wrong, and who has seen to it."""

from typing import TYPE_CHECKING, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring import alerts, breakers, errors
from monitoring.admin.filters import DaysFilter, LatelySeenFilter
from monitoring.admin.readonly import BigTableAdmin, ReadOnlyAdmin
from monitoring.models import Alert, Breaker, ErrorEntry, ErrorKind, HealthReport, Heartbeat

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser


def _who(request: HttpRequest) -> "AbstractUser":
    """Whoever asks: nobody gets here without having signed in."""
    return cast("AbstractUser", request.user)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Processes and their last beat."""

    list_display = ["kind", "name", "started_at", "beat_at"]
    list_filter = ["kind"]
    ordering = ["-beat_at"]


@admin.register(HealthReport)
class HealthReportAdmin(BigTableAdmin):
    """What each check said, and from when to when."""

    list_display = ["name", "is_ok", "text", "since", "seen_at"]
    list_filter = ["is_ok", "name", ("since", DaysFilter)]
    ordering = ["-since"]


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    """Which model answers; an operator may have one tried again at once."""

    list_display = ["model", "provider", "state", "failures", "last_fault", "failed_at", "opened_at", "wait_until"]
    list_filter = ["state", "provider"]
    actions = ["try_again_now"]

    @admin.action(description=gettext_lazy("Try again now"), permissions=["act"])
    def try_again_now(self, request: HttpRequest, queryset: QuerySet[Breaker]) -> None:
        """Let the next reply call these models, whatever happened before."""
        rows = list(queryset)
        breakers.try_again_now(by=request.user, breakers=rows)
        for row in rows:
            self.log_change(request, row, _("To be tried again now."))
        count = len(rows)
        told = ngettext("%d model is tried again with the next reply.", "%d models are tried again.", count) % count
        messages.success(request, told)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """What operators were told, newest first, and who has seen to it."""

    list_display = ["created_at", "severity", "kind", "text", "mailed_at", "acknowledged_at", "acknowledged_by"]
    list_filter = [
        ("acknowledged_at", admin.EmptyFieldListFilter), "kind", "severity", ("created_at", DaysFilter),
    ]  # fmt: skip
    list_select_related = ["acknowledged_by"]
    date_hierarchy = "created_at"
    search_fields = ["text"]
    search_help_text = gettext_lazy("Words of the alert.")
    fields = [
        "kind", "severity", "text", "created_at", "mailed_at", "acknowledged_at", "acknowledged_by", "what_to_do",
    ]  # fmt: skip
    readonly_fields = ["what_to_do"]
    actions = ["acknowledge"]

    @admin.display(description=gettext_lazy("what to do"))
    def what_to_do(self, alert: Alert) -> str:
        """The way to the runbook."""
        return format_html('<a href="{}">{}</a>', reverse("dashboard-runbook", args=[alert.kind]), _("In the runbook"))

    @admin.action(description=gettext_lazy("Mark as seen to"), permissions=["act"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        """Keep who has seen to these alerts; those that somebody has stay as they are."""
        rows = list(queryset.filter(acknowledged_at=None))
        alerts.acknowledge(by=_who(request), alerts=rows)
        for row in rows:
            self.log_change(request, row, _("Seen to."))
        count = len(rows)
        messages.success(request, ngettext("%d alert is seen to.", "%d alerts are seen to.", count) % count)


@admin.register(ErrorEntry)
class ErrorEntryAdmin(BigTableAdmin):
    """What went wrong, newest first."""

    list_display = ["at", "severity", "kind", "source", "session_uuid"]
    list_filter = [("kind", LatelySeenFilter), "severity", ("at", DaysFilter)]
    ordering = ["-at", "-id"]
    search_fields = ["kind", "source"]
    search_help_text = gettext_lazy("A kind such as provider.timeout, where it happened, or the id of a conversation.")
    by_uuid = ("session_uuid",)
    actions = ["acknowledge"]

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Errors stay as they are: what the action changes is what is known of their kinds."""
        return request.user.has_perm("monitoring.change_errorkind")

    @admin.action(description=gettext_lazy("Mark their kinds as seen to"), permissions=["act"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[ErrorEntry]) -> None:
        """Keep that somebody has seen to all errors of these kinds up to now."""
        kinds = sorted(queryset.order_by().values_list("kind", flat=True).distinct())
        errors.acknowledge(by=_who(request), kinds=kinds)
        for row in ErrorKind.objects.filter(kind__in=kinds):
            self.log_change(request, row, _("Seen to."))
        count = len(kinds)
        words = ngettext("%d kind of error is seen to.", "%d kinds of errors are seen to.", count)
        messages.success(request, words % count)


@admin.register(ErrorKind)
class ErrorKindAdmin(ReadOnlyAdmin):
    """Which kinds of errors somebody has seen to; one that comes after that makes its kind open again."""

    list_display = ["kind", "acknowledged_at", "acknowledged_by"]
    list_select_related = ["acknowledged_by"]
    search_fields = ["kind"]
    search_help_text = gettext_lazy("A kind, such as provider.timeout.")
