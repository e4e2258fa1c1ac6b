"""One's conversations: the history, the chat page, what can be done in it, and the page after its end."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import signed_in
from accounts.views.answers import Question, ask, render_list, wants_part
from clients.costs import Estimate, estimates
from clients.models import ClientProfile
from conversations import branches, reflections, safety, sessions
from conversations.coaching.gate import waits_for_release
from conversations.counterparts import counterpart_of
from conversations.forms import ModelForm, SessionFilter
from conversations.models import Attempt, Message, Reflection, SafetyAlert, Session, SessionFeedback, Turn
from conversations.models.session import SessionQuerySet
from conversations.readings import log_following
from conversations.section_models import choice_of
from conversations.tips import has_tips, tips_of
from conversations.turns.allowance import allowance
from conversations.views import service_words, with_flags
from conversations.views.keyset import page_of
from conversations.views.taught import taught_list
from conversations.views.tutoring import ended_with_tutor
from conversations.views.work import attempt_of, ended_work
from monitoring.templatetags.money import usd

LATEST = 50


@login_required
@never_cache
@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    """The student's own conversations, newest first; staff get those they look after; htmx gets the list alone."""
    user = signed_in(request)
    if not user.is_student:
        return taught_list(request)
    form = SessionFilter(request.GET)
    chosen = form.chosen()
    own = Session.objects.visible_to(user).select_related("client")
    page = page_of(filtered(own, chosen), request.GET, chosen)
    open_here = [session.pk for session in page.sessions if session.is_open]
    speakable = (
        set(Session.objects.open_to(user).filter(pk__in=open_here).values_list("pk", flat=True)) if open_here else set()
    )
    context = {
        "form": form,
        "rows": [(session, session.pk in speakable) for session in page.sessions],
        "next_url": page.next_url,
        "previous_url": page.previous_url,
        "filtering": bool(chosen),
    }
    return render_list(request, "conversations/session_list.html", "conversations/_session_rows.html", context)


def filtered(found: SessionQuerySet, chosen: dict[str, str]) -> SessionQuerySet:
    """The sessions with clients that a SessionFilter leaves; those with tutors have a list of their own."""
    found = found.filter(client__isnull=False)
    if "q" in chosen:
        # By key, so that the search's joins stay out of pages and sums.
        found = found.filter(pk__in=found.matching(chosen["q"]).order_by().values("pk"))
    if "status" in chosen:
        found = found.filter(status__in=SessionFilter.STATUS[chosen["status"]])
    return found


@login_required
@never_cache
@require_safe
def session_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The chat for who sits in the student's chair, and for teachers who follow; other readers go to the transcript."""
    user = signed_in(request)
    whole = ("client", "student", "paused_by", "assignment", "branch_of__session")
    session = get_object_or_404(Session.objects.visible_to(user).select_related(*whole), pk=pk)
    following = session.student_id != user.pk
    before = _number(request.GET.get("before"))
    elsewhere = _elsewhere(request, session)
    if before and not wants_part(request):
        elsewhere = elsewhere or "transcript"  # without scripts, everything earlier is there
    if elsewhere:
        return redirect(elsewhere, session.pk)
    # The turn first: one that ends in between is then found among the messages too, never in neither.
    running = Turn.objects.running().filter(session=session).first()
    context = {
        "session": session,
        "client": counterpart_of(session),
        "client_id": session.client_id or session.persona,
        "tutor_talk": session.tutor_talk if session.persona else None,
        "show_cost": not user.is_student,
        "following": following,
        "attempt": attempt_of(session),
        "student_name": session.student.display_name if following else "",
        "can_retry": not following,
        "can_flag": session.client_id is not None,
        "copied": branches.lines_copied(session),
        "has_tips": not following and has_tips(session),
        **_latest(user, session, before),
    }
    if following:
        # Also where it is only a part: what was said before is read like the rest.
        log_following(by=user, session=session)
    if before:
        return render(request, "conversations/_history.html", context)
    stored = {message.pk for message in context["messages_page"]}
    if running and running.reply_id not in stored:
        context["reply_running"] = {"message": running.reply_id, "text": running.partial_text}
    allowed = None if following else allowance(session)
    nudges = list(session.nudges.select_related("sent_by").order_by("sent_at"))
    context |= {
        "nudges": nudges,
        "unshown_nudges": [nudge for nudge in nudges if nudge.shown_at is None],
        "can_be_followed": not following and session.kind == Session.Kind.PRACTICE and session.section_id,
        "socket_path": session.socket_path,
        "max_length": settings.MESSAGE_MAX_CHARACTERS,
        "scripted": session.voice == Session.Voice.SCRIPTED,
        "model_choices": [] if following else _model_choices(session),
        "allowance": allowed,
        "paused_for_them": session.status == Session.Status.PAUSED and safety.has_paused(session),
        "service": "" if following or (allowed and allowed.exhausted) else _service(session),
    }
    return render(request, "conversations/session.html", context)


def _elsewhere(request: HttpRequest, session: Session) -> str:
    """The page on which this person finds the session, where that is not the chat."""
    user = signed_in(request)
    if session.student_id != user.pk:
        return "" if session.is_open and session.is_supervised_by(user) else "transcript"
    if not session.is_open:
        return "session-ended"
    if not Session.objects.open_to(user).filter(pk=session.pk).exists():
        messages.info(
            request, _("You have left the section of this conversation, so you can read it but not continue it.")
        )
        return "transcript"
    return ""


def _service(session: Session) -> str:
    if session.voice == Session.Voice.SCRIPTED:
        return ""
    return service_words(session.model, *choice_of(session.section_id).stand_ins)


