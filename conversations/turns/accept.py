"""Accepting: one transaction writes the student's message, the turn and its reservation, and claims it for us."""

import datetime as dt
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Section, User
from clients import distress
from clients.snapshot import ClientSnapshot
from clients.state import BLOCK_TOKENS
from clients.voices import VoiceRequest
from clients.voices.memory import record
from clients.voices.scripted import Line
from conversations.counterparts import frozen_of
from conversations.models import Message, Session, Turn
from conversations.protocol import Code
from conversations.safety import set_aside, set_aside_before
from conversations.section_models import choice_of
from monitoring import limits, pricing
from monitoring.budgets import BudgetExhaustedError, Scope, applying, tell_refusal
from monitoring.ids import uuid7
from monitoring.models import RateLimit, Reservation
from monitoring.models.price import UnknownPriceError, price_now
from monitoring.prepared import Answer, Select, insert, together, update
from monitoring.providers import endpoint_of
from monitoring.services import reserve


class TurnRefusedError(Exception):
    """A turn was not accepted: `code` is the socket's error code, the message plain words for the student.

    `retry_after` is the seconds after which it may be tried again, None where waiting does not help.
    """

    def __init__(self, code: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class ClaimedTurn:
    """A turn that this process owns under a fence, with all that a voice needs to answer it."""

    id: uuid.UUID
    session_id: uuid.UUID
    message_id: uuid.UUID
    reply_id: uuid.UUID
    fence: int
    voice: str
    request: VoiceRequest
    reservation: Reservation
    # Models that are asked in this order when the one of the request cannot answer.
    stand_ins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted send: its message and turn, the session's revision after it, and the turn's claim.

    `claimed` is None for a send that was known before: its turn has an owner or an end already.
    """

    message: Message
    turn: Turn
    revision: int
    claimed: ClaimedTurn | None = None


class LockedSession(NamedTuple):
    """A session, locked, as far as accepting needs it; the fields are read in this order."""

    id: uuid.UUID
    status: str
    voice: str
    model: str
    client_version_id: uuid.UUID | None
    section_id: uuid.UUID | None
    last_sequence: int
    revision: int
    said_tokens: int
    deadline_at: dt.datetime | None
    paused_by_id: uuid.UUID | None


_locked = Select(
    lambda user, session: (
        Session.objects.select_for_update()
        .filter(pk__in=Session.objects.spoken_by(user).filter(pk=session).values("pk"))
        .order_by()
        .values_list(*LockedSession._fields)
    )
)
_known = Select(
    lambda session, key: Message.objects.filter(session=session, client_key=key).order_by().values_list("pk", "content")
)
_running = Select(lambda session: Turn.objects.running().filter(session=session).order_by().values_list("pk"))
_said = Select(
    lambda session: (
        Message.objects.filter(session=session, role__in=[Message.Role.STUDENT, Message.Role.CLIENT])
        .spoken()
        .values_list("role", "content")
    )
)


def accept(*, by: User, session_id: uuid.UUID, client_key: uuid.UUID, text: str, owner: uuid.UUID) -> Accepted:
    """Store what the student says and the turn that will answer it; the same key gives the same turn again.

    The turn belongs to the process `owner` from the start, which answers it. Raises TurnRefusedError:
    duplicate_conflict, session_ended, session_paused, forbidden, turn_in_progress, rate_limited, budget_exhausted,
    provider_unavailable (the model has no price). Raises SetAsideError once it has stored what is no part of the
    practice, since the student speaks of their own distress: no turn, no reservation, no call.
    """
    with refusals():
        locked = _locked.ask(by.pk, session_id)
        known, running, before = _known.ask(session_id, client_key), _running.ask(session_id), _said.ask(session_id)
        talk = _must_be_allowed(locked)
        if known.first:
            message_id, content = known.first
            if content != text:
                raise TurnRefusedError(Code.DUPLICATE_CONFLICT, _("This was sent before with other words."))
            message = Message.objects.get(pk=message_id)
            if message.status == Message.Status.ASIDE:
                raise set_aside_before(message, talk.revision)
            return Accepted(message, message.turns.latest("accepted_at"), talk.revision)
        _must_be_free(talk, running)
        tier = distress.tier(text)
        if not tier:
            message = Message(
                session_id=session_id,
                sequence=talk.last_sequence + 1,
                role=Message.Role.STUDENT,
                content=text,
                client_key=client_key,
                token_count=pricing.estimate_tokens(text),
            )
            insert(message)
            tokens = talk.said_tokens + pricing.most_tokens(text)
            talk = talk._replace(last_sequence=message.sequence, said_tokens=tokens)
            said = [*before.rows, (message.role, text)]
            return _new_turn(by=by, talk=talk, said=said, message=message, owner=owner)
        # Counted for the person alone: a full site must not refuse it.
        limits.admit((RateLimit.Name.MESSAGES_PER_PERSON, str(by.pk)))
        aside = set_aside(by=by, session_id=session_id, client_key=client_key, text=text, tier=tier)
    # Only now: it is kept.
    raise aside


def retry(*, by: User, session_id: uuid.UUID, reply_id: uuid.UUID, owner: uuid.UUID) -> Accepted:
    """A new attempt at a reply that was stopped, interrupted, refused or failed; the old one becomes superseded.

    Asked twice it gives the same attempt. Only the last reply can be tried again, or the talk would lose its order.
    Raises TurnRefusedError: invalid, session_ended, session_paused, forbidden, turn_in_progress, rate_limited,
    budget_exhausted, provider_unavailable.
    """
    with refusals():
        talk = _must_be_allowed(_locked.ask(by.pk, session_id))
        reply = Message.objects.filter(session=session_id, pk=reply_id).select_related("reply_to").first()
        if reply is None or reply.reply_to is None:
            raise TurnRefusedError(Code.INVALID, _("There is no such reply in this conversation."))
        known = Turn.objects.filter(retry_of=reply).first()
        if known:
            return Accepted(reply.reply_to, known, talk.revision)
        if not reply.can_be_retried or reply.sequence != talk.last_sequence:
            raise TurnRefusedError(Code.INVALID, _("Only a last reply that was cut short can be tried again."))
        _must_be_free(talk, _running.ask(session_id))
        reply.status = Message.Status.SUPERSEDED
        reply.save(update_fields=["status"])
        message = reply.reply_to
        return _new_turn(by=by, talk=talk, said=_said(session_id), message=message, owner=owner, retry_of=reply)


def request_stop(*, by: User, session_id: uuid.UUID, reply_id: uuid.UUID) -> bool:
    """Ask the process that runs this reply to end it now; False when it does not run (any more)."""
    turns = Turn.objects.running().filter(session_id=session_id, reply_id=reply_id, session__student=by)
    return bool(turns.update(stop_requested_at=timezone.now()))


def _must_be_allowed(locked: Answer) -> LockedSession:
    """The session, locked, if this person may speak in it."""
    if locked.first is None:
        raise TurnRefusedError(Code.FORBIDDEN, _("You cannot write in this conversation."))
    return LockedSession(*locked.first)


def _must_be_free(talk: LockedSession, running: Answer) -> None:
    if talk.status not in Session.OPEN:
        raise TurnRefusedError(Code.SESSION_ENDED, _("This conversation has ended. Your text is still in the box."))
    if talk.status == Session.Status.PAUSED and talk.paused_by_id is not None:
        # Its deadline waits, so this comes before the clock.
        words = _("Your teacher has paused this conversation. Your text is still in the box; send it when they go on.")
        raise TurnRefusedError(Code.SESSION_PAUSED, words)
    if talk.deadline_at is not None and timezone.now() >= talk.deadline_at:
        raise TurnRefusedError(Code.SESSION_ENDED, _("The time for this conversation is over. Nothing more is taken."))
    if talk.status == Session.Status.PAUSED:
        raise TurnRefusedError(Code.SESSION_PAUSED, _("This conversation is paused. Continue it first, then send."))
    if running.rows:
        raise TurnRefusedError(Code.TURN_IN_PROGRESS, _("The reply is still being written. Wait for it or stop it."))


def _new_turn(
    *,
    by: User,
    talk: LockedSession,
    said: list[tuple[str, str]],
    message: Message,
    owner: uuid.UUID,
    retry_of: Message | None = None,
) -> Accepted:
    reply_id = uuid7()
    now = timezone.now()
    session = Session(
        pk=talk.id,
        last_sequence=talk.last_sequence,
        said_tokens=talk.said_tokens,
        revision=talk.revision + 1,
        last_activity_at=now,
    )
    update(session, "last_sequence", "said_tokens", "revision", "last_activity_at")
    reservation_id = uuid7()
    version = frozen_of(talk.id, talk.client_version_id)
    history = [Line(role, text) for role, text in said]
    turn = Turn(
        session_id=talk.id,
        message=message,
        retry_of=retry_of,
        reply_id=reply_id,
        reservation_id=reservation_id,
        status=Turn.Status.GENERATING,
        # A tutor has no feelings that change.
        state=record(version.snapshot, history).to_json() if isinstance(version.snapshot, ClientSnapshot) else {},
        owner=owner,
        fence=1,
        accepted_at=now,
    )
    insert(turn)
    endpoint, stand_ins = endpoint_of(talk.model), choice_of(talk.section_id).stand_ins
    # Many want the rows of limits and budgets: they are locked last and so for the shortest time.
    reservation = reserve_reply(
        by=by,
        talk=talk,
        reply_id=reply_id,
        reservation_id=reservation_id,
        counted=[(RateLimit.Name.MESSAGES_PER_PERSON, str(by.pk)), (RateLimit.Name.MESSAGES_OF_SITE, "")],
    )
    claimed = ClaimedTurn(
        id=turn.pk,
        session_id=talk.id,
        message_id=message.pk,
        reply_id=reply_id,
        fence=turn.fence,
        voice=talk.voice,
        request=VoiceRequest(
            snapshot=version.snapshot,
            prompt=version.prompt,
            history=history,
            model=talk.model,
            max_tokens=settings.REPLY_MAX_TOKENS,
            endpoint=endpoint,
        ),
        reservation=reservation,
        stand_ins=stand_ins,
    )
    return Accepted(message, turn, session.revision, claimed)


def reserve_reply(
    *,
    by: User,
    talk: LockedSession | Session,
    reply_id: uuid.UUID,
    reservation_id: uuid.UUID | None = None,
    counted: Sequence[limits.Key] = (),
) -> Reservation:
    """Money for one attempt at this reply, and one more counted under these limits.

    Raises LimitReachedError, BudgetExhaustedError and UnknownPriceError.
    """
    scopes = [*scopes_of(talk.id, talk.section_id), Scope("message", reply_id, "")]
    amount = most_that_a_reply_costs(talk)
    # Asked before anything is locked, so that the rows which all want stay locked for one trip.
    claims = applying(scopes, by.pk) if amount else []
    windows = limits.lock(*counted)
    reservation = reserve(
        by=by,
        kind="turn",
        scopes=scopes,
        price=price_of(talk.voice, talk.model),
        amount_microusd=amount,
        reservation_id=reservation_id,
        claims=claims,
    )
    windows.admit()
    return reservation


@contextmanager
def refusals() -> Iterator[None]:
    """A transaction whose refusals by limits, budgets and prices are told to the student in the socket's terms."""
    try:
        with together():
            yield
    except limits.LimitReachedError as error:
        raise TurnRefusedError(Code.RATE_LIMITED, str(error), error.retry_after) from error
    except BudgetExhaustedError as error:
        # After the rollback, which would take the alert along.
        tell_refusal(error)
        raise TurnRefusedError(Code.BUDGET_EXHAUSTED, str(error)) from error
    except UnknownPriceError as error:
        words = _("The client cannot answer just now. Your text is safe; your school's support can help.")
        raise TurnRefusedError(Code.PROVIDER_UNAVAILABLE, words) from error


def price_of(voice: str, model: str) -> pricing.Price:
    """What this voice costs now. Raises UnknownPriceError."""
    return pricing.free(model) if voice == Session.Voice.SCRIPTED else price_now(model)


def most_that_a_reply_costs(talk: LockedSession | Session) -> int:
    """Micro-dollars that the next reply can cost at most. Raises UnknownPriceError."""
    tokens = frozen_of(talk.id, talk.client_version_id).prompt_tokens + talk.said_tokens + BLOCK_TOKENS
    return price_of(talk.voice, talk.model).ceiling(tokens, settings.REPLY_MAX_TOKENS, settings.PROVIDER_CALLS)


def scopes_of(session_id: uuid.UUID, section_id: uuid.UUID | None) -> list[Scope]:
    """Whose budgets a conversation counts against, beside its student's and the site's."""
    session = Scope("session", session_id, "")
    if section_id is None:
        return [session]
    return [session, Scope("section", section_id, _section_name(section_id, int(time.monotonic() / 60)))]


@lru_cache(maxsize=1_000)
def _section_name(section_id: uuid.UUID, minute: int) -> str:
    """How alerts call the section, read at most once a minute."""
    return str(Section.objects.filter(pk=section_id).first() or "")
