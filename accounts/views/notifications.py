"""Notifications: the list behind the bell, the way from one to what it is about, and where one wants to be told."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import NotificationForm
from accounts.models import Notification
from accounts.permissions import signed_in
from accounts.services import notifications

PER_PAGE = 25


@login_required
@never_cache
@require_safe
def notification_list(request: HttpRequest) -> HttpResponse:
    """All that one was told in the portal, newest first; what was not opened yet is marked."""
    found = Notification.objects.shown_to(signed_in(request)).order_by("-created_at", "-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/notification_list.html", {"page_obj": page})


@login_required
@never_cache
@require_safe
def notification(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Go on to what it is about, which is how it is read; mails lead here too."""
    user = signed_in(request)
    found = get_object_or_404(Notification.objects.visible_to(user), pk=pk)
    notifications.mark_read(by=user, notification=found)
    local = found.path.startswith("/") and url_has_allowed_host_and_scheme(found.path, allowed_hosts=None)
    return redirect(found.path if local else "notification-list")


@login_required
@require_POST
def notifications_read(request: HttpRequest) -> HttpResponse:
    """Mark all of them as read."""
    notifications.mark_all_read(by=signed_in(request))
    messages.success(request, _("Everything is marked as read."))
    return redirect("notification-list")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notification_settings(request: HttpRequest) -> HttpResponse:
    """Two switches for each kind that a person of one's role is told of: in the portal, and by mail."""
    user = signed_in(request)
    form = NotificationForm(request.POST if request.method == "POST" else None, ways=notifications.chosen_ways(user))
    if request.method == "POST" and form.is_valid():
        notifications.choose_ways(by=user, ways=form.ways())
        messages.success(request, _("Your choice is saved."))
        return redirect("notification-settings")
    context = {"form": form, "mail_configured": settings.MAIL_CONFIGURED}
    return render(request, "accounts/notification_settings.html", context)
