"""Retention in the admin: one page to say how long each kind is kept, to count what that comes to, and to delete it."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import retention
from monitoring.models import RetentionRule, RetentionRun
from monitoring.retention import RetentionError


@dataclass(frozen=True, slots=True)
class Row:
    """One kind as the page shows it."""

    label: str | Promise
    note: str | Promise
    field: Any
    days: int | None
    suggested: int | None
    found: str
    before: dt.datetime | None


class RulesForm(forms.Form):
    """Days for each kind; empty keeps for ever."""

    def __init__(self, data: Any = None) -> None:
        self.saved = dict(RetentionRule.objects.values_list("kind", "days"))
        super().__init__(data, initial=self.saved)
        for kind in retention.kinds().values():
            label = str(kind.label)
            self.fields[kind.name] = forms.IntegerField(
                label=label,
                required=False,
                min_value=1,
                max_value=retention.MOST_DAYS,
                widget=forms.NumberInput(attrs={"class": "vIntegerField", "aria-label": label}),
            )


@admin.register(RetentionRule)
class RetentionRuleAdmin(admin.ModelAdmin):
    """How long each kind of rows is kept: all on one page; which kinds there are is fixed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Apps say which kinds there are."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Empty the days instead, which keeps for ever."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The rules with what they come to; whoever may only look gets no buttons."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        form = RulesForm(request.POST if request.POST.get("do") == "save" else None)
        if request.method == "POST":
            answer = self._do(request, form)
            if answer:
                return answer
        running = retention.running()
        context = {
            **self.admin_site.each_context(request),
            "title": _("How long things are kept"),
            "opts": self.opts,
            "rows": _rows(form),
            "form": form,
            "may_change": self.has_change_permission(request),
            "running": running,
            "trial": retention.last_trial(),
            "may_delete": not running and retention.may_delete(),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/monitoring/retentionrule/change_list.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Rules have one page together."""
        return redirect("admin:monitoring_retentionrule_changelist")

    def _do(self, request: HttpRequest, form: RulesForm) -> HttpResponse | None:
        """What the pressed button says; None where the page is shown again with what is wrong."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        button = request.POST.get("do")
        if button == "ask":
            return self._ask(request)
        here = redirect("admin:monitoring_retentionrule_changelist")
        try:
            if button in {"count", "delete"}:
                job = retention.begin(by=request.user, trial=button == "count")
                return redirect("job", pk=job.pk)
            if button == "suggest":
                self._save(request, _suggested(form.saved))
                return here
        except RetentionError as error:
            messages.error(request, str(error))
            return here
        if not form.is_valid():
            return None
        self._save(request, form.cleaned_data)
        return here

    def _save(self, request: HttpRequest, days: dict[str, int | None]) -> None:
        changed = retention.save_rules(by=request.user, days=days)
        told = ngettext("%(count)d rule was changed.", "%(count)d rules were changed.", changed) % {"count": changed}
        messages.success(request, told if changed else _("Nothing was changed."))

    def _ask(self, request: HttpRequest) -> HttpResponse:
        """What will be deleted, once more, before it is."""
        trial = retention.last_trial()
        if trial is None or not retention.may_delete():
            messages.error(request, _("Count first: what was counted longer than an hour ago says too little."))
            return redirect("admin:monitoring_retentionrule_changelist")
        rows = [row for row in _rows(RulesForm()) if row.days is not None]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete what is old enough?"),
            "opts": self.opts,
            "rows": rows,
        }
        return TemplateResponse(request, "admin/monitoring/retentionrule/delete.html", context)


def _suggested(saved: dict[str, int | None]) -> dict[str, int | None]:
    """The suggested days of the kinds that have no rule yet."""
    kinds = retention.kinds().values()
    return {kind.name: kind.default_days for kind in kinds if kind.default_days and saved.get(kind.name) is None}


def _rows(form: RulesForm) -> list[Row]:
    trial = retention.last_trial()
    return [
        Row(
            kind.label,
            kind.note,
            form[kind.name],
            form.saved.get(kind.name),
            kind.default_days,
            *_counted(trial, kind.name, form.saved.get(kind.name)),
        )
        for kind in retention.kinds().values()
    ]


def _counted(trial: RetentionRun | None, name: str, days: int | None) -> tuple[str, dt.datetime | None]:
    """What the last count found by this rule, and before which moment; "" where it was not counted by it."""
    counts = trial.counts if trial else {}
    count = counts.get(name)
    if not count or count["days"] != days:
        return "", None
    number = number_format(count["found"], force_grouping=True)
    words = _("more than %(number)s") % {"number": number} if count["more"] else number
    return words, dt.datetime.fromisoformat(count["before"])
