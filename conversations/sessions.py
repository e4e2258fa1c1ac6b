"""What happens to a session: started, paused, continued, ended, abandoned, given another model."""

import datetime as dt
import uuid

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Section, User
from accounts.services import RuleBrokenError
from clients.models import ClientProfile
from clients.services import freeze
from conversations import consent
from conversations.models import Assignment, Message, NoticeAcceptance, Session, Turn
from conversations.models.notice import NOTICE_VERSION
from conversations.section_models import voice_in
from monitoring import pricing
from monitoring.services import offered_models


class SessionRuleError(RuleBrokenError):
    """A rule of sessions was broken; the message says which in plain words."""


class ConsentNeededError(SessionRuleError):
    """The client has a content note that this person has not agreed to."""


def must_consent(by: User, client: ClientProfile) -> None:
    """Raise ConsentNeededError where a student has not read the client's content note and said yes."""
    if consent.is_needed(by, client):
        raise ConsentNeededError(_("Read the note about this client first, and say that you want to talk with them."))


def accept_notice(*, by: User) -> None:
    """Keep that this person has read and accepted the notice, with the date; asking twice keeps the first date."""
    NoticeAcceptance.objects.get_or_create(user=by, version=NOTICE_VERSION)


def start(*, by: User, client: ClientProfile) -> Session:
    """The open session of this person with this client: the one that exists, or a new one.

    A student's session is practice, anyone else's a test. Raises SessionRuleError when the notice is not accepted or
    the client is not open to this person, ConsentNeededError before a new talk with a client who has a content note.
    """
    if NoticeAcceptance.needed_by(by):
        raise SessionRuleError(_("Read and accept the notice first."))
    if not ClientProfile.objects.startable_by(by).filter(pk=client.pk).exists():
        raise SessionRuleError(_("You cannot start a conversation with this client now."))
    existing = open_session(by, client)
    if existing and Session.objects.spoken_by(by).filter(pk=existing.pk).exists():
        return existing
    if existing:
        # It belongs to a section that they have left: nobody can go on with it, and it would bar a new one.
        end(by=by, session=existing)
    must_consent(by, client)
    try:
        return create(by=by, client=client, section=_section_for(by, client))
    except IntegrityError:
        # Two starts came at once and the other was first: the constraint keeps one, and both get it.
        winner = open_session(by, client)
        if winner is None:
            raise
        return winner


def open_session(user: User, client: ClientProfile) -> Session | None:
    """The session that this person has open with this client, outside of any assignment, and no branch."""
    return Session.objects.open().filter(student=user, client=client, assignment=None, branch_of=None).first()


@transaction.atomic
def create(
    *,
    by: User,
    client: ClientProfile,
    section: Section | None,
    assignment: Assignment | None = None,
    deadline_at: dt.datetime | None = None,
) -> Session:
    """A new session with the client as it is now; whoever calls has asked whether this person may start it.

    Raises IntegrityError when one is open already.
    """
    voice, model = voice_in(section.pk if section else None, client.chosen_model)
    session = Session.objects.create(
        student=by,
        section=section,
        assignment=assignment,
        deadline_at=deadline_at,
        kind=Session.Kind.PRACTICE if by.is_student else Session.Kind.TEST,
        client=client,
        client_version=freeze(client),
        voice=voice,
        model=model,
    )
    if client.client_speaks_first:
        Message.objects.create(
            session=session,
            sequence=1,
            role=Message.Role.CLIENT,
            content=client.opening_line,
            token_count=pricing.estimate_tokens(client.opening_line),
        )
        session.last_sequence = 1
        session.said_tokens = pricing.most_tokens_of_prose(client.opening_line)
        session.save(update_fields=["last_sequence", "said_tokens"])
    return session


def _section_for(user: User, client: ClientProfile) -> Section | None:
    """The section that a student's practice belongs to: one that the client is opened to, else their newest one."""
    if not user.is_student:
        return None
    enrolments = user.enrolments.active().select_related("section")
    opened = enrolments.filter(section__openings__client=client, section__openings__closed_at=None)
    enrolment = opened.first() or enrolments.first()
    return enrolment.section if enrolment else None


@transaction.atomic
def pause(*, by: User, session: Session) -> None:
    """Take a break: nothing can be sent until the session is continued; a running reply is stored when it is done.

    Raises SessionRuleError when the session has ended, or a teacher has paused it.
    """
    _change_status(by, session, Session.Status.PAUSED)


@transaction.atomic
def resume(*, by: User, session: Session) -> None:
    """Go on after a pause. Raises SessionRuleError when the session has ended, or a teacher has paused it."""
    _change_status(by, session, Session.Status.ACTIVE)


