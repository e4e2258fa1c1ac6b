"""Scoring one conversation: the form beside the transcript, with a draft if one was asked for, release, withdrawal."""

import uuid

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from accounts.views.answers import Question, ask
from conversations import evaluation, rubrics
from conversations.forms import rubric_groups
from conversations.models import Message, Rubric, Scoring, ScoringRevision, Session, TranscriptReading
from conversations.readings import log_reading
from conversations.rubric_forms import ScoringForm
from conversations.scores import RubricValue
from conversations.views import counterpart
from conversations.views import evaluation as drafting

# A page beside the form; the whole conversation is one link away.
LINES = 200
REVISIONS = 20


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scoring(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The form beside the transcript; without a rubric yet, or with `?rubric=choose`, the choice of one.

    Buttons about the draft (see views.evaluation) save nothing of the form and lose nothing of it.

    `?rubric=<id>` scores by that rubric as it is now, otherwise by what the latest revision was scored with, or by the
    assignment's as it was when the attempt began.
    """
    user = signed_in(request)
    session = _scorable(user, pk)
    found: Scoring | None = getattr(session, "scoring", None)
    latest = found.latest if found else None
    wanted = request.GET.get("rubric", "")
    rubric = _chosen(user, wanted)
    basis = rubric or (None if wanted else latest.version if latest else rubrics.frozen_version(session))
    if basis is None:
        return _choose(request, session, found)
    value = basis.value() if isinstance(basis, Rubric) else basis.value
    initial = _initial(value, latest)
    if drafting.is_about_draft(request):
        sent = drafting.press(request, session, value, basis)
        return _page(request, session, ScoringForm(rubric=value, initial=initial | sent), found)
    form = ScoringForm(request.POST or None, rubric=value, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            rubrics.score(
                by=user,
                session=session,
                marks=form.marks(),
                comment=form.cleaned_data["comment"],
                rubric=rubric,
                number=form.cleaned_data["number"],
                fingerprint=form.cleaned_data["fingerprint"],
                evaluation=drafting.shown(session, value, form.cleaned_data["evaluation"]),
                shows_evidence=form.cleaned_data["shows_evidence"],
            )
        except rubrics.StaleEditError as error:
            # Told once: the page shows what stands there now, and the next attempt is made on top of that.
            saved = ScoringRevision.objects.filter(scoring__session=session).count()
            form.with_told(number=saved, fingerprint=value.fingerprint)
            form.add_error(None, str(error))
        except rubrics.RubricRuleError as error:
            form.add_error(None, str(error))
        else:
            if "release" in request.POST:
                return redirect("scoring-release", session.pk)
            messages.success(request, _("The draft is saved. The student does not see it until you release it."))
            return redirect("scoring", session.pk)
    return _page(request, session, form, found)


def _page(request: HttpRequest, session: Session, form: ScoringForm, found: Scoring | None) -> HttpResponse:
    log_reading(by=signed_in(request), session=session, how=TranscriptReading.How.SCORING)
    said = session.messages.exclude(status=Message.Status.SUPERSEDED).order_by("sequence")
    script = list(said.select_related("safety_alert")[: LINES + 1])
    context = {
        **drafting.beside(session, form, script),
        "session": session,
        "client": counterpart(session),
        "client_id": session.client_id,
        "student_name": session.student.display_name,
        "script": script[:LINES],
        "cut": LINES if len(script) > LINES else 0,
        "form": form,
        "scoring": found,
        "revisions": _history(found)[:REVISIONS] if found else [],
    }
    return render(request, "conversations/scoring.html", context)


def _initial(value: RubricValue, latest: ScoringRevision | None) -> dict[str, object]:
    """What the form begins with: the latest marks, where they were given by this very rubric."""
    initial: dict[str, object] = {"number": latest.number if latest else 0, "fingerprint": value.fingerprint}
    # Chosen once, it stays as the teacher chose it.
    initial["shows_evidence"] = latest.shows_evidence if latest and latest.evaluation_id else True
    if latest:
        initial["comment"] = latest.comment
        if latest.version.fingerprint == value.fingerprint:
            for mark in latest.marks.all():
                initial |= {f"level-{mark.position}": mark.level, f"comment-{mark.position}": mark.comment}
    return initial


def _chosen(user: User, wanted: str) -> Rubric | None:
    """The rubric that the address names, if this person may use it."""
    try:
        key = uuid.UUID(wanted)
    except ValueError:
        return None
    return get_object_or_404(Rubric.objects.visible_to(user).current().prefetch_related("criteria"), pk=key)


def _choose(request: HttpRequest, session: Session, found: Scoring | None) -> HttpResponse:
    """Which rubric to score by: one's own, those of colleagues, built-in ones."""
    context = {
        "session": session,
        "client": counterpart(session),
        "student_name": session.student.display_name,
        "groups": rubric_groups(signed_in(request)),
        "scoring": found,
    }
    return render(request, "conversations/scoring_choose.html", context)


def _history(found: Scoring) -> QuerySet[ScoringRevision]:
    return found.revisions.select_related("saved_by", "released_by", "withdrawn_by").order_by("-number")


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scoring_release(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the latest revision to the student, after a question that shows what they will read."""
    user = signed_in(request)
    session = _scorable(user, pk)
    found: Scoring | None = getattr(session, "scoring", None)
    if request.method == "POST":
        number = request.POST.get("number", "")
        try:
            read = int(number) if number.isdecimal() and len(number) < 10 else 0
            evidence = evaluation.evidence_for(found.latest) if found and found.latest else []
            rubrics.release(by=user, session=session, number=read, evidence=evidence)
        except rubrics.RubricRuleError as error:
            messages.error(request, str(error))
            return redirect("scoring", session.pk)
        done = _("Released. %(student)s finds it above the transcript of this conversation.")
        messages.success(request, done % {"student": session.student.display_name})
        return redirect("scoring", session.pk)
    if found is None or found.latest is None or found.latest.total is None or session.is_open:
        messages.error(request, _why_not(session, found))
        return redirect("scoring", session.pk)
    context = {
        "session": session,
        "revision": found.latest,
        "rows": found.latest.rows(evaluation.evidence_for(found.latest)),
        "checked_by": user,
        "student_name": session.student.display_name,
    }
    return render(request, "conversations/scoring_release.html", context)


def _why_not(session: Session, found: Scoring | None) -> str:
    if found is None:
        return _("There is no scoring yet. Score the conversation first.")
    if session.is_open:
        return _("The draft is saved. You can release it once the conversation has ended.")
    return _("The draft is saved. Choose a level for every criterion before you release it.")


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scoring_withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a released scoring back, after a question."""
    user = signed_in(request)
    session = _scorable(user, pk)
    if request.method == "POST":
        rubrics.withdraw(by=user, session=session)
        messages.success(request, _("Withdrawn. The student does not see the scoring any more."))
        return redirect("scoring", session.pk)
    return ask(
        request,
        Question(
            title=_("Withdraw the scoring of %(student)s?") % {"student": session.student.display_name},
            text=_("They may have read it already. Levels and comments stay here, and you can release them again."),
            action=_("Withdraw scoring"),
            back=reverse("scoring", args=[pk]),
        ),
    )


def _scorable(user: User, pk: uuid.UUID) -> Session:
    scored = ("scoring__latest__version", "scoring__latest__evaluation", "scoring__released")
    scorable = Session.objects.scorable_by(user).select_related("student", "section", *scored)
    return get_object_or_404(scorable, pk=pk)
