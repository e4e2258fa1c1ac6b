"""Totals under a list: what the rows that were found come to, and of which rows that is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.pricing import usd

# To add up more rows than that would cost more than the list itself.
ADDED_AT_MOST = 5_000


@dataclass(frozen=True, slots=True)
class Totals:
    """What a total is of, in words, and its figures with their names."""

    of: str
    figures: Sequence[tuple[str, str]]


class TotalsAdmin(admin.ModelAdmin):
    """A list with totals of `totals`: names of columns that hold numbers."""

    change_list_template = "admin/big_change_list.html"
    totals: tuple[str, ...] = ()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and below it the totals; an answer that is no list stays as it is."""
        answer = super().changelist_view(request, extra_context)
        shown = getattr(answer, "context_data", None) or {}
        if "cl" in shown:
            shown["totals"] = self.totals_of(shown["cl"])
        return answer

    def totals_of(self, changelist: ChangeList) -> Totals | None:
        """The totals of the rows that were found, or of the first of them; None where none were."""
        rows = changelist.queryset
        sums = rows[:ADDED_AT_MOST].aggregate(
            all_rows=Count("pk"), **{f"all_{name}": Sum(name) for name in self.totals}
        )
        count = sums["all_rows"]
        if not count:
            return None
        if count == ADDED_AT_MOST:
            of = _(
                "The first %(count)s rows come to this. Choose fewer days or another filter for the total of all of "
                "them."
            )
        else:
            of = ngettext("The row that was found comes to this.", "All %(count)s rows come to this.", count)
        return Totals(
            of % {"count": number_format(count, force_grouping=True)},
            self.figures({name: sums[f"all_{name}"] for name in self.totals}),
        )

    def figures(self, sums: Mapping[str, int]) -> list[tuple[str, str]]:
        """Each sum with the name of its column, money in dollars."""
        return [(self._name(name), self._shown(name, value)) for name, value in sums.items()]

    def _name(self, column: str) -> str:
        if column == "cost_microusd":
            return _("Cost")
        return capfirst(str(self.opts.get_field(column).verbose_name))  # type: ignore[union-attr]

    def _shown(self, column: str, value: int) -> str:
        return usd(value) if column.endswith("_microusd") else number_format(value, force_grouping=True)
