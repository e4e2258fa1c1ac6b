"""Health in the admin: which processes live."""

from django.contrib import admin

from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.models import Heartbeat


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Processes and their last beat."""

    list_display = ["kind", "name", "started_at", "beat_at"]
