"""Notes in the margin of a transcript: for teachers alone, or shared with the student."""

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Notification, User
from accounts.services import RuleBrokenError
from accounts.services.notifications import tell
from conversations.counterparts import counterpart_of
from conversations.models import MarginNote, Message, Session
from monitoring import periods


class NoteRuleError(RuleBrokenError):
    """A rule of notes was broken; the message says which in plain words."""


@transaction.atomic
def add_note(*, by: User, message: Message, text: str, shared: bool = False) -> MarginNote:
    """Write a note beside this message; a shared one is told to the student.

    Raises NoteRuleError where this person does not look after the conversation.
    """
    if not Session.objects.supervised_by(by).filter(pk=message.session_id).exists():
        raise NoteRuleError(_("You can write notes only in conversations of your sections."))
    note = MarginNote.objects.create(message=message, author=by, text=text, shared=shared)
    if shared:
        _tell(note)
    return note


@transaction.atomic
def change_note(*, by: User, note: MarginNote, text: str, shared: bool) -> None:
    """Say it otherwise, or to others. Raises NoteRuleError when it is not one's own, or was deleted meanwhile."""
    locked = _lock(by, note)
    newly_shared = shared and not locked.shared
    locked.text, locked.shared = text, shared
    locked.save(update_fields=["text", "shared"])
    if newly_shared:
        _tell(locked)


@transaction.atomic
def delete_note(*, by: User, note: MarginNote) -> None:
    """Take one's note away for everyone. Raises NoteRuleError when it is not one's own, or is gone already."""
    _lock(by, note).delete()


def _lock(by: User, note: MarginNote) -> MarginNote:
    own = MarginNote.objects.editable_by(by).filter(pk=note.pk).values("pk")
    locked = MarginNote.objects.select_for_update().filter(pk__in=own).first()
    if locked is None:
        raise NoteRuleError(_("This note is not yours, or it was deleted."))
    return locked


def _tell(note: MarginNote) -> None:
    """Tell the student, once a day for each conversation however many notes there are; never what they say."""
    session = note.message.session
    tell(
        users=[session.student],
        kind=Notification.Kind.COMMENTED,
        about=f"session:{session.pk}:{periods.today()}",
        names={"teacher": note.author.display_name, "client": counterpart_of(session).name},
        path=reverse("transcript", args=[session.pk]),
    )
