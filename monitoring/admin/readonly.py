"""Rows of the admin that people may only look at, however many there are."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_permission_codename
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

COUNT_AT_MOST = 5_000


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that people may look at and nobody may change, save by the actions that call services."""

    show_full_result_count = False
    list_per_page = 50
    # Columns and fields that lead to pages which only those who may use the actions get.
    for_acting: ClassVar[tuple[str, ...]] = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without `for_acting` for who only looks."""
        return self._offered(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Without `for_acting` for who only looks."""
        return self._offered(request, super().get_fields(request, obj))

    def _offered(self, request: HttpRequest, names: Sequence[Any]) -> list[Any]:
        return [name for name in names if name not in self.for_acting or self.has_act_permission(request)]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nothing that pages leave out is asked for by the address of a list: it could be guessed letter by letter."""
        return lookup.split("__", maxsplit=1)[0] not in self.left_out and super().lookup_allowed(lookup, value, request)

    @property
    def left_out(self) -> Collection[str]:
        """The fields that the address of a list cannot ask for."""
        return self.exclude or ()

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may use the actions of this list: those who may change its rows, though not by a form."""
        codename = get_permission_codename("change", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

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


class BigTableList(ChangeList):
    """Sorted only by columns that an index is in the order of, whatever the address asks for."""

    def get_ordering_field(self, field_name: Any) -> str | Combinable | None:
        """None, which is no order, for every other column."""
        if self.sortable_by is not None and field_name not in self.sortable_by:
            return None
        return super().get_ordering_field(field_name)


class BigTableAdmin(ReadOnlyAdmin):
    """A read-only list over a table that grows for ever; a search for a uuid finds rows by it.

    Where nothing but ids can be searched for, name "id" as the only one of `search_fields`.
    """

    paginator = BoundedPaginator
    change_list_template = "admin/big_change_list.html"
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[tuple[str, ...]] = ()
    by_uuid: tuple[str, ...] = ("pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The one that keeps to `sortable_by`."""
        return BigTableList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, which says where it stops to count."""
        return super().changelist_view(request, {"counted_at_most": COUNT_AT_MOST, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows with that uuid in one of `by_uuid`, by their indexes; other words as `search_words` has them."""
        words = search_term.strip()
        if not words:
            return queryset, False
        wanted = uuid_in(words)
        if wanted:
            return queryset.filter(Q.create([(field, wanted) for field in self.by_uuid], connector=Q.OR)), False
        return self.search_words(request, queryset, words)

    def search_words(self, request: HttpRequest, queryset: QuerySet[Any], words: str) -> tuple[QuerySet[Any], bool]:
        """The rows in which these words stand, and whether a row may be found twice; as in every admin."""
        if list(self.search_fields) == ["id"]:
            return queryset.none(), False
        return super().get_search_results(request, queryset, words)


def uuid_in(words: str) -> uuid.UUID | None:
    """The uuid that somebody typed, if it is one."""
    try:
        return uuid.UUID(words)
    except ValueError:
        return None
