"""Privacy in the admin: what was deleted and erased, and who has looked at what."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import privacy, retention
from monitoring.admin.filters import DaysFilter
from monitoring.admin.readonly import BigTableAdmin, ReadOnlyAdmin
from monitoring.models import AdminReading, Erasure, RetentionRun
from monitoring.tables import Unit, said

# What an erasure ends with, which is no stage of an app.
_ACCOUNT = {
    "account": gettext_lazy("the account"),
    "account_emptied": gettext_lazy("the account, emptied: others refer to it"),
}


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    """What each run of the retention found and deleted, the last first."""

    list_display = ["started_at", "by", "is_trial", "finished_at"]
    list_filter = ["is_trial"]
    list_select_related = ["by"]
    date_hierarchy = "started_at"
    ordering = ["-started_at"]
    fields = ["started_at", "by", "is_trial", "finished_at", "outcome"]

    @admin.display(description=gettext_lazy("what came of it"))
    def outcome(self, run: RetentionRun) -> str:
        """For each kind how many rows were found or deleted, and how long it is kept; a line each."""
        labels = {name: kind.label for name, kind in retention.kinds().items()}
        lines = []
        for name, count in run.counts.items():
            number = said(count.get("found" if run.is_trial else "deleted", 0), Unit.COUNT)
            found = _("more than %(number)s") % {"number": number} if count.get("more") else number
            lines.append((labels.get(name, name), found, _("kept %(days)s days") % {"days": count["days"]}))
        return format_html_join("", "{}: {} ({})<br>", lines) or "–"


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Who was erased, whom only an id tells, and by whom."""

    list_display = ["started_at", "subject_uuid", "by", "reason", "finished_at"]
    list_filter = [("finished_at", admin.EmptyFieldListFilter)]
    list_select_related = ["by"]
    search_fields = ["subject_uuid", "reason"]
    search_help_text = gettext_lazy("The id of a person, or words of the reason.")
    date_hierarchy = "started_at"
    fields = ["subject_uuid", "by", "reason", "started_at", "finished_at", "erased"]

    @admin.display(description=gettext_lazy("what was erased"))
    def erased(self, erasure: Erasure) -> str:
        """How many rows of what, a line each; what no stage of now is called keeps its own name."""
        labels = {name: stage.label for name, stage in privacy.stages().items()} | _ACCOUNT
        # By the order of the labels, then what has none.
        names = sorted(erasure.counts, key=lambda name: list(labels).index(name) if name in labels else len(labels))
        lines = [(labels.get(name, name), said(erasure.counts[name], Unit.COUNT)) for name in names]
        return format_html_join("", "{}: {}<br>", lines) or "–"


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
