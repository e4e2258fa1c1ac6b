"""A student chooses whom to talk with: the cards, the preview, and the start."""

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import signed_in, students_only
from accounts.views.answers import render_list
from clients.models import ClientProfile
from clients.views.library import DIFFICULTY_ORDER
from conversations import consent, sessions
from conversations.forms import PracticeFilter
from conversations.models import NoticeAcceptance, Session
from conversations.views import service_words
from conversations.views.consent import AGREE, ask_consent
from conversations.views.notice import ask_first

CARDS = 24
RECENT = 5
BUILT_IN = ExpressionWrapper(Q(owner=None), output_field=BooleanField())
ON_CARD = ("name", "age", "reason", "difficulty", "language", "owner")


@students_only
@require_safe
def practice(request: HttpRequest) -> HttpResponse:
    """Cards of the clients that the student may start; htmx gets the cards alone."""
    user = signed_in(request)
    startable = ClientProfile.objects.startable_by(user)
    form = PracticeFilter(request.GET, startable=startable)
    chosen = form.chosen()
    page = Paginator(_found(user, startable, chosen).only(*ON_CARD), CARDS).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page_obj": page,
        "cards": [card(client) for client in page],
        "query": urlencode(chosen),
        "filtering": bool(chosen),
        "elsewhere": _open_elsewhere(user, startable),
        "service": service_words(settings.MODEL_DEFAULT, *settings.FALLBACK_MODELS),
    }
    return render_list(request, "conversations/practice.html", "conversations/_practice_cards.html", context)


@students_only
@require_safe
def practice_client(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What a student should know before they begin, and what they did with this client before."""
    user = signed_in(request)
    client: Any = get_object_or_404(with_history(ClientProfile.objects.startable_by(user), user), pk=pk)
    context = {
        "client": client,
        "card": card(client),
        "asks_consent": not client.open_since and consent.is_needed(user, client),
        "past": Session.objects.visible_to(user).filter(client=client).order_by("-started_at", "-id")[:RECENT],
    }
    return render(request, "conversations/practice_client.html", context)


@students_only
@require_POST
def practice_start(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Start or continue; whoever has not accepted the notice sees it first and then comes back here by itself."""
    user = signed_in(request)
    client = get_object_or_404(ClientProfile.objects.startable_by(user), pk=pk)
    if AGREE in request.POST:
        consent.give(by=user, client=client)
    return begin(request, client, refused="practice")


def begin(request: HttpRequest, client: ClientProfile, refused: str) -> HttpResponse:
    """The conversation of the signed-in person with this client, by way of the notice and its note if they are new."""
    user = signed_in(request)
    if NoticeAcceptance.needed_by(user):
        return ask_first(request.path)
    try:
        session = sessions.start(by=user, client=client)
    except sessions.ConsentNeededError:
        return ask_consent(client, request.path)
    except sessions.SessionRuleError as error:
        messages.error(request, str(error))
        return redirect(refused)
    return redirect("session", session.pk)


def with_history(clients: QuerySet[ClientProfile], user: User) -> QuerySet[ClientProfile]:
    """Clients with what this person last did with each: `open_since`, `last_status` and `last_ended`."""
    own = Session.objects.filter(student=user, client=OuterRef("pk"), assignment=None, branch_of=None)
    ended = own.filter(ended_at__isnull=False).order_by("-ended_at")
    return clients.annotate(
        open_since=Subquery(own.open().values("started_at")[:1]),
        last_status=Subquery(ended.values("status")[:1]),
        last_ended=Subquery(ended.values("ended_at")[:1]),
    )


def card(client: Any) -> dict[str, Any]:
    """What a card shows of a client from `with_history`; starting and continuing are the same POST."""
    return {
        "client": client,
        "href": reverse("practice-client", args=[client.pk]),
        "difficulty": client.difficulty,
        "difficulty_label": client.get_difficulty_display(),
        "language": client.get_language_display(),
        "last": _last(client),
        "action": _("Continue") if client.open_since else _("Start"),
        "action_url": reverse("practice-start", args=[client.pk]),
    }


def _last(client: Any) -> str:
    if client.open_since:
        return _("In progress since %(date)s") % {"date": _day(client.open_since)}
    if client.last_status == Session.Status.COMPLETED:
        return _("Completed on %(date)s") % {"date": _day(client.last_ended)}
    if client.last_status == Session.Status.ABANDONED:
        return _("Left unfinished, closed on %(date)s") % {"date": _day(client.last_ended)}
    return ""


def _day(moment: dt.datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "DATE_FORMAT")


def _found(user: User, startable: QuerySet[ClientProfile], chosen: dict[str, str]) -> QuerySet[ClientProfile]:
    """What the filters leave: those in progress first, then the teachers' choice, then from gentle to demanding."""
    found = ClientProfile.objects.filter(pk__in=startable.values("pk"))
    if "q" in chosen:
        found = found.matching(chosen["q"])
    found = found.filter(**{key: chosen[key] for key in ("domain", "difficulty", "language") if key in chosen})
    return with_history(found, user).order_by(
        F("open_since").desc(nulls_last=True), BUILT_IN, DIFFICULTY_ORDER, "name", "id"
    )


def _open_elsewhere(user: User, startable: QuerySet[ClientProfile]) -> QuerySet[Session]:
    """Conversations that the student can go on with although their client can no longer be started."""
    no_card = ~Exists(startable.filter(pk=OuterRef("client")))
    free = Session.objects.open().filter(client__isnull=False, assignment=None)
    speaking = free.filter(pk__in=Session.objects.spoken_by(user).values("pk"))
    return speaking.filter(no_card).select_related("client").order_by("-started_at", "-id")[:RECENT]
