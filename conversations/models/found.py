"""The first of many sessions, newest or oldest, and the first in which something is said; each in bounded time.

Newest first over all sections at once, PostgreSQL would walk past everybody's sessions to find those of a teacher
whose sections ended last year. And it does not know what reading a text for its words costs, so that for a rare word
it would read them all. Both are decided here instead.
"""

import uuid
from collections.abc import Sequence

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connections
from django.db.models import Func, OuterRef

from accounts.models import Section
from conversations.models.message import Message
from conversations.models.session import Session, SessionQuerySet

Order = tuple[str, ...]
# Among so many, a word that is said often is found a page full of times; a rarer one is looked up in the index.
WINDOW = 400
# Who has more sections than that has a good share of all sessions, and soon meets them on the way.
MANY = 40


def first_keys(
    found: SessionQuerySet, sections: Sequence[uuid.UUID] | None, order: Order, most: int
) -> list[uuid.UUID]:
    """The keys of the first `most` sessions in this order, of these sections (None: whatever section). One query."""
    if sections is None:
        return list(found.order_by(*order).values_list("pk", flat=True)[:most])
    if len(sections) > MANY or connections[found.db].vendor != "postgresql":
        within = found.filter(section__in=sections)
    else:
        # The first of each section, by its index, and then the first of those.
        each = found.filter(section=OuterRef("pk")).order_by(*order).values("pk")[:most]
        # The type is named for a filter that can leave nothing, of which Django makes a bare NULL.
        keys = Func(ArraySubquery(each), template="UNNEST(%(expressions)s::uuid[])")
        within = Session.objects.filter(pk__in=Section.objects.filter(pk__in=sections).order_by().values(key=keys))
    return list(within.order_by(*order).values_list("pk", flat=True)[:most])


def first_keys_saying(
    found: SessionQuerySet, sections: Sequence[uuid.UUID] | None, text: str, order: Order, most: int
) -> list[uuid.UUID]:
    """The keys of the first `most` sessions in which this is said, as `first_keys`. At most three queries."""
    window = first_keys(found, sections, order, WINDOW)
    said = Message.objects.filter(session__pk__among=window, content__says=text).order_by()
    hits = set(said.values_list("session", flat=True).distinct())
    keys = [key for key in window if key in hits][:most]
    if len(keys) == most or len(window) < WINDOW:
        return keys
    within = found if sections is None else found.filter(section__in=sections)
    # DISTINCT keeps the planner from asking each session instead of the index.
    indexed = Message.objects.filter(content__says_by_index=text).order_by().values("session").distinct()
    return list(within.filter(pk__in=indexed).order_by(*order).values_list("pk", flat=True)[:most])
