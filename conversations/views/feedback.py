"""Feedback: the form for whoever talked, and what all of it comes to for those who wrote the client."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from clients.models import ClientProfile
from conversations import feedback
from conversations.models import Session, SessionFeedback
from conversations.response_forms import FeedbackForm
from conversations.views import counterpart
from monitoring.cells import BOM, csv_lines
from monitoring.views import wait_for_file

PER_PAGE = 20


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_feedback(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Seven marks and one's own words about a conversation one held; sent again, the last one counts."""
    user = signed_in(request)
    own = Session.objects.visible_to(user).filter(student=user)
    session = get_object_or_404(own, pk=pk)
    client = counterpart(session)
    if session.is_open:
        return redirect("session", pk)
    given = SessionFeedback.objects.filter(session=session).first()
    names = (*SessionFeedback.MARKS, "comment")
    initial = {name: getattr(given, name) for name in names} if given else None
    form = FeedbackForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        feedback.give(by=user, session=session, marks=form.marks(), comment=form.cleaned_data["comment"])
        messages.success(request, _("Thank you. Your feedback is saved; you can change it on the same page."))
        return redirect("session-ended", pk)
    context = {"session": session, "client": client, "form": form, "given": given}
    return render(request, "conversations/session_feedback.html", context)


@staff_only
@never_cache
@require_safe
def client_feedback(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What people think of a client, for its owner and admins: figures, best and worst, comments without names."""
    user = signed_in(request)
    client = _own(user, pk)
    sums = feedback.sums(client)
    best, worst = feedback.best_and_worst(client) if sums.count else ([], [])
    readable = _readable(user, [*best, *worst])
    comments = SessionFeedback.objects.filter(client=client).exclude(comment="").order_by("-given_at", "id")
    context = {
        "client": client,
        "sums": sums,
        "means": [(SessionFeedback.question(name), mean) for name, mean in sums.means.items()],
        "spread": [(mark, number) for mark, number in enumerate(sums.spread, start=1)][::-1],
        "most": max(sums.spread),
        "pinned": [
            (label, [(row, row.session_id in readable) for row in rows])
            for label, rows in ((_("Best marks"), best), (_("Lowest marks"), worst))
            if rows
        ],
        "page_obj": Paginator(comments, PER_PAGE).get_page(request.GET.get("page")),
        "positive_from": feedback.POSITIVE_FROM,
    }
    return render(request, "conversations/client_feedback.html", context)


def _readable(user: User, rows: Iterable[SessionFeedback]) -> set[uuid.UUID]:
    """Which of these conversations this person may open; the others stay without a link."""
    sessions = [row.session_id for row in rows]
    return set(Session.objects.visible_to(user).filter(pk__in=sessions).values_list("pk", flat=True))


@staff_only
@never_cache
@require_safe
def client_feedback_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """All feedback on a client as a CSV file, without names; no cell of it runs as a formula."""
    client = _own(signed_in(request), pk)
    if refused := wait_for_file(request):
        return refused
    names = ("date", "kind", *SessionFeedback.MARKS, "mean_about_client", "comment")
    rows = ([str(row[name]) for name in names] for row in feedback.rows_of(client))
    text = BOM + "".join(csv_lines([names, *rows]))
    return _as_file(HttpResponse(text, content_type="text/csv; charset=utf-8"), client, "csv")


@staff_only
@never_cache
@require_safe
def client_feedback_json(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same as JSON, with the figures in front."""
    client = _own(signed_in(request), pk)
    if refused := wait_for_file(request):
        return refused
    sums = feedback.sums(client)
    found: dict[str, Any] = {
        "client": client.name,
        "count": sums.count,
        "means": sums.means,
        "positive_share": sums.positive,
        "feedback": list(feedback.rows_of(client)),
    }
    return _as_file(JsonResponse(found, json_dumps_params={"ensure_ascii": False, "indent": 2}), client, "json")


def _as_file(response: HttpResponse, client: ClientProfile, ending: str) -> HttpResponse:
    name = f"feedback-{slugify(client.name) or 'client'}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _own(user: User, pk: uuid.UUID) -> ClientProfile:
    """A client of this person (admins: any); 404 for others."""
    return get_object_or_404(ClientProfile.objects.editable_by(user), pk=pk)
