"""Limits in the admin: how often is edited, what was used is only read."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import limits
from monitoring.admin.readonly import BigTableAdmin
from monitoring.models import RateLimit, RateWindow


class LimitForm(forms.ModelForm):
    """How often, in how many seconds; what is wrong is said with the name of the limit."""

    class Meta:
        model = RateLimit
        fields = ["count", "seconds"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sentence = _("Limit “%(limit)s”: give a whole number of at least 1.") % {"limit": self.instance}
        for field in self.fields.values():
            field.error_messages |= dict.fromkeys(("required", "invalid", "min_value"), sentence)


@admin.register(RateLimit)
class RateLimitAdmin(admin.ModelAdmin):
    """Limits of the whole installation; which there are is fixed."""

    form = LimitForm
    list_display = ["__str__", "count", "seconds"]
    fields = ["name", "count", "seconds"]
    readonly_fields = ["name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """In this process the change holds at once, in the others within a second."""
        super().save_model(request, obj, form, change)
        limits.forget()


@admin.register(RateWindow)
class RateWindowAdmin(BigTableAdmin):
    """What was used lately, the last first; accounts and addresses of sign-ins are shown as digests only."""

    list_display = ["name", "whose", "used", "touched_at"]
    list_filter = ["name"]
    search_fields = ["key"]
    search_help_text = gettext_lazy("The id of a person, or a digest.")
    by_uuid = ("key",)
    ordering = ["-touched_at"]
    fields = ["name", "whose", "used", "touched_at"]

    @admin.display(description=gettext_lazy("whose"))
    def whose(self, row: RateWindow) -> str:
        """The key; the site has none."""
        return row.key or _("the whole site")

    @admin.display(description=gettext_lazy("used now"))
    def used(self, row: RateWindow) -> str:
        """How much of the limit counts at this moment."""
        window = limits.window_of(row)
        if window is None:
            return _("no limit")
        return _("%(used)d of %(count)d") % {"used": window.used(timezone.now()), "count": window.count}
