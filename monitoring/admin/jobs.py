"""Jobs in the admin: what workers do and did, and what could not be done."""

from django.contrib import admin

from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.models import Job, JobFile, JobProblem


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Background work, newest first."""

    list_display = ["created_at", "label", "kind", "state", "owner", "done", "failed", "total", "beat_at"]
    list_filter = ["state", "kind", "created_at"]
    search_fields = ["label", "id"]
    list_select_related = ["owner"]
    list_per_page = 50
    show_full_result_count = False


@admin.register(JobProblem)
class JobProblemAdmin(ReadOnlyAdmin):
    """What jobs could not do, the last first."""

    list_display = ["job", "row", "field", "message"]
    list_select_related = ["job"]
    search_fields = ["message", "job__id"]
    ordering = ["-pk"]
    list_per_page = 50
    show_full_result_count = False


@admin.register(JobFile)
class JobFileAdmin(ReadOnlyAdmin):
    """Which files jobs keep; only the job's page hands them out."""

    list_display = ["created_at", "job", "purpose", "name", "size"]
    list_filter = ["purpose"]
    list_select_related = ["job"]
    fields = ["job", "purpose", "name", "size", "created_at"]
    ordering = ["-created_at"]
    list_per_page = 50
    show_full_result_count = False
