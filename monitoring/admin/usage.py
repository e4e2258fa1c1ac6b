"""Usage in the admin: the sums of each day."""

from django.contrib import admin

from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.models import DailyUsage


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnlyAdmin):
    """What each day used, derived from the ledger."""

    list_display = [
        "day",
        "kind",
        "model",
        "section_uuid",
        "attempts",
        "failures",
        "input_tokens",
        "output_tokens",
        "cost_microusd",
        "through",
    ]
    list_filter = ["kind", "model"]
    date_hierarchy = "day"
    show_full_result_count = False
