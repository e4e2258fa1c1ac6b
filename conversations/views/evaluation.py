"""Drafts beside the form of a scoring, for all of an assignment at once, and how far they agree with teachers."""

import uuid
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery, Sum, UUIDField
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from accounts.services import RuleBrokenError
from conversations import evaluation
from conversations.evaluation import calibration
from conversations.evaluation.runs import runs_of
from conversations.models import Assignment, Evaluation, EvaluationClaim, Message, Rubric, RubricVersion, Session
from conversations.rubric_forms import ScoringForm
from conversations.rubrics_builtin import load_rubrics
from conversations.scores import RubricValue

# The buttons of the scoring page that are about the draft; what else the form holds stays as it was typed.
BUTTONS = ("ask", "look", "use", "strike", "unstrike")
VERSIONS = 10
USUAL = "active-listening-rapport"


def is_about_draft(request: HttpRequest) -> bool:
    """Whether one of the draft's buttons was pressed."""
    return any(button in request.POST for button in BUTTONS)


def press(request: HttpRequest, session: Session, value: RubricValue, rubric: Rubric | RubricVersion) -> dict[str, Any]:
    """Do what the button says; the form's values as they were typed, or with the levels of the draft.

    `value` is what the form shows, by the `rubric` as it is now or the version that was used before.
    """
    post, user = request.POST, signed_in(request)
    sent: dict[str, Any] = {name: post[name] for name in ScoringForm(rubric=value).fields if name in post}
    if post.get("evaluation"):
        # A box that is not ticked is not sent; before there was a draft it was not there.
        sent["shows_evidence"] = "shows_evidence" in post
    if "ask" in post and post.get("evaluation", "") == _newest(session, value):
        # Else the page was loaded again, which sends the button again: the draft it asked for is there.
        _do(request, lambda: evaluation.evaluate(by=user, sessions=[session], rubric=rubric, again=True))
    if "strike" in post:
        claim = _claim(session, post["strike"])
        _do(request, lambda: evaluation.strike(by=user, claim=claim))
    if "unstrike" in post:
        claim = _claim(session, post["unstrike"])
        _do(request, lambda: evaluation.unstrike(by=user, claim=claim))
    if "use" in post:
        draft, _asked = evaluation.draft_of(session, value)
        levels = enumerate(finding.level for finding in draft.findings) if draft else ()
        sent |= {f"level-{position}": level for position, level in levels if level}
        messages.info(request, _("The levels of the draft are filled in. Nothing is saved yet."))
    return sent


def _newest(session: Session, value: RubricValue) -> str:
    """The key of the newest finished draft, "" where there is none."""
    draft, _asked = evaluation.draft_of(session, value)
    return str(draft.evaluation.pk) if draft else ""


def _do(request: HttpRequest, act: Callable[[], object]) -> None:
    try:
        act()
    except RuleBrokenError as error:
        messages.error(request, str(error))


def _claim(session: Session, key: str) -> EvaluationClaim:
    return get_object_or_404(EvaluationClaim, finding__evaluation__session=session, pk=_key(key))


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def shown(session: Session, value: RubricValue, key: uuid.UUID | None) -> Evaluation | None:
    """The finished draft of this session, by this very rubric, that the form says it was filled in beside."""
    drafts = Evaluation.objects.finished().filter(session=session, version__fingerprint=value.fingerprint)
    return drafts.filter(pk=key).first() if key else None


def beside(session: Session, form: ScoringForm, script: Sequence[Message]) -> dict[str, Any]:
    """What the scoring page shows of the draft: `rows` of the form with their findings, and how an asked one goes."""
    draft, asked = evaluation.draft_of(session, form.rubric)
    if draft:
        form.stand_beside(draft.evaluation.pk)
    findings = draft.findings if draft else repeat(None)
    said = [message for message in script if message.status != Message.Status.ASIDE]
    return {
        "draft": draft,
        "rows": [{**row, "finding": finding} for row, finding in zip(form.rows(), findings, strict=False)],
        "on_page": {message.pk for message in script},
        "cost": evaluation.cost_of(form.rubric, sum(len(message.content) for message in said)),
        "may_ask": not session.is_open and any(message.role == Message.Role.STUDENT for message in said),
        **_state(asked),
    }


