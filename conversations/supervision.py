"""What teachers do in the sessions of their sections while they run: nudge, pause and continue, end."""

import uuid

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Section, User
from conversations import sessions
from conversations.models import Nudge, Session
from conversations.models.session import SessionQuerySet
from conversations.sessions import SessionRuleError
from conversations.text import TextError, check_text

NUDGE_MAX = 500
# What a teacher may pause: what runs, and what its student has paused.
PAUSABLE = Q(status=Session.Status.ACTIVE) | Q(status=Session.Status.PAUSED, paused_by=None)
HELD = Q(status=Session.Status.PAUSED, paused_by__isnull=False)


@transaction.atomic
def nudge(*, by: User, session: Session, text: str) -> Nudge:
    """Send the student a private word; their open pages show it within a second or two, later ones when they open.

    Raises SessionRuleError when the text is empty, too long or cannot be stored, the session has ended, or it is not
    this person's to look after.
    """
    text = text.strip()
    if len(text) > NUDGE_MAX:
        words = _("A nudge can have %(limit)d characters; this one has %(count)d. Shorten it and send again.")
        raise SessionRuleError(words % {"limit": NUDGE_MAX, "count": len(text)})
    try:
        check_text(text, NUDGE_MAX)
    except TextError as error:
        raise SessionRuleError(str(error)) from error
    locked = _lock(by, session)
    if not locked.is_open:
        raise SessionRuleError(_("This conversation has ended, so the student would not see it."))
    sent = Nudge.objects.create(session=locked, sent_by=by, text=text)
    _change(Session.objects.filter(pk=locked.pk))
    return sent


@transaction.atomic
def mark_shown(*, by: User, session_id: uuid.UUID, nudge_id: uuid.UUID) -> None:
    """Keep that the student's page shows this nudge, from the first time on; of others and unknown ones nothing."""
    shown = Nudge.objects.filter(pk=nudge_id, session=session_id, session__student=by, shown_at=None)
    if shown.update(shown_at=timezone.now()):
        _change(Session.objects.filter(pk=session_id))


@transaction.atomic
def hold(*, by: User, session: Session) -> None:
    """Pause it until a teacher continues it; also where the student has paused it. Pausing twice keeps the first.

    A running reply is stored when it is done. Raises SessionRuleError when the session has ended, or it is not this
    person's to look after.
    """
    locked = _lock(by, session)
    if not locked.is_open:
        raise SessionRuleError(_("This conversation has ended."))
    _hold(by, Session.objects.filter(pk=locked.pk))


@transaction.atomic
def release(*, by: User, session: Session) -> None:
    """Let the student go on; their deadline moves on by as long as a teacher paused it. One that runs stays as it is.

    Raises SessionRuleError when the session has ended, its student has paused it, or it is not this person's to look
    after.
    """
    locked = _lock(by, session)
    if not locked.is_open:
        raise SessionRuleError(_("This conversation has ended."))
    if locked.status == Session.Status.PAUSED and not locked.is_held:
        raise SessionRuleError(_("The student is taking a moment, and goes on when they are ready."))
    _release(Session.objects.filter(pk=locked.pk))


@transaction.atomic
def end_for(*, by: User, session: Session) -> None:
    """Complete it in the student's place; a running reply is stopped and kept. Ending an ended one changes nothing.

    Raises SessionRuleError when it is not this person's to look after.
    """
    locked = _lock(by, session)
    if locked.is_open:
        sessions.complete(locked)


@transaction.atomic
def hold_all(*, by: User, section: Section) -> int:
    """Pause every open session of a section; how many were not paused by a teacher before."""
    return _hold(by, _all_of(by, section))


@transaction.atomic
def release_all(*, by: User, section: Section) -> int:
    """Let everybody go on whom a teacher of the section has paused; how many."""
    return _release(_all_of(by, section))


def _all_of(by: User, section: Section) -> SessionQuerySet:
    """The open sessions of a section, locked in one order, so that two teachers at once do not wait for each other."""
    found = Session.objects.supervised_by(by).open().filter(section=section)
    # Whoever only names these sessions, as the access log does, need not wait, and so cannot wait in a circle.
    every = Session.objects.select_for_update(no_key=True)
    locked = every.filter(pk__in=found.order_by().values("pk")).order_by("pk")
    return Session.objects.filter(pk__in=list(locked.values_list("pk", flat=True)))


def _hold(by: User, found: SessionQuerySet) -> int:
    return _change(found.filter(PAUSABLE), status=Session.Status.PAUSED, paused_by=by, paused_at=timezone.now())


def _release(found: SessionQuerySet) -> int:
    now = timezone.now()
    moved_on = ExpressionWrapper(F("deadline_at") + (Value(now) - F("paused_at")), output_field=DateTimeField())
    return _change(
        found.filter(HELD),
        status=Session.Status.ACTIVE,
        deadline_at=moved_on,
        last_activity_at=now,
        paused_by=None,
        paused_at=None,
    )


def _change(found: SessionQuerySet, **values: object) -> int:
    """Change these sessions so that open sockets learn it; how many."""
    return found.update(revision=F("revision") + 1, **values)


def _lock(by: User, session: Session) -> Session:
    """The session as it is now, locked, if this person looks after it."""
    allowed = Session.objects.supervised_by(by).filter(pk=session.pk).order_by()
    locked = Session.objects.select_for_update().filter(pk__in=allowed.values("pk")).first()
    if locked is None:
        raise SessionRuleError(_("Only those who teach the section of this conversation can do that."))
    return locked
