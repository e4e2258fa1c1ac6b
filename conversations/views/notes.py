"""Notes beside one message: the margin as a part of the transcript, and pages for browsers without scripts."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.permissions import signed_in, staff_only
from accounts.views.answers import Question, ask, do_and_say, wants_part
from conversations.models import MarginNote, Message, Session, TranscriptReading
from conversations.notes import NoteRuleError, add_note, change_note, delete_note
from conversations.readings import log_reading
from conversations.session_forms import NoteForm
from conversations.views import counterpart


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notes(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The margin of this message; sent, another note in it."""
    user = signed_in(request)
    message = _message(user, pk)
    if request.method == "POST":
        form = NoteForm(request.POST)
        if not form.is_valid() or not _kept(form, lambda: add_note(by=user, message=message, **form.cleaned_data)):
            return _margin(request, message, form)
    return _margin(request, message) if wants_part(request) else redirect(message.place)


@staff_only
@never_cache
@require_safe
def note_new(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The form for another note."""
    return _margin(request, _message(signed_in(request), pk), NoteForm())


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def note_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Change one's own note."""
    user = signed_in(request)
    note = _own(user, pk)
    if request.method != "POST":
        form = NoteForm(initial={"text": note.text, "shared": note.shared})
        return _margin(request, note.message, form, note)
    form = NoteForm(request.POST)
    if not form.is_valid() or not _kept(form, lambda: change_note(by=user, note=note, **form.cleaned_data)):
        return _margin(request, note.message, form, note)
    return _margin(request, note.message) if wants_part(request) else redirect(note.message.place)


@staff_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def note_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete one's own note, after a question."""
    user = signed_in(request)
    note = _own(user, pk)
    back = note.message.place
    if request.method == "POST":
        do_and_say(request, lambda: delete_note(by=user, note=note), _("The note is deleted."))
        return redirect(back)
    text = _("“%(text)s” is gone for everyone.") % {"text": note.text}
    if note.shared:
        text = _("“%(text)s” is gone for everyone. The student may have read it already.") % {"text": note.text}
    question = Question(title=_("Delete this note?"), text=text, action=_("Delete note"), back=back, danger=True)
    return ask(request, question)


def _message(user: User, pk: uuid.UUID) -> Message:
    """The message, if this person looks after its conversation."""
    supervised = Session.objects.supervised_by(user).order_by()
    found = Message.objects.filter(session__in=supervised).select_related("session__student", "session__client")
    return get_object_or_404(found, pk=pk)


def _own(user: User, pk: uuid.UUID) -> MarginNote:
    found = MarginNote.objects.editable_by(user).select_related("message__session__student", "message__session__client")
    return get_object_or_404(found, pk=pk)


def _kept(form: NoteForm, act: Callable[[], object]) -> bool:
    """Do it, or say in the form why not."""
    try:
        act()
    except NoteRuleError as error:
        form.add_error(None, str(error))
        return False
    return True


def _margin(
    request: HttpRequest, message: Message, form: NoteForm | None = None, editing: MarginNote | None = None
) -> HttpResponse:
    """The margin for htmx; else a page with the message and the form, which is a reading."""
    user = signed_in(request)
    beside = MarginNote.objects.visible_to(user).filter(message=message).select_related("author")
    message.margin = list(beside.order_by("written_at", "pk"))  # type: ignore[attr-defined]
    # A note that was deleted meanwhile can be written anew: what was typed stays.
    there = editing if editing in message.margin else None  # type: ignore[attr-defined]
    context = {"message": message, "may_note": True, "form": form, "editing": there}
    if wants_part(request):
        response = render(request, "conversations/_margin.html", {**context, "inline": True})
    else:
        log_reading(by=user, session=message.session, how=TranscriptReading.How.TRANSCRIPT)
        context |= {
            "client": counterpart(message.session),
            "client_id": message.session.client_id,
            "student_name": message.session.student.display_name,
            "back": message.place,
        }
        response = render(request, "conversations/note.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response
