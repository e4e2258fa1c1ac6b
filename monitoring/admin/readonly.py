"""Rows of the admin that people may only look at, however many there are."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

COUNT_AT_MOST = 10_000
LOOKED_AT = 1_000


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that people may look at and nobody may change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class BoundedPaginator(Paginator):
    """Counts no further than COUNT_AT_MOST rows: with millions of messages a whole count costs more than the page."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or COUNT_AT_MOST when there are more."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().values("pk")[:COUNT_AT_MOST].count()


class BigTableAdmin(ReadOnlyAdmin):
    """A read-only list over a table that grows for ever; a search for a uuid finds rows by it."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    by_uuid: tuple[str, ...] = ("pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows with that uuid in one of `by_uuid`, by their indexes; other words as in every admin."""
        try:
            wanted = uuid.UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(Q.create([(field, wanted) for field in self.by_uuid], connector=Q.OR)), False


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