def _state(asked: Evaluation | None) -> dict[str, Any]:
    """How an evaluation goes that is not done, or just was: `asked` and its `runs`."""
    return {"asked": asked, "runs": runs_of(asked.voice) if asked else 0}


@staff_only
@never_cache
@require_safe
def evaluation_state(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How one evaluation goes; the scoring page asks for it while it runs.

    Nothing (204) while no more runs are `done` than the page says already, so that screen readers read news alone.
    """
    visible = Evaluation.objects.visible_to(signed_in(request)).select_related("job")
    asked = get_object_or_404(visible, pk=pk)
    if asked.is_waited_for and request.GET.get("done") == str(len(asked.runs)):
        return HttpResponse(status=204)
    return render(request, "conversations/_evaluation_state.html", _state(asked))


@staff_only
@require_POST
def assignment_evaluate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Drafts for all handed-in attempts that have none, in one job, whose page shows the progress."""
    user = signed_in(request)
    assignment = get_object_or_404(Assignment.objects.visible_to(user), pk=pk)
    sessions = list(evaluation.undrafted(assignment))
    if not sessions:
        messages.info(request, _("Every attempt that was handed in has a draft already, or one under way."))
        return redirect("assignment-detail", pk)
    begun: list[Evaluation] = []
    _do(request, lambda: begun.extend(evaluation.evaluate(by=user, sessions=sessions)))
    return redirect("job", begun[-1].job_id) if begun else redirect("assignment-detail", pk)


def drafting_of(user: User) -> Subquery:
    """For assignments: the key of the newest job that makes drafts for it and that this person may look at."""
    running = Evaluation.objects.filter(session__assignment=OuterRef("pk"), job__finished_at=None, job__owner=user)
    return Subquery(running.exclude(job=None).order_by("-created_at").values("job")[:1], output_field=UUIDField())


def drafts_of(assignment: Assignment) -> dict[str, Any]:
    """What the assignment's page says of drafts: how many attempts are `undrafted`, and about what they would cost.

    One query; the cost is that of a rubric of the usual size.
    """
    sizes = evaluation.undrafted(assignment).aggregate(
        number=Count("pk", distinct=True), characters=Sum(Length("messages__content"))
    )
    usual = load_rubrics()[USUAL]
    cost = evaluation.cost_of(usual, sizes["characters"], sizes["number"]) if sizes["number"] else None
    return {"undrafted": sizes["number"], "cost": cost}


@staff_only
@require_safe
def rubric_calibration(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How far drafts by this rubric agree with what teachers gave, in the conversations that this person may score."""
    user = signed_in(request)
    rubric = get_object_or_404(Rubric.objects.visible_to(user), pk=pk)
    judged = Evaluation.objects.visible_to(user).finished().filter(version__rubric=rubric)
    versions = RubricVersion.objects.filter(rubric=rubric, pk__in=judged.order_by().values("version"))
    offered = list(versions.order_by("-created_at")[:VERSIONS])
    wanted = _key(request.GET.get("version", ""))
    version = next((one for one in offered if one.pk == wanted), offered[0] if offered else None)
    context = {
        "rubric": rubric,
        "versions": offered,
        "version": version,
        "raters": _raters(version, user) if version else [],
        "enough": calibration.ENOUGH,
    }
    return render(request, "conversations/rubric_calibration.html", context)


def _raters(version: RubricVersion, user: User) -> list[dict[str, Any]]:
    """Each rater with its agreement criterion by criterion, and which levels are hidden over the whole school."""
    found = calibration.agreements(version, Session.objects.scorable_by(user))
    return [
        {
            "rater": rater,
            "rows": [
                {
                    "criterion": criterion,
                    "agreement": by_position.get(position),
                    "hidden": position in calibration.hidden_by(version.pk, rater),
                }
                for position, criterion in enumerate(version.value.criteria)
            ],
        }
        for rater, by_position in sorted(found.items())
    ]
