"""Breaches of character: what a client's model said that was taken back, and what was said instead."""

import uuid

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.permissions import signed_in, staff_only
from accounts.views.answers import render_list
from clients.models import ClientProfile
from conversations import breaches
from conversations.forms import BreachFilter
from conversations.models import Message, Session

PER_PAGE = 25


@staff_only
@never_cache
@require_safe
def client_breaches(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The client's breaches, newest first, by kind; htmx gets the list alone.

    No word of a student stands here, so it is no reading. Whose conversation it was sees who may open it.
    """
    user = signed_in(request)
    client = get_object_or_404(ClientProfile.objects.visible_to(user), pk=pk)
    form = BreachFilter(request.GET)
    chosen = form.chosen()
    found = breaches.of_client(user, client).filter(**chosen).select_related("session__student")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    kept = Message.objects.in_bulk({row.reply_id for row in rows})
    sessions = {row.session_id for row in rows}
    readable = set(Session.objects.visible_to(user).filter(pk__in=sessions).values_list("pk", flat=True))
    for row in rows:
        reply = kept.get(row.reply_id)
        row.instead = reply.content if reply else ""  # type: ignore[attr-defined]
        row.place = reply.place if reply and row.session_id in readable else ""  # type: ignore[attr-defined]
    context = {
        "client": client,
        "form": form,
        "tally": breaches.tally(user, client),
        "page_obj": page,
        "rows": rows,
        "query": urlencode(chosen),
        "filtering": bool(chosen),
    }
    return render_list(request, "conversations/client_breaches.html", "conversations/_breach_rows.html", context)
