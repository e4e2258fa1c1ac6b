"""Flags: a page to flag one reply, the list of those who deal with them, and one flag with what was done."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from accounts.services.notifications import mark_seen
from accounts.views.answers import render_list
from conversations import flags
from conversations.forms import FlagFilter
from conversations.models import Flag, Message, Session, TranscriptReading
from conversations.readings import log_reading
from conversations.response_forms import FlagForm, SettleForm
from conversations.views import counterpart

PER_PAGE = 25
# The newest; a reason finds older ones.
MOST = 2_000


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def message_flag(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Flag a reply that one can read, or change one's own flag; once dealt with, what was done stands here."""
    user = signed_in(request)
    found = Message.objects.flaggable_by(user).select_related("session")
    message = get_object_or_404(found, pk=pk)
    back = _back(user, message)
    own = Flag.objects.filter(message=message, raised_by=user).first()
    initial = {"reason": own.reason, "comment": own.comment} if own else None
    form = FlagForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            flags.raise_flag(by=user, message=message, **form.cleaned_data)
        except flags.FlagRuleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Thank you. The reply is flagged, and someone will look at it."))
            return redirect(back)
    log_reading(by=user, session=message.session, how=TranscriptReading.How.FLAG)
    context = {"message": message, "client": counterpart(message.session), "own": own, "form": form, "back": back}
    return render(request, "conversations/message_flag.html", context)


def _back(user: User, message: Message) -> str:
    """Where whoever flags came from: their running chat, else the place in the transcript."""
    session = message.session
    if session.student_id == user.pk and session.is_open:
        return reverse("session", args=[session.pk])
    return message.place


@staff_only
@never_cache
@require_safe
def flag_list(request: HttpRequest) -> HttpResponse:
    """Flags of one's sections and clients (admins: all), by tab and reason; htmx gets the list alone."""
    user = signed_in(request)
    form = FlagFilter(request.GET)
    chosen = form.chosen()
    found = Flag.objects.visible_to(user)
    found = found.open() if chosen["tab"] == "open" else found.filter(settled_at__isnull=False)
    if "reason" in chosen:
        found = found.filter(reason=chosen["reason"])
    # Whom a flag concerns takes a look at its conversation: asked once for number and page together, by keys alone.
    keys = list(found.order_by("-raised_at", "id").values_list("pk", flat=True)[:MOST])
    page = Paginator(keys, PER_PAGE).get_page(request.GET.get("page"))
    rows = list(
        Flag.objects.filter(pk__in=list(page))
        .select_related("raised_by", "settled_by", "message__session__client", "message__session__section")
        .order_by("-raised_at", "id")
    )
    readable = _readable(user, rows)
    context = {
        "form": form,
        "chosen": chosen,
        "tabs": FlagFilter.TABS,
        "page_obj": page,
        "rows": [(flag, flag.message.session_id in readable) for flag in rows],
        "query": urlencode(chosen),
        "filtering": "reason" in chosen,
    }
    return render_list(request, "conversations/flag_list.html", "conversations/_flag_rows.html", context)


def _readable(user: User, shown: list[Flag]) -> set[uuid.UUID]:
    """Which of these flags' sessions this person may read; the others' students stay unnamed."""
    sessions = [flag.message.session_id for flag in shown]
    return set(Session.objects.visible_to(user).filter(pk__in=sessions).values_list("pk", flat=True))


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def flag(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One flag with the reply that it is about, and the form to say what was done.

    A client's owner who may not read the conversation sees this one reply, and not whose it was.
    """
    user = signed_in(request)
    found = Flag.objects.visible_to(user).select_related("raised_by", "settled_by", "message__session__section")
    one = get_object_or_404(found, pk=pk)
    mark_seen(by=user, path=request.path)
    form = SettleForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            flags.settle(by=user, flag=one, answer=form.cleaned_data["answer"])
        except flags.FlagRuleError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Dealt with. Whoever flagged the reply sees what was done."))
        return redirect("flag", pk)
    session = one.message.session
    readable = Session.objects.visible_to(user).filter(pk=session.pk).exists()
    log_reading(by=user, session=session, how=TranscriptReading.How.FLAG)
    context = {
        "flag": one,
        "client": counterpart(session),
        "readable": readable,
        "place": one.message.place if readable else "",
        "form": form,
    }
    return render(request, "conversations/flag.html", context)
