"""Looking back: the form for whoever talked, and how student, evaluation and teacher see one conversation."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.permissions import signed_in, students_only
from accounts.services.notifications import mark_seen
from accounts.views.answers import render_list
from conversations import reflections
from conversations.coaching.gate import waits_for_release
from conversations.evaluation import hidden_positions
from conversations.models import (
    Evaluation,
    Reflection,
    RubricVersion,
    Scoring,
    ScoringRevision,
    Session,
    TranscriptReading,
)
from conversations.readings import log_reading
from conversations.response_forms import ReflectionForm
from conversations.scores import CriterionValue, Level
from conversations.views import counterpart

# Two views of a level that lie so far apart are worth talking about.
FAR_APART = 2


@students_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_reflection(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The student's own levels and words about a conversation they held; written once, then shown."""
    user = signed_in(request)
    own = Session.objects.visible_to(user).filter(kind=Session.Kind.PRACTICE)
    session = get_object_or_404(own.select_related("assignment", "branch_of__session"), pk=pk)
    client = counterpart(session)
    if session.is_open:
        return redirect("session", pk)
    mark_seen(by=user, path=request.path)
    context: dict[str, Any] = {"session": session, "client": client}
    written = Reflection.objects.select_related("version").filter(session=session).first()
    if written:
        context |= {"reflection": written, "own": own_rows(written)}
        return render(request, "conversations/reflection.html", context)
    if not session.exchanges:
        messages.info(request, _("Nobody answered in this conversation, so there is nothing to look back on."))
        return redirect("session-ended", pk)
    form = ReflectionForm(request.POST or None, rubric=reflections.rubric_for(session).value)
    if request.method == "POST" and form.is_valid():
        try:
            reflections.write(
                by=user,
                session=session,
                levels=form.levels(),
                formulation=form.cleaned_data["formulation"],
                next_time=form.cleaned_data["next_time"],
            )
        except reflections.ReflectionRuleError as error:
            messages.error(request, str(error))
            return redirect("session-reflection", pk)
        later = waits_for_release(session)
        words = _("Saved. Your teacher opens the feedback when they release it.") if later else ""
        messages.success(request, words or _("Saved. Now read what others see in the same conversation."))
        return redirect("session-ended", pk)
    return render(request, "conversations/reflection.html", context | {"form": form})


def own_rows(reflection: Reflection) -> list[tuple[CriterionValue, str, str]]:
    """Each criterion with the student's own level as it is shown, and what it means ("" where they cannot say)."""
    rows = zip(reflection.version.value.criteria, reflection.levels, strict=True)
    return [(one, level_words(level), one.description(level) if level else "") for one, level in rows]


def level_words(level: int | None) -> str:
    """A level as it is shown: its number and its word."""
    return f"{level} · {Level(level).label}" if level else _("cannot say")


