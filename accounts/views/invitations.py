"""Invitations and one-time password links: pages of staff, and the page on which an invitation is accepted."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.forms import AcceptForm, InvitationForm, PasswordLinkForm
from accounts.models import Invitation, Section, User
from accounts.permissions import inviters_only, signed_in

PER_PAGE = 25


@inviters_only
@require_safe
def invitation_list(request: HttpRequest) -> HttpResponse:
    """Invitations that one made (school admins and support: all), newest first, with search by address or name."""
    user, text = signed_in(request), request.GET.get("q", "").strip()
    invitations = Invitation.objects.visible_to(user).matching(text).select_related("section", "invited_by")
    page = Paginator(invitations, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "q": text,
        "query": urlencode({"q": text}) if text else "",
        "can_invite": _may_invite(user),
    }
    return render(request, "accounts/invitation_list.html", context)


@inviters_only
@never_cache
def invitation_new(request: HttpRequest) -> HttpResponse:
    """The form for an invitation; its answer shows the link, this once."""
    user = signed_in(request)
    # From a section's page, that section is chosen already.
    initial = {"section": request.GET["section"]} if "section" in request.GET else None
    form = InvitationForm(request.POST or None, by=user, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            link = services.invite(by=user, **{"role": User.Role.STUDENT.value, **form.cleaned_data})
        except services.RuleBrokenError as error:
            form.add_error(None, str(error))
        else:
            return _show_link(request, link)
    return render(request, "accounts/invitation_new.html", {"form": form, "can_invite": _may_invite(user)})


@inviters_only
@require_POST
@never_cache
def invitation_reissue(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A fresh link in place of one that was lost or has expired."""
    user = signed_in(request)
    invitation = get_object_or_404(Invitation.objects.visible_to(user), pk=pk)
    try:
        link = services.reissue_invitation(by=user, invitation=invitation)
    except services.RuleBrokenError as error:
        messages.error(request, str(error))
        return redirect("invitation-list")
    return _show_link(request, link)


@inviters_only
@require_POST
def invitation_revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End an invitation before it is used."""
    user = signed_in(request)
    invitation = get_object_or_404(Invitation.objects.visible_to(user), pk=pk)
    try:
        services.revoke_invitation(by=user, invitation=invitation)
    except services.RuleBrokenError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The invitation for %(email)s is revoked.") % {"email": invitation.email})
    return redirect("invitation-list")


@inviters_only
@never_cache
def password_link(request: HttpRequest) -> HttpResponse:
    """A one-time link for someone who cannot sign in; the answer shows it, this once."""
    user = signed_in(request)
    form = PasswordLinkForm(request.POST or None, by=user)
    if request.method == "POST" and form.is_valid() and form.user is not None:
        try:
            link = services.issue_password_link(by=user, user=form.user)
        except services.RuleBrokenError as error:
            form.add_error("email", str(error))
        else:
            return _show_link(request, link)
    return render(request, "accounts/password_link.html", {"form": form})


@never_cache
@sensitive_post_parameters()
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """What a one-time link opens: an account for a newcomer, a place in a section for someone known."""
    invitation = Invitation.objects.select_related("section").by_token(token)
    if invitation is None:
        return render(request, "accounts/invitation_closed.html", status=404)
    user = request.user if isinstance(request.user, User) else None
    account = User.objects.filter(email=invitation.email).first()
    context: dict[str, Any] = {"invitation": invitation, "case": _case(invitation, user, account)}
    if context["case"] == "new":
        initial = {"display_name": invitation.display_name}
        context["form"] = AcceptForm(request.POST or None, initial=initial, email=invitation.email)
    if request.method == "POST" and ("form" not in context or context["form"].is_valid()):
        taken = context["form"].cleaned_data if "form" in context else {}
        try:
            user, section = services.accept_invitation(
                by=user,
                token=token,
                display_name=taken.get("display_name", ""),
                password=taken.get("password1"),
            )
        except services.RuleBrokenError as error:
            return render(request, "accounts/invitation_closed.html", {"reason": str(error)}, status=409)
        return _welcome(request, user, section)
    return render(request, "accounts/invitation_accept.html", context)


def _case(invitation: Invitation, user: User | None, account: User | None) -> str:
    if user is not None:
        return "join" if user.email == invitation.email else "other"
    if account is None or not account.has_usable_password():
        return "new"
    return "sign-in"


def _welcome(request: HttpRequest, user: User, section: Section | None) -> HttpResponse:
    if not request.user.is_authenticated:
        login(request, user)
    if section is not None:
        messages.success(request, _("Welcome. You are now in %(section)s.") % {"section": section})
    else:
        messages.success(request, _("Welcome. Your account is ready."))
    return redirect("home")


def _may_invite(user: User) -> bool:
    """A teacher without a section has nobody to invite yet."""
    return not user.is_teacher or Section.objects.current().visible_to(user).exists()


def _show_link(request: HttpRequest, link: services.OneTimeLink) -> HttpResponse:
    """Answer with the link itself and no redirect: it is kept nowhere, so no later page could show it."""
    return render(request, "accounts/one_time_links.html", {"links": [link]})
