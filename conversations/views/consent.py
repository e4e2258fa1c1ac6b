"""The page before a client with a content note: what it is about, and whether one wants to talk with them."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.permissions import signed_in, students_only
from clients.models import ClientProfile
from conversations import consent
from conversations.models import Assignment, AssignmentClient
from conversations.views.notice import RepeatPost, begins, onward_of

# The name of the tick with which a student says yes, here and on the client's own page.
AGREE = "agree"


@students_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def content_note(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Ask once for each note; whoever agrees goes on to where they were going."""
    user = signed_in(request)
    onward = onward_of(request)
    task = _task_of(user, onward)
    # Set work may have a client who is open to nobody otherwise.
    client = task.client if task and task.client_id == pk else None
    client = client or get_object_or_404(ClientProfile.objects.startable_by(user), pk=pk)
    missing = request.method == "POST" and AGREE not in request.POST
    if request.method == "POST" and not missing:
        consent.give(by=user, client=client)
        return RepeatPost(onward) if begins(onward) else redirect(onward or reverse("practice-client", args=[pk]))
    teachers = task.assignment.section.teachers.all() if task else []
    context: dict[str, Any] = {
        "client": client,
        "next": onward,
        "assignment": task.assignment if task else None,
        "teachers": ", ".join(teacher.display_name for teacher in teachers),
        "missing": missing,
    }
    return render(request, "conversations/content_note.html", context)


def ask_consent(client: ClientProfile, onward: str) -> HttpResponse:
    """To the page about this client, and from there on to `onward`."""
    return redirect(f"{reverse('content-note', args=[client.pk])}?{urlencode({'next': onward})}")


def _task_of(user: User, onward: str) -> AssignmentClient | None:
    """The task of this student that the address begins, if it begins one."""
    try:
        match = resolve(onward)
    except Resolver404:
        return None
    if match.url_name != "work-start":
        return None
    visible = AssignmentClient.objects.filter(assignment__in=Assignment.objects.visible_to(user).values("pk"))
    return visible.select_related("client", "assignment__section").filter(pk=match.kwargs["pk"]).first()
