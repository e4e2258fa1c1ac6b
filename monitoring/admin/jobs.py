"""Jobs in the admin: what workers do and did, and what could not be done."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from monitoring.admin.filters import DaysFilter, LatelySeenFilter
from monitoring.admin.readonly import BigTableAdmin
from monitoring.models import Job, JobFile, JobProblem


@admin.register(Job)
class JobAdmin(BigTableAdmin):
    """Background work, newest first."""

    list_display = ["created_at", "label", "kind", "state", "owner", "done", "failed", "total", "beat_at"]
    list_filter = ["state", ("kind", LatelySeenFilter), ("created_at", DaysFilter)]
    search_fields = ["label"]
    search_help_text = _("Words of what was asked for, or the id of a job.")
    list_select_related = ["owner"]
    ordering = ["-created_at"]
    # What was asked for and where the work stands may name people, so that a job's own page is the place for it.
    exclude = ["input", "checkpoint", "language"]
    readonly_fields = ["page"]
    for_acting = ("page",)
    view_on_site = False

    @admin.display(description=_("page"))
    def page(self, job: Job) -> str:
        """Where it can be paused, resumed and cancelled."""
        return format_html('<a href="{}">{}</a>', job.get_absolute_url(), _("Pause, resume or cancel it on its page"))


@admin.register(JobProblem)
class JobProblemAdmin(BigTableAdmin):
    """What jobs could not do, the last first."""

    list_display = ["job", "row", "field", "message"]
    list_select_related = ["job"]
    search_fields = ["message"]
    search_help_text = _("Words of what is wrong, or the id of a job.")
    by_uuid = ("job",)
    ordering = ["-pk"]


@admin.register(JobFile)
class JobFileAdmin(BigTableAdmin):
    """Which files jobs keep; only the job's page hands them out."""

    list_display = ["created_at", "job", "purpose", "name", "size"]
    list_filter = ["purpose"]
    list_select_related = ["job"]
    search_fields = ["name"]
    search_help_text = _("A file's name, or the id of a job.")
    by_uuid = ("job", "pk")
    fields = ["job", "purpose", "name", "size", "created_at"]
    ordering = ["-created_at"]
