"""The teacher's side: home, tests of clients, and what tests used."""

import uuid
from typing import Any

from django.db.models import Avg, Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Section, User
from accounts.permissions import role_required, signed_in, staff_only
from accounts.views.answers import render_list
from clients.models import ClientOpening, ClientProfile
from conversations.forms import SessionFilter
from conversations.models import Message, Session
from conversations.models.session import SessionQuerySet
from conversations.progress import WHOLE_REPLIES
from conversations.views.keyset import page_of
from conversations.views.needs import needs_of
from conversations.views.practice import begin
from conversations.views.sessions import filtered

FEW = 6
SECTIONS = 50


@role_required(User.Role.TEACHER)
@require_safe
def teaching(request: HttpRequest) -> HttpResponse:
    """The teacher's home: who needs them now, their sections, their clients, and a first step."""
    user = signed_in(request)
    clients = ClientProfile.objects.filter(owner=user, archived_at=None).order_by("-updated_at", "id")
    found = list(sections_of(user)[: SECTIONS + 1])
    sections = found[:SECTIONS]
    context = {
        "needs": needs_of(user, {section.pk: section for section in sections}, timezone.now()),
        "sections": sections,
        "sections_cut": SECTIONS if len(found) > SECTIONS else 0,
        "clients": clients[:FEW],
    }
    return render(request, "conversations/teaching.html", context)


def sections_of(user: User) -> QuerySet[Section]:
    """Current sections with the numbers `students`, `clients` (opened to it), `talks` and `talking` (in progress)."""
    of_section = Session.objects.filter(section=OuterRef("pk"), kind=Session.Kind.PRACTICE)
    opened = ClientOpening.objects.current().filter(section=OuterRef("pk"), client__archived_at=None)
    return (
        Section.objects.current()
        .visible_to(user)
        .with_students()
        .annotate(
            clients=_number_by_section(opened),
            talks=_number_by_section(of_section),
            talking=_number_by_section(of_section.open()),
        )
        .order_by("name", "id")
    )


def _number_by_section(rows: QuerySet[Any]) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values("section").annotate(number=Count("pk")).values("number")), 0)


@staff_only
@require_POST
def client_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Start (or go on with) one's own test conversation with a client."""
    client = get_object_or_404(ClientProfile.objects.startable_by(signed_in(request)), pk=pk)
    return begin(request, client, refused="test-list")


@staff_only
@require_safe
def test_list(request: HttpRequest) -> HttpResponse:
    """One's own test conversations with what each used, and the totals over what the filter leaves."""
    user = signed_in(request)
    form = SessionFilter(request.GET)
    chosen = form.chosen()
    found = filtered(_tests(user), chosen)
    page = page_of(found.select_related("client"), request.GET, chosen)
    averages = reply_seconds(page.sessions)
    context = {
        "form": form,
        "rows": [(session, averages.get(session.pk)) for session in page.sessions],
        "totals": _totals(found),
        "next_url": page.next_url,
        "previous_url": page.previous_url,
        "filtering": bool(chosen),
    }
    return render_list(request, "conversations/test_list.html", "conversations/_test_rows.html", context)


def _tests(user: User) -> SessionQuerySet:
    return Session.objects.visible_to(user).filter(student=user, kind=Session.Kind.TEST, client__isnull=False)


def reply_seconds(sessions: list[Session]) -> dict[uuid.UUID, float]:
    """The average time to a whole reply in seconds, by session; sessions without one are left out."""
    whole = Message.objects.filter(session__in=sessions, status__in=WHOLE_REPLIES)
    replies = whole.filter(response_ms__isnull=False).order_by()
    return {
        row["session"]: row["average"] / 1_000 for row in replies.values("session").annotate(average=Avg("response_ms"))
    }


def _totals(found: SessionQuerySet) -> dict[str, Any]:
    """Sums over all these tests: count, tokens, microusd, average reply time in seconds (None without replies)."""
    sums = found.aggregate(
        count=Count("pk"),
        tokens=Coalesce(Sum("input_tokens"), 0) + Coalesce(Sum("output_tokens"), 0),
        microusd=Coalesce(Sum("cost_microusd"), 0),
    )
    replies = Message.objects.filter(session__in=found.order_by().values("pk"), status__in=WHOLE_REPLIES)
    average = replies.aggregate(average=Avg("response_ms"))["average"]
    return sums | {"seconds": None if average is None else average / 1_000}
