"""Prices in the admin: a change of price is a new row from a day on; what has begun is only read."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from monitoring import periods, prices
from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.models import ModelPrice
from monitoring.prices import PriceRuleError
from monitoring.pricing import MILLION

AMOUNTS = ("input", "output", "cache_write", "cache_read")
UNIT = gettext_noop("Input, output and cache: US dollars per million tokens")


def _dollars(label: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal(0),
        max_digits=13,
        decimal_places=6,
        help_text=gettext_lazy("US dollars per million tokens."),
    )


class PriceForm(forms.ModelForm):
    """What a model costs from a school day on; amounts in dollars, as providers write them."""

    day = forms.DateField(
        label=gettext_lazy("From this day on"),
        initial=periods.today,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Today: from now on. Later: from midnight on, as the school counts its days."),
    )
    input_dollars = _dollars(gettext_lazy("Input"))
    output_dollars = _dollars(gettext_lazy("Output"))
    cache_write_dollars = _dollars(gettext_lazy("Cache write"))
    cache_read_dollars = _dollars(gettext_lazy("Cache read"))

    class Meta:
        model = ModelPrice
        fields = ["model", "from_input"]

    def clean(self) -> dict[str, Any] | None:
        """Dollars become the micro-dollars of the row, and the day when it begins."""
        cleaned = super().clean()
        asked = self.cleaned_data
        for amount in AMOUNTS:
            if f"{amount}_dollars" in asked:
                setattr(self.instance, amount, int(asked[f"{amount}_dollars"] * MILLION))
        if {"model", "from_input", "day"} <= asked.keys():
            self.instance.model, self.instance.from_input = asked["model"], asked["from_input"]
            try:
                prices.begin(self.instance, asked["day"])
            except PriceRuleError as error:
                self.add_error("day", str(error))
        return cleaned


@admin.register(ModelPrice)
class ModelPriceAdmin(ReadOnlyAdmin):
    """Prices by model and day; the newest that has begun holds, for each size of request."""

    form = PriceForm
    list_display = ["model", "valid_from", "from_input", "in_dollars", "out_dollars", "write_dollars", "read_dollars"]
    search_fields = ["model"]
    search_help_text = gettext_lazy("A model's name.")
    add_fields = ["model", "day", *(f"{amount}_dollars" for amount in AMOUNTS), "from_input"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """With the way to a new price for those who may set one."""
        shown: list[Any] = list(self.list_display)
        return [shown[0], "follow", *shown[1:]] if self.has_add_permission(request) else shown

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever has the right, as everywhere in Django."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may add a price may take it back until it begins, since it has billed nobody."""
        return self.has_add_permission(request) and obj is not None and prices.is_to_come(obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """In dollars, where it is only read too."""
        return self.list_display if obj else self.add_fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form for a new price; a row that is only read needs none of its own."""
        return super().get_form(request, obj, change, **({"form": forms.ModelForm} if obj else {}), **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the price costs that is to be followed by another one, as `?follow=` names it."""
        pk = request.GET.get("follow", "")
        row = ModelPrice.objects.filter(pk=pk).first() if pk.isdecimal() else None
        if row is None:
            return {}
        dollars = {f"{amount}_dollars": Decimal(getattr(row, amount)) / MILLION for amount in AMOUNTS}
        return {"model": row.model, "from_input": row.from_input, **dollars}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the service, which holds the rules."""
        prices.add_price(by=request.user, price=obj, day=form.cleaned_data["day"])

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the unit of the four amounts."""
        return super().changelist_view(request, {"subtitle": _(UNIT), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With the same unit."""
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "subtitle": _(UNIT)})

    @admin.display(description=gettext_lazy("input"), ordering="input")
    def in_dollars(self, row: ModelPrice) -> str:
        """Per million tokens."""
        return _shown(row.input)

    @admin.display(description=gettext_lazy("output"), ordering="output")
    def out_dollars(self, row: ModelPrice) -> str:
        """Per million tokens."""
        return _shown(row.output)

    @admin.display(description=gettext_lazy("cache write"), ordering="cache_write")
    def write_dollars(self, row: ModelPrice) -> str:
        """Per million tokens."""
        return _shown(row.cache_write)

    @admin.display(description=gettext_lazy("cache read"), ordering="cache_read")
    def read_dollars(self, row: ModelPrice) -> str:
        """Per million tokens."""
        return _shown(row.cache_read)

    @admin.display(description=gettext_lazy("change"))
    def follow(self, row: ModelPrice) -> str:
        """The way to a new price that follows this one."""
        address = reverse("admin:monitoring_modelprice_add")
        return format_html('<a href="{}?follow={}">{}</a>', address, row.pk, _("Change from a day on"))


def _shown(microusd: int) -> str:
    """Exact dollars: a price is no sum to be rounded."""
    whole, _dot, part = f"{Decimal(microusd) / MILLION:,.6f}".partition(".")
    return f"${whole}.{part.rstrip('0'):0<2}"
