"""Filters for lists that grow for ever: none of them looks at every row to find out what it may offer."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import DateTimeField, Field, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from monitoring import periods

LOOKED_AT = 1_000


class LatelySeenFilter(admin.FieldListFilter):
    """The values that the newest rows have: to find all that ever were is to look at every row."""

    def __init__(  # noqa: PLR0917  Django's signature
        self, field: Field, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        self.chosen = params.get(field_path, [""])[-1]
        newest = model.objects.order_by(*model_admin.ordering).values_list(field_path, flat=True)[:LOOKED_AT]
        self.values = sorted({*newest, self.chosen} - {""})
        super().__init__(field, request, params, model, model_admin, field_path)

    def expected_parameters(self) -> list[str | None]:
        """The field alone."""
        return [self.field_path]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """All rows, or those with one value."""
        everything = changelist.get_query_string(remove=[self.field_path])
        yield {"selected": not self.chosen, "query_string": everything, "display": _("All")}
        for value in self.values:
            chosen = changelist.get_query_string({self.field_path: value})
            yield {"selected": value == self.chosen, "query_string": chosen, "display": value}


Days = tuple[dt.date, dt.date]


class DaysFilter(admin.FieldListFilter):
    """School days, both included, of a column that an index is in the order of.

    Django's own hierarchy of dates looks for every day that has a row. The address takes any two days:
    `settled_at__days=2026-09-01,2026-09-30`.
    """

    def __init__(  # noqa: PLR0917  Django's signature
        self, field: Field, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        self.parameter = f"{field_path}__days"
        self.chosen = params.get(self.parameter, [""])[-1]
        super().__init__(field, request, params, model, model_admin, field_path)

    def expected_parameters(self) -> list[str | None]:
        """The two days."""
        return [self.parameter]

    @property
    def days(self) -> Days | None:
        """The first and the last day that were chosen; None without a choice. Raises IncorrectLookupParameters."""
        return days_of(self.chosen)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of these days."""
        if self.days is None:
            return queryset
        first, last = self.days
        if isinstance(self.field, DateTimeField):
            start, end = periods.bounds(first)[0], periods.bounds(last)[1]
            return queryset.filter(**{f"{self.field_path}__gte": start, f"{self.field_path}__lt": end})
        return queryset.filter(**{f"{self.field_path}__gte": first, f"{self.field_path}__lte": last})

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Any day, some stretches that people ask for, and the one of the address where it is none of them."""
        everything = changelist.get_query_string(remove=[self.parameter])
        yield {"selected": not self.chosen, "query_string": everything, "display": _("Any day")}
        offered = {f"{first},{last}": words for words, (first, last) in stretches().items()}
        if self.days:
            offered.setdefault(self.chosen, " – ".join(date_format(day, "SHORT_DATE_FORMAT") for day in self.days))
        for value, words in offered.items():
            chosen = changelist.get_query_string({self.parameter: value})
            yield {"selected": value == self.chosen, "query_string": chosen, "display": words}


def days_of(value: str) -> Days | None:
    """The two days that an address names; None for "". Raises IncorrectLookupParameters."""
    if not value:
        return None
    try:
        first, last = (dt.date.fromisoformat(part) for part in value.split(","))
    except ValueError as error:
        raise IncorrectLookupParameters(error) from error
    # Where the calendar ends there is no midnight after it.
    if not dt.date(2000, 1, 1) <= first <= last < dt.date(3000, 1, 1):
        raise IncorrectLookupParameters
    return first, last


def stretches() -> dict[str, Days]:
    """By name, the stretches that a list offers: of days as the school counts them."""
    today = periods.today()
    month, term = (periods.start_of(period, today) for period in (periods.MONTH, periods.TERM))
    day = dt.timedelta(days=1)
    return {
        _("Today"): (today, today),
        _("Yesterday"): (today - day, today - day),
        _("Past 7 days"): (today - 6 * day, today),
        _("This month"): (month, today),
        _("Last month"): (periods.start_of(periods.MONTH, month - day), month - day),
        _("This term"): (term, today),
    }
