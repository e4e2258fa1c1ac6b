"""Transcripts: a whole conversation to read, and to take away as a file."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.permissions import signed_in
from clients.snapshot import ClientSnapshot
from conversations import exports
from conversations.models import Message, Scoring, ScoringRevision, Session
from conversations.views import counterpart
from monitoring import limits
from monitoring.models import RateLimit
from monitoring.templatetags.money import usd

PAGE_SIZE = 200
CHUNK = 500
Writer = Callable[[str, Sequence[exports.Fact], Iterable[exports.Line]], Iterator[str]]


@login_required
@never_cache
@require_safe
def transcript(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The conversation as a script, 200 numbers a page; tokens, cost and reply time are not for students."""
    user = signed_in(request)
    session = _readable(user, pk)
    # Numbers have no holes, so a page is a range of them: no counting, and page 30 costs what page 1 does.
    page = Paginator(range(session.last_sequence), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = session.messages.filter(sequence__gte=page.start_index(), sequence__lte=page.end_index())
    own = session.student_id == user.pk
    context = {
        "session": session,
        "client": counterpart(session),
        "client_id": session.client_id,
        "student_name": "" if own else session.student.display_name,
        "show_cost": not user.is_student,
        "script": list(rows.order_by("sequence")),
        "can_continue": own and session.is_open and Session.objects.open_to(user).filter(pk=pk).exists(),
        "page_obj": page,
        **_scoring(user, session),
    }
    return render(request, "conversations/transcript.html", context)


def _scoring(user: User, session: Session) -> dict[str, object]:
    """For students the released `revision` of their scoring, for who may score `may_score` and the `scoring`."""
    if user.is_student:
        released = ScoringRevision.objects.visible_to(user).select_related("version", "released_by")
        return {"revision": released.filter(scoring__session=session).first()}
    may_score = session.may_be_scored_by(user)
    return {"may_score": may_score, "scoring": Scoring.objects.filter(session=session).first() if may_score else None}


@login_required
@never_cache
@require_safe
def transcript_markdown(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The conversation as a Markdown file."""
    return _file(request, pk, exports.markdown, "text/markdown", "md")


@login_required
@never_cache
@require_safe
def transcript_text(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The conversation as a plain text file."""
    return _file(request, pk, exports.plain_text, "text/plain", "txt")


def _readable(user: User, pk: uuid.UUID) -> Session:
    readable = Session.objects.visible_to(user).select_related("student", "section", "client_version")
    return get_object_or_404(readable, pk=pk)


def _file(request: HttpRequest, pk: uuid.UUID, write: Writer, content_type: str, ending: str) -> HttpResponse:
    """The file, or a page that says when the next one may be taken: each costs a whole conversation to read."""
    user = signed_in(request)
    session = _readable(user, pk)
    try:
        with transaction.atomic():
            limits.admit((RateLimit.Name.EXPORTS_PER_PERSON, str(user.pk)))
    except limits.LimitReachedError as reached:
        page = render(request, "429.html", {"sentence": str(reached)}, status=HTTPStatus.TOO_MANY_REQUESTS)
        page.headers["Retry-After"] = str(reached.retry_after)
        return page
    client = counterpart(session)
    title = _("Conversation with %(name)s") % {"name": client.name}
    pieces = write(title, _facts(user, session), _lines(session, client))
    name = f"{slugify(client.name) or 'client'}-{timezone.localtime(session.started_at):%Y-%m-%d-%H%M}.{ending}"
    return HttpResponse(
        (piece.encode() for piece in pieces),
        content_type=f"{content_type}; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="conversation-{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def _facts(user: User, session: Session) -> list[exports.Fact]:
    """What stands above the conversation; the cost only for those who may see it."""
    facts = [(_("Student"), session.student.display_name)]
    if session.section:
        facts.append((_("Section"), str(session.section)))
    facts += [(_("Started"), _moment(session.started_at)), (_("State"), session.get_status_display())]
    if session.ended_at:
        facts.append((_("Ended"), _moment(session.ended_at)))
    facts.append((_("Times"), timezone.get_current_timezone_name()))
    if not user.is_student:
        facts += [
            (_("Model"), _("scripted voice") if session.voice == Session.Voice.SCRIPTED else session.model),
            (_("Tokens"), str(session.total_tokens)),
            (_("Cost"), usd(session.cost_microusd)),
        ]
    return facts


def _lines(session: Session, client: ClientSnapshot) -> Iterator[exports.Line]:
    """What was said, oldest first, without the attempts that newer ones replaced; read in chunks."""
    names = {Message.Role.STUDENT.value: session.student.display_name, Message.Role.CLIENT.value: client.name}
    messages = session.messages.exclude(status=Message.Status.SUPERSEDED).order_by("sequence")
    for message in messages.iterator(chunk_size=CHUNK):
        whole = message.status == Message.Status.COMPLETE
        yield exports.Line(
            who=names.get(message.role, _("Note")),
            when=_moment(message.created_at),
            text=message.content,
            remark="" if whole else _remark(message, client),
        )


def _remark(message: Message, client: ClientSnapshot) -> str:
    """Why a message is not whole; a line that stood in for a reply is named as such."""
    if message.status == Message.Status.FAILED and message.content:
        return _("not a reply: %(name)s could not answer, and this line stood in") % {"name": client.name}
    return str(message.get_status_display())


def _moment(moment: dt.datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
