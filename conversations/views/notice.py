"""The notice before the first conversation."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods

from accounts.permissions import signed_in
from conversations import sessions
from conversations.models import NoticeAcceptance
from conversations.models.notice import NOTICE_VERSION

# What a person who pressed Start still wants after accepting. Nothing else is ever sent again for them.
STARTS = {"practice-start", "work-start", "client-test", "session-branch", "tutor-start"}


class RepeatPost(HttpResponseRedirect):
    """A redirect that the browser follows with the same POST."""

    status_code = 307


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notice(request: HttpRequest) -> HttpResponseBase:
    """Say that an AI speaks, what is stored and who reads it; accepting goes on to where the person was going."""
    user = signed_in(request)
    onward = onward_of(request)
    starts = begins(onward)
    if request.method == "POST":
        sessions.accept_notice(by=user)
        return RepeatPost(onward) if starts else redirect(onward or "home")
    context = {
        "next": onward,
        "starts": starts,
        "accepted": NoticeAcceptance.objects.filter(user=user, version=NOTICE_VERSION).first(),
    }
    return render(request, "conversations/notice.html", context)


def ask_first(onward: str) -> HttpResponse:
    """To the notice, and from there on to `onward`."""
    return redirect(f"{reverse('notice')}?{urlencode({'next': onward})}")


def onward_of(request: HttpRequest) -> str:
    """The address to which a page that asks first shall lead on (`next`) if it is one of ours, else ""."""
    url = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    # A path: to `redirect`, what has no slash is the name of a view.
    return url if ours and url.startswith("/") else ""


def begins(url: str) -> bool:
    """Whether the address starts a conversation, which only a POST may do."""
    try:
        return resolve(url).url_name in STARTS
    except Resolver404:
        return False