def _number(text: str | None) -> int:
    """A sequence number from the address, 0 where there is none; longer ones than any database holds are none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


def _latest(user: User, session: Session, before: int) -> dict[str, Any]:
    """The last 50 messages (before that number, if one is given), oldest first, and the way to earlier ones."""
    found = session.messages.order_by("-sequence")
    rows = list((found.filter(sequence__lt=before) if before else found)[: LATEST + 1])
    page = with_flags(user, rows[:LATEST][::-1])
    if session.student_id == user.pk and has_tips(session):
        tips = tips_of(session.pk, [row.pk for row in page if row.role == Message.Role.STUDENT])
        for row in page:
            row.tip = tips.get(row.pk)  # type: ignore[attr-defined]
    more = len(rows) > LATEST
    earlier = f"{reverse('session', args=[session.pk])}?before={page[0].sequence}" if more else ""
    return {"messages_page": page, "has_earlier": more, "earlier_url": earlier}


def _model_choices(session: Session) -> list[tuple[str, str]]:
    """What a teacher may switch a test to: the model, and what a conversation costs with it."""
    if session.kind != Session.Kind.TEST or session.voice != Session.Voice.CLAUDE or session.client is None:
        return []
    return [(one.model, _price_words(one)) for one in estimates(session.client)]


def _price_words(estimate: Estimate) -> str:
    values = {"cost": usd(estimate.microusd), "limit": usd(settings.COST_WARNING_MICROUSD)}
    if estimate.above_warning:
        return _("About %(cost)s for 30 messages, more than %(limit)s") % values
    return _("About %(cost)s for 30 messages") % values


@login_required
@require_POST
def session_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a break."""
    return _act(request, pk, sessions.pause)


@login_required
@require_POST
def session_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Go on after a break."""
    return _act(request, pk, sessions.resume)


def _act(request: HttpRequest, pk: uuid.UUID, verb: Any, **values: Any) -> HttpResponse:
    """Do something in one's own conversation and show it again; a broken rule is said there."""
    user = signed_in(request)
    session = get_object_or_404(Session.objects.spoken_by(user), pk=pk)
    try:
        verb(by=user, session=session, **values)
    except sessions.SessionRuleError as error:
        messages.error(request, str(error))
    return redirect("session", session.pk)


@login_required
@require_POST
def session_end(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End one's own conversation, also one that can no longer be continued; ending twice is ending once."""
    user = signed_in(request)
    session = get_object_or_404(Session.objects.visible_to(user).filter(student=user), pk=pk)
    attempt = attempt_of(session)
    if attempt and session.is_open and not attempt.is_long_enough and "sure" not in request.POST:
        return ask(request, _question_too_short(attempt))
    sessions.end(by=user, session=session)
    return redirect("session-ended", session.pk)


def _question_too_short(attempt: Attempt) -> Question:
    """What is asked before an attempt is ended that will not count."""
    said = ngettext(
        "This will not count yet: %(least)d exchange is asked for, and there have been %(count)d.",
        "This will not count yet: %(least)d exchanges are asked for, and there have been %(count)d.",
        attempt.least,
    )
    return Question(
        title=_("End the conversation with %(client)s?") % {"client": attempt.task.client},
        text=said % {"least": attempt.least, "count": attempt.session.exchanges},
        action=_("End and save"),
        back=reverse("session", args=[attempt.session_id]),
    )


@login_required
@require_POST
def session_model(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let another model speak in one's own test; not for students."""
    if signed_in(request).is_student:
        raise Http404
    form = ModelForm(request.POST)
    model = form.cleaned_data["model"] if form.is_valid() else ""
    return _act(request, pk, sessions.change_model, model=model)


@login_required
@never_cache
@require_safe
def session_ended(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What was saved, how long it took, and ways on."""
    user = signed_in(request)
    own = Session.objects.visible_to(user).filter(student=user)
    related = ("client", "assignment", "branch_of__session__assignment")
    session = get_object_or_404(own.select_related(*related), pk=pk)
    if session.is_open:
        return redirect("session", session.pk)
    if session.persona:
        return render(request, "conversations/tutor_ended.html", ended_with_tutor(session))
    # Here, not in the conversation that a branch comes from.
    new = session.messages.filter(sequence__gt=branches.lines_copied(session))
    said = new.filter(role=Message.Role.STUDENT).exclude(status=Message.Status.ASIDE)
    context = {
        "session": session,
        "client": counterpart_of(session),
        "words": sum(len(text.split()) for text in said.values_list("content", flat=True).iterator()),
        "awaits_reflection": user.is_student and reflections.is_awaited(session),
        "awaits_release": user.is_student and waits_for_release(session),
        "looked_back": Reflection.objects.filter(session=session).exists(),
        "comparison": branches.comparison(session),
        "was_in_danger": user.is_student and SafetyAlert.objects.danger().filter(session=session).exists(),
        "has_feedback": SessionFeedback.objects.filter(session=session).exists(),
        "links": _ways_on(user, session),
        **ended_work(user, session),
    }
    return render(request, "conversations/ended.html", context)


def _ways_on(user: User, session: Session) -> dict[str, str]:
    """Addresses: the transcript, another client, and the same one again (a POST; "" if not possible now)."""
    again = "practice-start" if user.is_student else "client-test"
    free = session.assignment_id is None
    startable = free and ClientProfile.objects.startable_by(user).filter(versions=session.client_version_id).exists()
    return {
        "transcript": reverse("transcript", args=[session.pk]),
        "another": reverse("practice" if user.is_student else "client-list"),
        "again": reverse(again, args=[session.client_id]) if startable else "",
    }
