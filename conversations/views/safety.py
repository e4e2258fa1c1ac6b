"""Safety on pages: what happens when a student may need help, whom they can turn to, and the alerts of staff."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import signed_in, staff_only
from accounts.services.notifications import mark_seen
from accounts.views.answers import render_list
from conversations import safety
from conversations.forms import SafetyFilter
from conversations.models import SafetyAlert, Session, TranscriptReading
from conversations.readings import log_reading
from conversations.response_forms import AcknowledgeForm
from conversations.views import counterpart

PER_PAGE = 25


@login_required
@require_safe
def safety_words(request: HttpRequest) -> HttpResponse:
    """What happens when a student writes of their own distress: for whoever wants to know before it does."""
    return render(request, "conversations/safety.html", {"tiers": SafetyAlert.Tier})


@login_required
@require_safe
def help_now(request: HttpRequest) -> HttpResponse:
    """Whom one can turn to now: the school's words and contacts."""
    return render(request, "conversations/help_now.html")


@login_required
@require_POST
def session_help(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Tell the teachers that one needs help, from one's own conversation, and show it again."""
    user = signed_in(request)
    session = get_object_or_404(Session.objects.spoken_by(user), pk=pk)
    try:
        is_new = safety.ask_for_help(by=user, session=session)
    except safety.SafetyRuleError as error:
        messages.error(request, str(error))
    else:
        words = _("They are told that you need help.") if is_new else _("They know already that you need help.")
        messages.success(request, words)
    return redirect("session", session.pk)


@staff_only
@never_cache
@require_safe
def safety_list(request: HttpRequest) -> HttpResponse:
    """Alerts of one's sections (admins: all), newest first, by tab and tier; htmx gets the list alone."""
    user = signed_in(request)
    form = SafetyFilter(request.GET)
    chosen = form.chosen()
    found = SafetyAlert.objects.visible_to(user)
    found = found.waiting() if chosen["tab"] == "waiting" else found.filter(acknowledged_at__isnull=False)
    if "tier" in chosen:
        found = found.filter(tier=chosen["tier"])
    rows = found.select_related("session__student", "session__client", "session__section", "acknowledged_by")
    context = {
        "form": form,
        "chosen": chosen,
        "tabs": SafetyFilter.TABS,
        "page_obj": Paginator(rows.order_by("-raised_at", "-id"), PER_PAGE).get_page(request.GET.get("page")),
        "query": urlencode(chosen),
        "filtering": "tier" in chosen,
    }
    return render_list(request, "conversations/safety_list.html", "conversations/_safety_rows.html", context)


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def safety_alert(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One alert: who said what and when, whom we told, and the form to say that one sees to it."""
    user = signed_in(request)
    whole = ("message", "session__student", "session__section", "acknowledged_by")
    alert = get_object_or_404(SafetyAlert.objects.visible_to(user).select_related(*whole), pk=pk)
    mark_seen(by=user, path=request.path)
    form = AcknowledgeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            safety.acknowledge(by=user, alert=alert, **form.cleaned_data)
        except safety.SafetyRuleError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Acknowledged. The others who were told see that you are seeing to it."))
        return redirect("safety-alert", pk)
    log_reading(by=user, session=alert.session, how=TranscriptReading.How.SAFETY)
    context = {
        "alert": alert,
        "client": counterpart(alert.session),
        "told": safety.told_of(alert),
        "others": SafetyAlert.objects.waiting().filter(session=alert.session_id).exclude(pk=alert.pk).count(),
        "place": alert.message.place,
        "form": form,
    }
    return render(request, "conversations/safety_alert.html", context)
