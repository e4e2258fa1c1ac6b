"""Privacy in the admin: what was deleted and erased, and who has looked at what."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from monitoring.admin.filters import DaysFilter
from monitoring.admin.readonly import BigTableAdmin, ReadOnlyAdmin
from monitoring.models import AdminReading, Erasure, RetentionRun


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    """What each run of the retention found and deleted, the last first."""

    list_display = ["started_at", "by", "is_trial", "finished_at"]
    list_filter = ["is_trial"]
    list_select_related = ["by"]
    date_hierarchy = "started_at"
    ordering = ["-started_at"]


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Who was erased, whom only an id tells, and by whom."""

    list_display = ["started_at", "subject_uuid", "by", "reason", "finished_at"]
    list_filter = [("finished_at", admin.EmptyFieldListFilter)]
    list_select_related = ["by"]
    search_fields = ["subject_uuid", "reason"]
    search_help_text = gettext_lazy("The id of a person, or words of the reason.")
    date_hierarchy = "started_at"


@admin.register(AdminReading)
class AdminReadingAdmin(BigTableAdmin):
    """What those who may only read have looked at, the last first."""

    list_display = ["read_at", "reader", "what", "row", "query"]
    list_filter = [("read_at", DaysFilter)]
    list_select_related = ["reader"]
    search_fields = ["id"]
    search_help_text = gettext_lazy("The id of a person who has looked, or of what they looked at.")
    by_uuid = ("reader", "row")
    sortable_by = ("read_at",)
    ordering = ["-read_at"]
