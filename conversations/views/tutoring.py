"""Tutors as whom one talks with: one's own, what was said with them, and starting to talk."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.permissions import signed_in
from clients.views.tutors import learners_and_teachers
from conversations import tutoring
from conversations.models import NoticeAcceptance, Session
from conversations.sessions import SessionRuleError
from conversations.views.notice import ask_first

ON_PAGE = 20


@learners_and_teachers
@never_cache
@require_safe
def tutor_list(request: HttpRequest) -> HttpResponse:
    """The tutor that one prefers, with the way to talk, and all conversations with tutors, newest first."""
    user = signed_in(request)
    own = Session.objects.filter(student=user).exclude(persona="").select_related("tutor_talk")
    speakable = Session.objects.spoken_by(user).open().exclude(persona="").values_list("pk", flat=True)
    tutor = tutoring.preferred_tutor(user)
    page = Paginator(own.order_by("-started_at", "-id"), ON_PAGE).get_page(request.GET.get("page"))
    open_now = set(speakable)
    context = {
        "tutor": tutor,
        "goes_on": tutor is not None and own.open().filter(pk__in=open_now, persona=tutor.key).exists(),
        "rows": [(session, session.pk in open_now) for session in page],
        "page_obj": page,
    }
    return render(request, "conversations/tutor_list.html", context)


@learners_and_teachers
@require_POST
def tutor_start(request: HttpRequest) -> HttpResponse:
    """Talk with the tutor that one prefers: go on, or begin; by way of the notice and of the choice if they are new."""
    user = signed_in(request)
    if NoticeAcceptance.needed_by(user):
        return ask_first(request.path)
    try:
        session = tutoring.talk(by=user)
    except tutoring.NoTutorError as error:
        messages.info(request, str(error))
        return redirect("tutor-preference")
    except SessionRuleError as error:
        messages.error(request, str(error))
        return redirect("tutor-list")
    return redirect("session", session.pk)


@learners_and_teachers
@require_POST
def session_debrief(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Go over one's own conversation with the tutor that one prefers."""
    user = signed_in(request)
    about = get_object_or_404(Session.objects.visible_to(user).filter(student=user, client__isnull=False), pk=pk)
    try:
        session = tutoring.debrief(by=user, about=about)
    except tutoring.NoTutorError as error:
        messages.info(request, str(error))
        return redirect("tutor-preference")
    except SessionRuleError as error:
        messages.error(request, str(error))
        return redirect("transcript", about.pk)
    return redirect("session", session.pk)
