"""Actions that ask first: what is going to happen to which rows, and what is needed for it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

# What people can look over before they say yes.
ROWS_AT_MOST = 100


def confirm(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    queryset: QuerySet[Any],
    *,
    title: str,
    text: str,
    button: str,
    act: Callable[[list[Any], forms.Form], None],
    form_class: type[forms.Form] = forms.Form,
    name: Callable[[Any], str] = str,
) -> HttpResponse | None:
    """Show the chosen rows, by `name`, and a form, and `act` on them once somebody has confirmed a form that is right.

    The answer is the page that asks, or None, which leads back to the list.
    """
    rows: list[Model] = list(queryset[: ROWS_AT_MOST + 1])
    if len(rows) > ROWS_AT_MOST:
        words = _("Choose %(count)d rows at most: what is done cannot be looked over otherwise. Nothing was changed.")
        messages.error(request, words % {"count": ROWS_AT_MOST})
        return None
    form = form_class(request.POST if "confirmed" in request.POST else None)
    if form.is_valid():
        act(rows, form)
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "text": text,
        "button": button,
        "action": request.POST["action"],
        "opts": model_admin.opts,
        "rows": [(row.pk, name(row)) for row in rows],
        "form": form if form.fields else None,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)