@login_required
@never_cache
@require_safe
def session_views(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How the student, the evaluation and the teacher see a conversation, by criterion; htmx gets the part alone."""
    user = signed_in(request)
    readable = Session.objects.visible_to(user).filter(kind=Session.Kind.PRACTICE)
    session = get_object_or_404(readable.select_related("student"), pk=pk)
    client = counterpart(session)
    log_reading(by=user, session=session, how=TranscriptReading.How.SCORING)
    own = session.student_id == user.pk
    context = {
        "session": session,
        "client": client,
        "student_name": "" if own else session.student.display_name,
        "views": side_by_side(user, session),
    }
    return render_list(request, "conversations/views.html", "conversations/_views_part.html", context)


@dataclass(frozen=True, slots=True)
class ViewsRow:
    """One criterion: each view of it as (whose, level in words), and what is far apart, in words ("" if nothing is)."""

    name: str
    cells: Sequence[tuple[str, str]]
    apart: str


@dataclass(frozen=True, slots=True)
class Views:
    """What there is to see side by side: the reflection (None without one), whose views these are, row by row.

    `elsewhere` names the rubric of a scoring by another one, whose levels cannot stand beside these.
    """

    reflection: Reflection | None
    columns: Sequence[str]
    rows: Sequence[ViewsRow]
    elsewhere: str = ""


class _Column(NamedTuple):
    """One view of all criteria: whose it is, the levels, and how each is shown."""

    label: str
    levels: Sequence[int | None]
    shown: Sequence[str]


def side_by_side(user: User, session: Session) -> Views | None:
    """How the student, the evaluation's draft and the teacher see the conversation, as far as this person may know.

    Students see their own view and what is released to them; the draft is for those who may score. None where there is
    nothing yet. Seven queries at most.
    """
    reflection = Reflection.objects.select_related("version").filter(session=session).first()
    revision = _revision_for(user, session)
    draft = _draft_for(user, session, reflection)
    basis = next((one.version for one in (reflection, revision, draft) if one), None)
    if basis is None:
        return None
    columns: list[_Column] = []
    if reflection:
        columns.append(_of_student(reflection, _("You") if session.student_id == user.pk else _("Student")))
    if draft and draft.version_id == basis.pk:
        columns.append(_of_draft(draft, basis))
    if revision and revision.version_id == basis.pk:
        columns.append(_of_teacher(revision))
    rows = [
        ViewsRow(
            name=criterion.name,
            cells=[(column.label, column.shown[place]) for column in columns],
            apart=_far_apart([(column.label, column.levels[place]) for column in columns]),
        )
        for place, criterion in enumerate(basis.value.criteria)
    ]
    other = revision.version.value.name if revision and revision.version_id != basis.pk else ""
    return Views(reflection, [column.label for column in columns], rows, other)


def _revision_for(user: User, session: Session) -> ScoringRevision | None:
    """What a teacher scored: for students what is released, for others the latest."""
    state = "released" if user.is_student else "latest"
    scoring = Scoring.objects.visible_to(user).select_related(f"{state}__version").filter(session=session).first()
    return getattr(scoring, state) if scoring else None


def _draft_for(user: User, session: Session, reflection: Reflection | None) -> Evaluation | None:
    """The newest draft, by the reflection's rubric where there is one, for those who may score."""
    if not session.may_be_scored_by(user):
        return None
    finished = Evaluation.objects.finished().select_related("version").filter(session=session)
    if reflection:
        finished = finished.filter(version=reflection.version_id)
    return finished.order_by("-created_at", "-id").first()


def _of_student(reflection: Reflection, label: str) -> _Column:
    return _Column(label, reflection.levels, [level_words(level) for level in reflection.levels])


def _of_draft(draft: Evaluation, version: RubricVersion) -> _Column:
    """The levels of an evaluation: what calibration hides is not shown."""
    hidden, found = hidden_positions(draft), dict(draft.findings.values_list("position", "level"))
    places = range(len(version.value.criteria))
    levels = [None if place in hidden else found.get(place) for place in places]
    missing = [_("not shown") if place in hidden else _("no evidence") for place in places]
    shown = [level_words(level) if level else words for level, words in zip(levels, missing, strict=True)]
    return _Column(_("Draft by rule") if draft.is_by_rule else _("AI draft"), levels, shown)


def _of_teacher(revision: ScoringRevision) -> _Column:
    levels = [mark.level for mark in revision.marks.all()]
    return _Column(_("Teacher"), levels, [level_words(level) if level else "–" for level in levels])


def _far_apart(views: Sequence[tuple[str, int | None]]) -> str:
    """Which of these views lie two levels or more apart, in words."""
    known = [(label, level) for label, level in views if level]
    pairs = [
        (one, other, abs(here - there))
        for place, (one, here) in enumerate(known)
        for other, there in known[place + 1 :]
        if abs(here - there) >= FAR_APART
    ]
    words = _("%(one)s and %(other)s: %(count)d levels apart")
    return ". ".join(words % {"one": one, "other": other, "count": count} for one, other, count in pairs)
