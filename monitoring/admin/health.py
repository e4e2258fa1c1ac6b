"""Health in the admin: which processes live, which models answer, what went wrong."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring import breakers
from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.models import Alert, Breaker, ErrorEntry, Heartbeat


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Processes and their last beat."""

    list_display = ["kind", "name", "started_at", "beat_at"]


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    """Which model answers; a superuser may have one tried again at once."""

    list_display = ["model", "provider", "state", "failures", "last_fault", "failed_at", "opened_at", "wait_until"]
    list_filter = ["state", "provider"]
    actions = ["try_again_now"]

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Who may use the action."""
        return request.user.is_active and request.user.is_superuser

    @admin.action(description=gettext_lazy("Try again now"), permissions=["close"])
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
    """What operators were told, newest first."""

    list_display = ["created_at", "severity", "kind", "text", "mailed_at"]
    list_filter = ["kind", "severity", "created_at"]
    date_hierarchy = "created_at"
    search_fields = ["text"]


@admin.register(ErrorEntry)
class ErrorEntryAdmin(ReadOnlyAdmin):
    """What went wrong, newest first."""

    list_display = ["at", "severity", "kind", "source", "session_uuid"]
    list_filter = ["kind", "severity", "at"]
    date_hierarchy = "at"
    search_fields = ["kind", "source", "detail", "session_uuid"]
    show_full_result_count = False
