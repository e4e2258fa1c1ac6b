"""What the admin does with everything about one student: hand it out, or erase it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.permissions import signed_in
from accounts.services import RuleBrokenError, privacy


class ErasureForm(forms.Form):
    """The student's address, typed by somebody who means it, and why."""

    email = forms.CharField(
        label=gettext_lazy("Their e-mail address, to be sure"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "vTextField", "inputmode": "email"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("It stays in the record of the erasure. Do not name the student here."),
    )


class PrivacyActions(admin.ModelAdmin):
    """Two actions for the list of students, on one student at a time."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Who may have everything about a student."""
        return privacy.may_export(signed_in(request))

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Who may erase a student."""
        return privacy.may_erase(signed_in(request))

    @admin.action(description=gettext_lazy("Export everything about this student"), permissions=["export"])
    def export_everything(self, request: HttpRequest, queryset: "QuerySet[User]") -> HttpResponse | None:
        """Gather it in the background; the file is for whoever asked alone."""
        student = self._only_one(request, queryset)
        if student is None:
            return None
        return redirect("job", pk=privacy.begin_export(by=signed_in(request), student=student).pk)

    @admin.action(description=gettext_lazy("Erase everything about this student"), permissions=["erase"])
    def erase_everything(self, request: HttpRequest, queryset: "QuerySet[User]") -> HttpResponse | None:
        """Say what will be lost, ask for the address and a reason, and begin."""
        student = self._only_one(request, queryset)
        if student is None:
            return None
        form = ErasureForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            try:
                job = privacy.begin_erasure(by=signed_in(request), student=student, **form.cleaned_data)
            except RuleBrokenError as error:
                form.add_error(None, str(error))
            else:
                return redirect("job", pk=job.pk)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Erase everything about %(name)s?") % {"name": student},
            "opts": self.opts,
            "student": student,
            "lost": [(label, number) for label, number in privacy.what_would_go(student) if number != 0],
            "form": form,
        }
        return TemplateResponse(request, "admin/accounts/student/erase.html", context)

    def _only_one(self, request: HttpRequest, queryset: "QuerySet[User]") -> User | None:
        chosen = list(queryset[:2])
        if len(chosen) == 1:
            return chosen[0]
        messages.error(request, _("Choose one student: this is done for one at a time. Nothing was changed."))
        return None