@transaction.atomic
def end(*, by: User, session: Session) -> None:
    """Complete the session; a running reply is stopped and what arrived of it is kept.

    Ending an ended session changes nothing.
    """
    locked = _lock(by, session)
    if locked.is_open:
        complete(locked)


@transaction.atomic
def end_by_operator(*, by: User, session: Session) -> bool:
    """Complete any open session, whoever looks after it; a running reply is stopped and kept. Whether it was open.

    Raises PermissionDenied for who may not (`conversations.change_session`).
    """
    if not by.has_perm("conversations.change_session"):
        raise PermissionDenied
    locked = Session.objects.select_for_update().open().filter(pk=session.pk).first()
    if locked is not None:
        complete(locked)
    return locked is not None


def complete(locked: Session) -> None:
    """Complete an open session that is locked; a running reply is stopped and what arrived of it is kept."""
    Turn.objects.running().filter(session=locked).update(stop_requested_at=timezone.now())
    _close(locked, Session.Status.COMPLETED)


def close_overdue() -> int:
    """Complete the sessions whose deadline has come, once their running reply is finished; how many."""
    overdue = Session.objects.overdue().order_by("deadline_at")
    return sum(_close_at_deadline(pk) for pk in overdue.values_list("pk", flat=True)[:1_000])


@transaction.atomic
def _close_at_deadline(session_id: uuid.UUID) -> bool:
    session = Session.objects.select_for_update().overdue().filter(pk=session_id).first()
    if session is None or Turn.objects.running().filter(session=session).exists():
        return False
    # Handed in when time was up, whenever we come to it: nobody is late by our doing.
    _close(session, Session.Status.COMPLETED, at=session.deadline_at)
    return True


def abandon_idle() -> int:
    """Close the free conversations in which nothing happened for SESSION_IDLE_MINUTES; how many.

    An attempt at an assignment stays open: it ends by its student, its deadline or a teacher.
    """
    moment = timezone.now() - dt.timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    count = 0
    for session_id in Session.objects.idle_since(moment).values_list("pk", flat=True)[:1_000]:
        count += _abandon(session_id, moment)
    return count


@transaction.atomic
def _abandon(session_id: uuid.UUID, moment: dt.datetime) -> bool:
    session = Session.objects.select_for_update().idle_since(moment).filter(pk=session_id).first()
    if session is None or Turn.objects.running().filter(session=session).exists():
        return False
    _close(session, Session.Status.ABANDONED)
    return True


def _close(session: Session, status: Session.Status, at: dt.datetime | None = None) -> None:
    session.status, session.ended_at = status, at or timezone.now()
    session.outcome = _outcome_of(session)
    session.paused_by, session.paused_at = None, None
    session.revision = F("revision") + 1
    session.save(update_fields=["status", "ended_at", "outcome", "paused_by", "paused_at", "revision"])
    session.refresh_from_db(fields=["revision"])


def _outcome_of(session: Session) -> str:
    """How the client stands after the last turn; "" where nothing was said."""
    last = Turn.objects.filter(session=session).order_by("-accepted_at").values_list("state", flat=True).first()
    return last.get("outcome", "") if last else ""


@transaction.atomic
def change_model(*, by: User, session: Session, model: str) -> None:
    """Let another model speak from the next reply on; for teachers' tests.

    Raises SessionRuleError when the model is not offered, or the session is not a test with a model behind it.
    """
    locked = _lock(by, session)
    if locked.kind != Session.Kind.TEST or locked.voice != Session.Voice.CLAUDE or not locked.is_open:
        raise SessionRuleError(_("The model of this conversation cannot be changed."))
    if model not in offered_models():
        raise SessionRuleError(_("This model is not offered here. Choose one from the list."))
    locked.model = model
    locked.save(update_fields=["model"])


def _change_status(by: User, session: Session, status: Session.Status) -> None:
    locked = _lock(by, session)
    if not locked.is_open:
        raise SessionRuleError(_("This conversation has ended."))
    if locked.is_held:
        raise SessionRuleError(_("Your teacher has paused this conversation. It goes on when they continue it."))
    locked.status, locked.last_activity_at = status, timezone.now()
    locked.revision = F("revision") + 1
    locked.save(update_fields=["status", "last_activity_at", "revision"])


def _lock(by: User, session: Session) -> Session:
    """The session as it is now, locked, if this person sits in the student's chair."""
    locked = Session.objects.select_for_update().filter(pk=session.pk, student=by).first()
    if locked is None:
        raise SessionRuleError(_("Only the person who holds this conversation can do that."))
    return locked
