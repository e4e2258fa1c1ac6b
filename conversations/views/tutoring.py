"""Tutors as whom one talks with: one's own, what was said with them, and starting to talk."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Section
from accounts.permissions import signed_in, staff_only
from clients.personas.criteria import Result
from clients.personas.scenarios import built_in_scenarios
from clients.views.tutors import learners_and_teachers
from conversations import tutoring
from conversations.models import Message, NoticeAcceptance, Session, TutorTalk
from conversations.sessions import SessionRuleError
from conversations.tutor_forms import GoalForm, RatingForm
from conversations.tutor_measures import by_persona, measured
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
        "form": GoalForm(),
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
    form = GoalForm(request.POST)
    if not form.is_valid():
        for problems in form.errors.values():
            messages.error(request, str(problems[0]))
        return redirect("tutor-list")
    scenario = built_in_scenarios().get(form.cleaned_data["scenario"])
    try:
        session = tutoring.talk(by=user, goal=form.cleaned_data["goal"], scenario=scenario)
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


@learners_and_teachers
@require_POST
def tutor_steps(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Keep which steps of its scenario one has done, and show the conversation again."""
    user = signed_in(request)
    session = get_object_or_404(Session.objects.filter(student=user).exclude(persona=""), pk=pk)
    done = [
        int(number)
        for number in request.POST.getlist("done")
        if number.isascii() and number.isdigit() and len(number) < 4
    ]
    try:
        tutoring.tick(by=user, session=session, done=done)
    except SessionRuleError as error:
        messages.error(request, str(error))
    return redirect("session", pk)


@learners_and_teachers
@require_POST
def tutor_rate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Keep how far one came in one's own conversation; a mistake is told beside what was typed."""
    session = get_object_or_404(Session.objects.filter(student=signed_in(request)).exclude(persona=""), pk=pk)
    form = RatingForm(request.POST)
    if not form.is_valid():
        return render(request, "conversations/tutor_ended.html", ended_with_tutor(session, form))
    try:
        judged = form.cleaned_data
        tutoring.rate(by=signed_in(request), session=session, rating=judged["rating"], note=judged["note"])
    except SessionRuleError as error:
        messages.error(request, str(error))
        return redirect("session", pk)
    messages.success(request, _("Saved."))
    return redirect("session-ended", pk)


def ended_with_tutor(session: Session, form: RatingForm | None = None) -> dict[str, Any]:
    """What the page at the end shows: figures, the goal, and the form in which one judges it."""
    talk = session.tutor_talk
    said = session.messages.filter(role=Message.Role.STUDENT).exclude(status=Message.Status.ASIDE)
    return {
        "session": session,
        "tutor": talk.snapshot,
        "talk": talk,
        "words": sum(len(text.split()) for text in said.values_list("content", flat=True).iterator()),
        "form": form or RatingForm(rating=talk.rating, note=talk.rating_note),
    }


@staff_only
@require_safe
def section_tutor_talks(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How students of a section talk with tutors, and how the tutors keep to their personas' criteria."""
    user = signed_in(request)
    section = get_object_or_404(Section.objects.visible_to(user), pk=pk)
    found = TutorTalk.objects.filter(session__section=section, session__kind=Session.Kind.PRACTICE)
    found = found.select_related("session__student").order_by("-session__started_at", "-session_id")
    page = Paginator(found, ON_PAGE).get_page(request.GET.get("page"))
    talks = list(page)
    results = measured(talks)
    context = {
        "section": section,
        "rows": [(talk, *_met(results.get(talk.pk, []))) for talk in talks],
        "page_obj": page,
        "personas": by_persona(talks, results),
    }
    return render(request, "conversations/section_tutor_talks.html", context)


def _met(results: Sequence[Result]) -> tuple[int, int]:
    """How many criteria were met, of how many that could be measured."""
    known = [result.is_met for result in results if result.is_met is not None]
    return sum(known), len(known)
