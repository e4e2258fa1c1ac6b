"""The review of a conversation: what it came to, its map, and what each message did."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.permissions import signed_in
from clients.snapshot import ClientSnapshot
from conversations import branches
from conversations.coaching.gate import Gate, feedback_open
from conversations.coaching.map import map_of
from conversations.coaching.records import Step, talk_of
from conversations.coaching.remarks import Remark, chosen, remarks_on
from conversations.coaching.summary import summary
from conversations.models import Session, TranscriptReading
from conversations.readings import log_reading
from conversations.views import counterpart

PER_PAGE = 25


@login_required
@never_cache
@require_safe
def session_review(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Feedback on a conversation: for who held it once it is open to them, for who looks after it at any time.

    Read by anyone else than whose it is, it is written down like the transcript, whose words it holds.
    """
    user = signed_in(request)
    visible = Session.objects.visible_to(user)
    related = ("student", "client", "assignment", "branch_of__session__assignment")
    session = get_object_or_404(visible.select_related(*related), pk=pk)
    client = counterpart(session)
    gate = feedback_open(session, user)
    if gate is Gate.TALKING:
        return redirect("session", pk)
    context: dict[str, Any] = {"session": session, "client": client, "first": client.first_name}
    context["student_name"] = "" if session.student_id == user.pk else session.student.display_name
    if gate is not Gate.OPEN:
        return render(request, "conversations/review_waits.html", {**context, "gate": gate.value})
    log_reading(by=user, session=session, how=TranscriptReading.How.TRANSCRIPT)
    context |= _review(request, user, session, client)
    return render(request, "conversations/review.html", context)


def _review(request: HttpRequest, user: User, session: Session, client: ClientSnapshot) -> dict[str, Any]:
    talk = talk_of(session, client)
    language = get_language() or "en"
    remarks = remarks_on(talk.steps, client, language)
    page = Paginator(_rows(talk.steps, remarks), PER_PAGE).get_page(request.GET.get("page"))
    own = session.student_id == user.pk and user.is_student
    why_not = branches.why_not(user, session, Gate.OPEN) if own else ""
    context: dict[str, Any] = {"page_obj": page, "may_try_again": own and not why_not, "why_not": why_not}
    if page.number == 1:
        context["summary"] = summary(talk, remarks, client)
        context["map"] = map_of(talk.steps, remarks, client)
    return context


def _rows(steps: Sequence[Step], remarks: Sequence[Remark]) -> list[dict[str, Any]]:
    """Each message with its remark, whether its wording is shown at once, and the skills that come up first with it."""
    shown, known = chosen(remarks), set()
    rows = []
    for place, (step, one) in enumerate(zip(steps, remarks, strict=True)):
        new = [skill for skill in one.skills if skill not in known]
        known.update(new)
        rows.append({"step": step, "remark": one, "shown": place in shown, "new": new})
    return rows
