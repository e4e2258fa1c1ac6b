"""The conversations that staff look after: filtered, searched by what was said, newest first."""

import uuid
from collections.abc import Sequence

from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode

from accounts.models import User
from accounts.permissions import signed_in
from accounts.views.answers import render_list
from conversations.models import Message, Session, TranscriptReading
from conversations.models.found import Order, first_keys, first_keys_saying
from conversations.models.session import SessionQuerySet
from conversations.readings import log_readings
from conversations.search import excerpt, terms_of
from conversations.session_forms import TaughtFilter
from conversations.views.keyset import Reader, page_of


def taught_list(request: HttpRequest) -> HttpResponse:
    """Practice of one's sections (admins: all); htmx gets the list alone.

    A search shows a line of what was said, which is a reading of each of these conversations.
    """
    user = signed_in(request)
    form = TaughtFilter(request.GET, by=user)
    chosen = form.chosen()
    text = chosen.get("q", "")
    page = page_of(form.sessions(), request.GET, chosen, _reader(user, _sections(user, form, chosen), text))
    lines = _lines(page.sessions, text) if text else {}
    log_readings(by=user, sessions=lines, how=TranscriptReading.How.SEARCH)
    context = {
        "form": form,
        "rows": [(session, *lines.get(session.pk, ("", []))) for session in page.sessions],
        "next_url": page.next_url,
        "previous_url": page.previous_url,
        "filtering": bool(chosen) or bool(form.errors),
        "more": bool(set(chosen) - {"q", "student"}),
        "export": urlencode(chosen),
    }
    return render_list(request, "conversations/taught_list.html", "conversations/_taught_rows.html", context)


def _sections(user: User, form: TaughtFilter, chosen: dict[str, str]) -> Sequence[uuid.UUID] | None:
    """In which sections to look: the chosen one, else a teacher's own; None for an admin, who sees all."""
    if "section" in chosen:
        return [uuid.UUID(chosen["section"])]
    return None if user.is_admin else form.section_keys


def _reader(user: User, sections: Sequence[uuid.UUID] | None, text: str) -> Reader:
    """Reads the first sessions; where a text is sought, `said` is the first message of each that says it."""
    saying = Message.objects.filter(session=OuterRef("pk"), content__says=text).order_by("sequence")
    said = saying.values(message=JSONObject(id="id", sequence="sequence", content="content"))[:1]
    whole = ("student", "client", "section", "assignment", "scoring__released")

    def read(found: SessionQuerySet, order: Order, most: int) -> list[Session]:
        if text:
            keys = first_keys_saying(found, sections, text, order, most)
        else:
            keys = first_keys(found, sections, order, most)
        # Whatever was found: what is shown is what this person sees.
        rows = Session.objects.supervised_by(user).filter(pk__in=keys).select_related(*whole)
        if text:
            rows = rows.annotate(said=Subquery(said))
        by_key = {session.pk: session for session in rows}
        return [by_key[key] for key in keys if key in by_key]

    return read


def _lines(sessions: list[Session], text: str) -> dict[uuid.UUID, tuple[str, list[tuple[str, bool]]]]:
    """By session: where the text is said, and a line of it in pieces."""
    terms = terms_of(text)
    lines = {}
    for session in sessions:
        if said := session.said:  # type: ignore[attr-defined]
            message = Message(pk=uuid.UUID(said["id"]), session=session, sequence=said["sequence"])
            lines[session.pk] = (message.place, excerpt(said["content"], terms))
    return lines
