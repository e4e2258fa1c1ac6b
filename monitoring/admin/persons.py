"""A person's budgets in the admin: how each stands, to set, raise and begin it anew, and who changed what."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import budgets, standings
from monitoring.admin.amounts import DollarsField, amount
from monitoring.models import Budget
from monitoring.standings import Standing

HISTORY_PER_PAGE = 20


class OwnLimitForm(forms.Form):
    """How much a person is to have in each such period, or how much more than now."""

    TO, BY = "to", "by"

    how = forms.ChoiceField(
        label=gettext_lazy("What to do"),
        choices=[(BY, gettext_lazy("Raise the limit by")), (TO, gettext_lazy("Set the limit to"))],
        initial=BY,
    )
    dollars = DollarsField(label=gettext_lazy("US dollars"))
    # The limit as the page showed it: what was sent twice must not raise it twice.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)


class PersonBudgets(admin.ModelAdmin):
    """The pages about one person; BudgetAdmin has them beside those of every model."""

    def get_urls(self) -> list[URLPattern]:
        """With the pages about one person, before Django's own, which take any word for the key of a row."""

        def page(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(f"person/<uuid:person>/{route}", self.admin_site.admin_view(view), name=name)

        return [
            page("", self.of_person, "monitoring_person_budgets"),
            page("<slug:period>/limit/", self.set_for_person, "monitoring_person_limit"),
            page("<slug:period>/anew/", self.anew_for_person, "monitoring_person_anew"),
            *super().get_urls(),
        ]

    def of_person(self, request: HttpRequest, person: uuid.UUID) -> HttpResponse:
        """How each budget of this person stands, what may be done about it, and the history in words."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        whose = get_object_or_404(get_user_model(), pk=person)
        found = Paginator(standings.history(person), HISTORY_PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self._context(request, whose, _("Budgets of %(name)s") % {"name": whose}),
            "rows": list(_rows(standings.standings(person))),
            "page_obj": found,
            "may_set": self._may_set(request),
            "may_begin_anew": self._may_begin_anew(request),
        }
        return TemplateResponse(request, "admin/monitoring/budget/person.html", context)

    def set_for_person(self, request: HttpRequest, person: uuid.UUID, period: str) -> HttpResponse:
        """Ask how much this person is to have of their own in each such period, or how much more, and write it down."""
        if not self._may_set(request):
            raise PermissionDenied
        whose, now = _asked_for(person, period)
        limit = now.budget.limit_microusd if now else None
        form = OwnLimitForm(request.POST or None, initial={"seen": limit} if now else {"how": OwnLimitForm.TO})
        if form.is_valid() and form.cleaned_data["seen"] not in {None, limit}:
            form = OwnLimitForm({**request.POST.dict(), "seen": limit})
            form.add_error("dollars", _("The limit has changed meanwhile. Look at it, and say again what it shall be."))
        if request.method == "POST" and form.is_valid():
            dollars, by_more = form.cleaned_data["dollars"], form.cleaned_data["how"] == OwnLimitForm.BY
            try:
                own = standings.set_own(
                    by=request.user,
                    person=whose,
                    period=period,
                    to_microusd=None if by_more else dollars,
                    more_microusd=dollars,
                )
            except standings.NothingToRaiseError as error:
                form.add_error("how", str(error))
            else:
                words = _("%(name)s has %(limit)s for %(period)s now.")
                facts = {"name": whose, "limit": amount(own.limit_microusd), "period": own.get_period_display()}
                messages.success(request, words % facts)
                return redirect("admin:monitoring_person_budgets", person)
        label = Budget.Period(period).label
        context = {
            **self._context(request, whose, _("Budget of %(name)s for %(period)s") % {"name": whose, "period": label}),
            "now": now,
            "limit": amount(now.budget.limit_microusd) if now else "",
            "used": amount(now.account.used_microusd) if now else "",
            "form": form,
        }
        return TemplateResponse(request, "admin/monitoring/budget/person_limit.html", context)

    def anew_for_person(self, request: HttpRequest, person: uuid.UUID, period: str) -> HttpResponse:
        """Ask, then let this period's use count from nothing again; what was used stays written down."""
        if not self._may_begin_anew(request):
            raise PermissionDenied
        whose, now = _asked_for(person, period)
        if now is None:
            raise Http404
        if request.method == "POST":
            if now.account.pk and standings.begin_anew(by=request.user, accounts=[now.account]):
                messages.success(request, _("The use counts from nothing again."))
            else:
                messages.warning(request, _("Nothing was used, so nothing has changed."))
            return redirect("admin:monitoring_person_budgets", person)
        context = {
            **self._context(request, whose, _("Let the use of %(name)s begin anew") % {"name": whose}),
            "now": now,
            "limit": amount(now.budget.limit_microusd),
            "used": amount(now.account.used_microusd),
        }
        return TemplateResponse(request, "admin/monitoring/budget/person_anew.html", context)

    def _may_set(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def _may_begin_anew(self, request: HttpRequest) -> bool:
        return request.user.has_perm("monitoring.change_budgetaccount")

    def _context(self, request: HttpRequest, whose: Any, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "person": whose}


def _asked_for(person: uuid.UUID, period: str) -> tuple[Any, Standing | None]:
    """The person, and how their budget of this period stands; 404 where there is no such person or period."""
    if period not in Budget.Period.values:
        raise Http404
    whose = get_object_or_404(get_user_model(), pk=person)
    found = (one for one in standings.standings(person) if one.budget.period == period)
    return whose, next(found, None)


def _rows(found: list[Standing]) -> Iterator[dict[str, Any]]:
    """A row for each period, also where nothing limits the person."""
    by_period = {one.budget.period: one for one in found}
    for period in Budget.Period:
        row: dict[str, Any] = {"period": period.value, "label": period.label}
        if one := by_period.get(period):
            row |= {
                "standing": one,
                "conversations": budgets.conversations_left(one.account.left_microusd),
                "page": reverse("admin:monitoring_budget_change", args=[one.budget.pk]),
            }
        yield row
