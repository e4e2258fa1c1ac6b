"""Searches of large lists by the people they are about, who are found first: they are fewer than what they do."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from accounts.models import User
from monitoring.admin.readonly import BigTableAdmin

# Whoever finds more people than that has not said yet whom they look for.
FOUND_AT_MOST = 500


class PeopleFirstAdmin(BigTableAdmin):
    """A large list that is searched by name or address of the people it is about.

    `people` are the lookups that lead to them, `named` those that lead to other models, with the model and its field.
    `search_fields` only says that there is a search.
    """

    search_fields = ["id"]
    people: tuple[str, ...] = ()
    named: Mapping[str, tuple[type[Model], str]] = {}

    def search_words(self, request: HttpRequest, queryset: QuerySet[Any], words: str) -> tuple[QuerySet[Any], bool]:
        """The rows of people with such a name or address, or of what else is named so."""
        return queryset.filter(self.about(words)), False

    def about(self, words: str) -> Q:
        """The condition: by keys, since these have indexes."""
        people = User.objects.filter(Q(email__icontains=words) | Q(display_name__icontains=words))
        keys = _keys(people)
        condition = Q.create([(f"{path}__in", keys) for path in self.people], connector=Q.OR)
        for path, (model, field) in self.named.items():
            condition |= Q((f"{path}__in", _keys(model._default_manager.filter(**{f"{field}__icontains": words}))))
        return condition


def _keys(found: QuerySet[Any]) -> list[Any]:
    return list(found.order_by().values_list("pk", flat=True)[:FOUND_AT_MOST])
