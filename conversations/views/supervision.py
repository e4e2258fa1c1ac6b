"""What teachers do in a running session of their section: nudge, pause, let go on, end."""

import uuid
from collections.abc import Callable
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import signed_in, staff_only
from accounts.views.answers import Question, ask
from conversations import supervision
from conversations.forms import READY_NUDGES, NudgeForm
from conversations.models import Session
from conversations.sessions import SessionRuleError


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_nudge(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A private word to the student: one of the ready sentences at a press, or one's own."""
    session = _supervised(request, pk)
    ready = READY_NUDGES.get(request.POST.get("ready", ""))
    data = {"text": str(ready)} if ready else request.POST
    form = NudgeForm(data if request.method == "POST" else None)
    if form.is_valid():
        try:
            supervision.nudge(by=signed_in(request), session=session, text=form.cleaned_data["text"])
        except SessionRuleError as error:
            form.add_error("text", str(error))
        else:
            done = _("Your nudge is on its way to %(name)s.") % {"name": session.student}
            return answer(request, done, *way_back(request, session))
    if form.is_bound and wants_json(request):
        return refuse(str(form.errors["text"][0]))
    context = {
        "form": form,
        "session": session,
        "ready": READY_NUDGES.items(),
        "back": request.POST.get("back") or request.GET.get("back", ""),
    }
    return render(request, "conversations/nudge.html", context)


@staff_only
@require_POST
def session_hold(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Pause it until a teacher lets the student go on."""
    return _act(request, pk, supervision.hold, _("The conversation of %(name)s is paused."))


@staff_only
@require_POST
def session_release(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let the student go on."""
    return _act(request, pk, supervision.release, _("%(name)s can go on."))


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_end_for(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then end the conversation in the student's place."""
    if request.method == "POST":
        return _act(request, pk, supervision.end_for, _("The conversation of %(name)s has ended, and is saved."))
    session = _supervised(request, pk)
    names = {"name": session.student, "client": session.client}
    return ask(
        request,
        Question(
            title=_("End the conversation of %(name)s with %(client)s?") % names,
            text=_("Everything that was said is saved. %(name)s cannot continue this conversation afterwards.") % names,
            action=_("End and save"),
            back=reverse("session", args=[session.pk]),
        ),
    )


def _supervised(request: HttpRequest, pk: uuid.UUID) -> Session:
    found = Session.objects.supervised_by(signed_in(request)).select_related("student", "client")
    return get_object_or_404(found, pk=pk)


def _act(request: HttpRequest, pk: uuid.UUID, verb: Callable[..., object], done: str) -> HttpResponse:
    """Do it and say so, or say why not."""
    session = _supervised(request, pk)
    try:
        verb(by=signed_in(request), session=session)
    except SessionRuleError as error:
        if wants_json(request):
            return refuse(str(error))
        messages.error(request, str(error))
        return redirect(*way_back(request, session))
    return answer(request, done % {"name": session.student}, *way_back(request, session))


def way_back(request: HttpRequest, session: Session) -> tuple[str, uuid.UUID]:
    """The page to go on with: the one of the session, or the wall of its section."""
    if request.POST.get("back") == "session" or session.section_id is None:
        return "session", session.pk
    return "wall", session.section_id


def wants_json(request: HttpRequest) -> bool:
    """Whether the wall's script asks, which goes on with the page it has."""
    return request.headers.get("Accept") == "application/json"


def answer(request: HttpRequest, done: str, page: str, pk: uuid.UUID) -> HttpResponse:
    """Say that it is done, to the script or on the next page, which is this one."""
    if wants_json(request):
        return JsonResponse({"text": done})
    messages.success(request, done)
    return redirect(page, pk)


def refuse(words: str) -> HttpResponse:
    """Tell the script why it was not done."""
    return JsonResponse({"text": words}, status=HTTPStatus.CONFLICT)
