"""What a button does with a client: copy, archive, share, open, delete; each answers with a sentence."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Section
from accounts.permissions import signed_in, staff_only
from accounts.views.answers import do_and_say
from clients import services
from clients.forms import OpeningForm
from clients.models import ClientProfile


def _visible(request: HttpRequest, pk: uuid.UUID) -> ClientProfile:
    return get_object_or_404(ClientProfile.objects.visible_to(signed_in(request)), pk=pk)


def _changeable(request: HttpRequest, pk: uuid.UUID) -> ClientProfile:
    return get_object_or_404(ClientProfile.objects.editable_by(signed_in(request)), pk=pk)


def _answer(request: HttpRequest, client: ClientProfile, act: Callable[[], object], done: str) -> HttpResponse:
    do_and_say(request, act, done)
    return redirect("client-detail", client.pk)


@staff_only
@require_POST
def client_duplicate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A copy of any client that the teacher sees, ready to be edited."""
    client = _visible(request, pk)
    copy = services.duplicate_client(by=signed_in(request), client=client)
    text = _("This is your own copy of %(client)s: give it a name. Only you and the people who run this portal see it.")
    messages.success(request, text % {"client": client})
    return redirect("client-edit", copy.pk)


@staff_only
@require_POST
def client_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Out of use, nothing deleted."""
    client, user = _changeable(request, pk), signed_in(request)
    done = _("%(client)s is archived. Conversations and transcripts stay.") % {"client": client}
    return _answer(request, client, lambda: services.archive_client(by=user, client=client), done)


@staff_only
@require_POST
def client_restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Back into use."""
    client, user = _changeable(request, pk), signed_in(request)
    done = _("%(client)s can be used again.") % {"client": client}
    return _answer(request, client, lambda: services.restore_client(by=user, client=client), done)


@staff_only
@require_POST
def client_share(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Shared with all teachers of the school (`shared=yes`), or private again."""
    client, user = _changeable(request, pk), signed_in(request)
    shared = request.POST.get("shared") == "yes"
    done = (
        _("All teachers of the school can now see, test and copy %(client)s.")
        if shared
        else _("Only you and the sections it is open to can now use %(client)s.")
    ) % {"client": client}
    return _answer(request, client, lambda: services.share_client(by=user, client=client, shared=shared), done)


@staff_only
@require_POST
def client_open(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Open or closed for the students of one section that the teacher teaches."""
    client, user = _visible(request, pk), signed_in(request)
    form = OpeningForm(request.POST)
    section = get_object_or_404(
        Section.objects.current().visible_to(user),
        pk=form.cleaned_data["section"] if form.is_valid() else None,
    )
    names = {"client": client, "section": section}
    if form.cleaned_data["open"]:
        done = _("Students of %(section)s can now practise with %(client)s.") % names
        return _answer(request, client, lambda: services.open_to_section(by=user, client=client, section=section), done)
    done = _("Students of %(section)s can start no new conversation with %(client)s. Those that run go on.") % names
    return _answer(request, client, lambda: services.close_to_section(by=user, client=client, section=section), done)


@staff_only
@require_POST
def client_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Gone for good, where nobody has ever talked with the client."""
    client = _changeable(request, pk)
    done = _("%(client)s is deleted.") % {"client": client}
    deleted = do_and_say(request, lambda: services.delete_unused(by=signed_in(request), client=client), done)
    return redirect("client-list") if deleted else redirect("client-detail", pk)
