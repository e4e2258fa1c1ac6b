"""Accepting: one transaction writes the student's message, the turn and its reservation."""

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from conversations.models import Message, Session, Turn
from monitoring import pricing
from monitoring.models import ModelPrice, Reservation
from monitoring.models.price import UnknownPriceError
from monitoring.services import Scope, reserve


class TurnRefusedError(Exception):
    """A turn was not accepted: `code` is the socket's error code, the message plain words for the student."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted send: its message and turn, the session's revision after it, and whether it was known before."""

    message: Message
    turn: Turn
    revision: int
    repeated: bool = False


@transaction.atomic
def accept(*, by: User, session_id: uuid.UUID, client_key: uuid.UUID, text: str) -> Accepted:
    """Store what the student says and the turn that will answer it; the same key gives the same turn again.

    Raises TurnRefusedError: duplicate_conflict, session_ended, session_paused, forbidden, turn_in_progress,
    provider_unavailable (the model has no price).
    """
    session = _chair(by, session_id)
    known = Message.objects.filter(session=session, client_key=client_key).first()
    if known:
        if known.content != text:
            raise TurnRefusedError("duplicate_conflict", _("This was sent before with other words."))
        return Accepted(known, known.turns.latest("accepted_at"), session.revision, repeated=True)
    _must_be_free(session)
    message = Message.objects.create(
        session=session,
        sequence=session.last_sequence + 1,
        role=Message.Role.STUDENT,
        content=text,
        client_key=client_key,
        token_count=pricing.estimate_tokens(text),
    )
    session.last_sequence += 1
    turn = _new_turn(by, session, message)
    return Accepted(message, turn, session.revision)


@transaction.atomic
def retry(*, by: User, session_id: uuid.UUID, reply_id: uuid.UUID) -> Accepted:
    """A new attempt at a reply that was stopped, interrupted, refused or failed; the old one becomes superseded.

    Asked twice it gives the same attempt. Only the last reply can be tried again, or the talk would lose its order.
    Raises TurnRefusedError: invalid, session_ended, session_paused, forbidden, turn_in_progress.
    """
    session = _chair(by, session_id)
    reply = Message.objects.filter(session=session, pk=reply_id).select_related("reply_to").first()
    if reply is None or reply.reply_to is None:
        raise TurnRefusedError("invalid", _("There is no such reply in this conversation."))
    known = Turn.objects.filter(retry_of=reply).first()
    if known:
        return Accepted(reply.reply_to, known, session.revision, repeated=True)
    if not reply.can_be_retried or reply.sequence != session.last_sequence:
        raise TurnRefusedError("invalid", _("Only a last reply that was cut short can be tried again."))
    _must_be_free(session)
    reply.status = Message.Status.SUPERSEDED
    reply.save(update_fields=["status"])
    turn = _new_turn(by, session, reply.reply_to, retry_of=reply)
    return Accepted(reply.reply_to, turn, session.revision)


def request_stop(*, by: User, session_id: uuid.UUID, reply_id: uuid.UUID) -> bool:
    """Ask the process that runs this reply to end it now; False when it does not run (any more)."""
    turns = Turn.objects.running().filter(session_id=session_id, reply_id=reply_id, session__student=by)
    return bool(turns.update(stop_requested_at=timezone.now()))


def _chair(by: User, session_id: uuid.UUID) -> Session:
    """The session, locked, if this person may speak in it."""
    session = (
        Session.objects.select_for_update(of=("self",))
        .select_related("client_version", "section")
        .filter(pk__in=Session.objects.spoken_by(by).filter(pk=session_id).values("pk"))
        .first()
    )
    if session is None:
        raise TurnRefusedError("forbidden", _("You cannot write in this conversation."))
    return session


def _must_be_free(session: Session) -> None:
    if not session.is_open:
        raise TurnRefusedError("session_ended", _("This conversation has ended. Your text is still in the box."))
    if session.status == Session.Status.PAUSED:
        raise TurnRefusedError("session_paused", _("This conversation is paused. Continue it first, then send."))
    if Turn.objects.running().filter(session=session).exists():
        raise TurnRefusedError("turn_in_progress", _("The reply is still being written. Wait for it or stop it."))


def _new_turn(by: User, session: Session, message: Message, retry_of: Message | None = None) -> Turn:
    turn = Turn.objects.create(
        session=session, message=message, retry_of=retry_of, reservation=_reservation(by, session)
    )
    session.revision += 1
    session.last_activity_at = timezone.now()
    session.save(update_fields=["last_sequence", "revision", "last_activity_at"])
    return turn


def _reservation(by: User, session: Session) -> Reservation:
    """Money for one attempt: nothing for the scripted voice, else the most that this prompt and reply can cost."""
    scopes = [Scope("session", session.pk, str(session.pk))]
    if session.section:
        scopes.append(Scope("section", session.section.pk, str(session.section)))
    if session.voice == Session.Voice.SCRIPTED:
        price, amount = pricing.free(session.model), 0
    else:
        try:
            price = ModelPrice.objects.in_force(session.model)
        except UnknownPriceError as error:
            words = _("The client cannot answer just now. Your text is safe; your school's support can help.")
            raise TurnRefusedError("provider_unavailable", words) from error
        said = session.messages.aggregate(characters=Sum(Length("content")))["characters"] or 0
        prompt = session.client_version.prompt if session.client_version else ""
        amount = price.ceiling((len(prompt) + said) // 2, settings.REPLY_MAX_TOKENS)
    return reserve(by=by, kind="turn", scopes=scopes, price=price, amount_microusd=amount)
