"""Transcripts: a whole conversation to read, with what stands beside it."""

import uuid

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.permissions import signed_in
from accounts.services.notifications import mark_seen
from conversations import branches
from conversations.breaches import with_breaches
from conversations.counterparts import counterpart_of
from conversations.models import Scoring, Session, TranscriptReading
from conversations.models.message import TRANSCRIPT_PAGE
from conversations.readings import log_reading
from conversations.tips import has_tips
from conversations.views import with_flags
from conversations.views.margin import figures_of, with_margin

PAGE_SIZE = TRANSCRIPT_PAGE


@login_required
@never_cache
@require_safe
def transcript(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The conversation as a script, 200 numbers a page; tokens, cost and reply time are not for students.

    Read by anyone else than whose it is, each page is written down.
    """
    user = signed_in(request)
    session = _readable(user, pk)
    # Numbers have no holes, so a page is a range of them: no counting, and page 30 costs what page 1 does.
    page = Paginator(range(session.last_sequence), PAGE_SIZE).get_page(request.GET.get("page"))
    # With the one before it, which says what was sent meanwhile.
    rows = session.messages.filter(sequence__gte=page.start_index() - 1, sequence__lte=page.end_index())
    script = with_flags(user, (rows if user.is_student else with_breaches(rows)).order_by("sequence"))
    before = script.pop(0) if script and script[0].sequence < page.start_index() else None
    own = session.student_id == user.pk
    # Notes, figures and flags are about practice with clients.
    with_client = session.client_id is not None
    supervised = with_client and session.is_supervised_by(user)
    log_reading(by=user, session=session, how=TranscriptReading.How.TRANSCRIPT)
    mark_seen(by=user, path=request.path)
    context = {
        "session": session,
        "client": counterpart_of(session),
        "client_id": session.client_id or session.persona,
        "student_name": "" if own else session.student.display_name,
        "show_cost": not user.is_student,
        "script": script,
        "can_flag": with_client,
        "copied": branches.lines_copied(session),
        # Whether it is open yet is said when it is pressed.
        "can_try_again": with_client and user.is_student and own and (not session.is_open or has_tips(session)),
        "can_continue": own and session.is_open and Session.objects.open_to(user).filter(pk=pk).exists(),
        "page_obj": page,
        "may_note": supervised,
        "figures": figures_of(session, script) if supervised else None,
        "nudges_after": with_margin(
            user, session, script, since=before.created_at if before else None, last=not page.has_next()
        ),
        **_scoring(user, session),
    }
    return render(request, "conversations/transcript.html", context)


def _scoring(user: User, session: Session) -> dict[str, object]:
    """For students the released `revision` of their scoring, for who may score `may_score` and the `scoring`."""
    scoring: Scoring | None = getattr(session, "scoring", None)
    if not user.is_student:
        may_score = session.may_be_scored_by(user)
        return {"may_score": may_score, "scoring": scoring if may_score else None}
    # Their own session, as they have read it: what `ScoringRevision.visible_to` shows them.
    return {"revision": scoring.released if scoring else None}


def _readable(user: User, pk: uuid.UUID) -> Session:
    # What few conversations have, such as the one that they branch from, is asked for where it is shown: to plan a
    # query over twelve tables takes PostgreSQL longer than all others of a transcript together.
    released = (f"scoring__released__{field}" for field in ("version", "released_by", "evaluation"))
    related = ("section", *released) if user.is_student else ("student", "section", "scoring")
    readable = Session.objects.visible_to(user).select_related(*related)
    return get_object_or_404(readable, pk=pk)
