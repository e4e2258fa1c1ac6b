"""Models of sections in the admin: read there, chosen on the section's own page."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from conversations.models import SectionModels
from monitoring.admin.readonly import ReadOnlyAdmin


@admin.register(SectionModels)
class SectionModelsAdmin(ReadOnlyAdmin):
    """Which section has a choice of its own, and who made it."""

    list_display = ["section", "model", "stand_ins", "changed_by", "changed_at"]
    list_select_related = ["section", "changed_by"]
    list_filter = ["model"]
    search_fields = ["section__name", "section__course_code"]
    search_help_text = gettext_lazy("The name or code of a section.")
