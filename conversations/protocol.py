"""The chat socket's language, protocol 1: reading the client's frames, writing the server's. Pure."""

import json
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from conversations.models import Message, Nudge, Session
from conversations.text import TextError, check_text

PROTOCOL = 1


class Code(StrEnum):
    """Error codes that a client may see."""

    INVALID = "invalid"
    TOO_LONG = "too_long"
    EMPTY = "empty"
    DUPLICATE_CONFLICT = "duplicate_conflict"
    TURN_IN_PROGRESS = "turn_in_progress"
    RATE_LIMITED = "rate_limited"
    BUDGET_EXHAUSTED = "budget_exhausted"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    SESSION_ENDED = "session_ended"
    SESSION_PAUSED = "session_paused"
    FORBIDDEN = "forbidden"


class Close:
    """Close codes; after the 44xx ones a client does not reconnect."""

    NOT_SIGNED_IN = 4401
    NO_SUCH_SESSION = 4404
    ACCESS_WITHDRAWN = 4410
    RESTARTING = 1012


class ProtocolError(Exception):
    """A frame that cannot be followed; answered by an `error` frame, the socket stays open."""

    def __init__(self, code: str, detail: str, client_key: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.client_key = client_key
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Send:
    """Say this once."""

    client_key: uuid.UUID
    text: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End that reply now."""

    message: uuid.UUID


@dataclass(frozen=True, slots=True)
class Retry:
    """Try that reply again."""

    message: uuid.UUID


@dataclass(frozen=True, slots=True)
class Resume:
    """Bring me up to date from this number on."""

    after: int


@dataclass(frozen=True, slots=True)
class Shown:
    """The student has this nudge before their eyes."""

    notice: uuid.UUID


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there."""


Request = Send | Stop | Retry | Resume | Shown | Ping


def read(text: str | None) -> Request:
    """The request in a text frame. Raises ProtocolError with the code and plain words for what is wrong with it."""
    try:
        data = json.loads(text or "")
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise ProtocolError(Code.INVALID, _("This is not a JSON object."))
    match data.get("type"):
        case "send":
            return _read_send(data)
        case "stop":
            return Stop(_uuid(data, "message"))
        case "retry":
            return Retry(_uuid(data, "message"))
        case "resume":
            after = data.get("after")
            if type(after) is not int or not 0 <= after < 2**31:
                raise ProtocolError(Code.INVALID, _("`after` must be a number from 0 up."))
            return Resume(after)
        case "shown":
            return Shown(_uuid(data, "notice"))
        case "ping":
            return Ping()
    raise ProtocolError(Code.INVALID, _("There is no message of this type."))


def _read_send(data: dict[str, Any]) -> Send:
    client_key = _uuid(data, "client_key")
    text = data.get("text")
    if not isinstance(text, str):
        raise ProtocolError(Code.INVALID, _("`text` must be text."), str(client_key))
    try:
        check_text(text, settings.MESSAGE_MAX_CHARACTERS)
    except TextError as error:
        raise ProtocolError(error.code, str(error), str(client_key)) from error
    return Send(client_key, text)


def _uuid(data: dict[str, Any], key: str) -> uuid.UUID:
    value = data.get(key)
    try:
        return uuid.UUID(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ProtocolError(Code.INVALID, _("`%(key)s` must be a uuid.") % {"key": key}) from error


def dump(frame: dict[str, Any]) -> str:
    """A frame as it goes over the wire."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def hello(session: Session) -> str:
    """After connect: which session this is and where it stands."""
    frame = {
        "type": "hello",
        "protocol": PROTOCOL,
        "session": str(session.pk),
        "last_sequence": session.last_sequence,
    }
    return dump(frame | _state(session))


def accepted(message: Message) -> str:
    """To the sender: committed, this message cannot be lost any more; `status` where it was set aside."""
    frame = {
        "type": "accepted",
        "client_key": str(message.client_key),
        "id": str(message.pk),
        "sequence": message.sequence,
    }
    if message.status != Message.Status.COMPLETE:
        frame["status"] = message.status
    return dump(frame)


def stored(message: Message, *, more: bool = False, note: str = "", feedback: str = "") -> str:
    """One stored message, whole; `note` is what stands in its margin, `feedback` what its student is told of it."""
    frame: dict[str, Any] = {
        "type": "message",
        "id": str(message.pk),
        "sequence": message.sequence,
        "role": message.role,
        "text": message.content,
        "status": message.status,
        "created_at": message.created_at.isoformat(),
    }
    if message.client_key:
        frame["client_key"] = str(message.client_key)
    if more:
        frame["more"] = True
    if note:
        frame["note"] = note
    if feedback:
        frame["feedback"] = feedback
    return dump(frame)


def started(reply_id: uuid.UUID, reply_to: uuid.UUID) -> str:
    """The reply begins; its id is known before its first word."""
    return dump({"type": "started", "message": str(reply_id), "reply_to": str(reply_to)})


def delta(reply_id: uuid.UUID, index: int, text: str) -> str:
    """The next piece of a reply."""
    return dump({"type": "delta", "message": str(reply_id), "index": index, "text": text})


def snapshot(reply_id: uuid.UUID, index: int, text: str) -> str:
    """The whole text so far, up to and with delta `index`."""
    return dump({"type": "snapshot", "message": str(reply_id), "index": index, "text": text})


def done(reply: Message, *, shows_cost: bool, note: str = "") -> str:
    """A reply, final and stored; with its cost only for those who may see it."""
    usage = {"input_tokens": reply.input_tokens, "output_tokens": reply.token_count}
    if shows_cost:
        usage["cost_microusd"] = reply.cost_microusd
    frame = {
        "type": "done",
        "message": str(reply.pk),
        "sequence": reply.sequence,
        "status": reply.status,
        "text": reply.content,
        "usage": usage,
    }
    if note:
        frame["note"] = note
    return dump(frame)


def in_line(text: str) -> str:
    """Where a reply stands in line."""
    return dump({"type": "notice", "kind": "queue", "text": text})


def little_left(text: str, *, exhausted: bool) -> str:
    """What the budget still allows; `exhausted` when it covers no further reply."""
    return dump({"type": "notice", "kind": "budget", "text": text, "exhausted": exhausted})


def tip(message_id: uuid.UUID, text: str) -> str:
    """What a message of the student's did, for them alone."""
    return dump({"type": "notice", "kind": "feedback", "message": str(message_id), "text": text})


def nudged(nudge: Nudge) -> str:
    """A teacher's private word to the student; it comes again until the client says that it is shown."""
    return dump(
        {
            "type": "notice",
            "kind": "nudge",
            "id": str(nudge.pk),
            "text": nudge.text,
            "from": nudge.sent_by.display_name,
            "sent_at": nudge.sent_at.isoformat(),
        }
    )


def session_changed(session: Session) -> str:
    """The session is active, paused, completed or abandoned, a teacher holds it, or its deadline has moved."""
    return dump({"type": "session"} | _state(session))


def _state(session: Session) -> dict[str, str]:
    state: dict[str, str] = {"status": session.status}
    if session.is_held and session.paused_at:
        # The deadline waits from then on.
        state |= {"paused_by": "teacher", "paused_at": session.paused_at.isoformat()}
    if session.deadline_at:
        state["deadline"] = session.deadline_at.isoformat()
    if session.ended_at:
        state["ended_at"] = session.ended_at.isoformat()
    if session.outcome:
        state["outcome"] = session.outcome
    return state


def error(problem: ProtocolError) -> str:
    """What was asked did not happen, and why, in plain words; with the seconds after which it may be asked again."""
    frame: dict[str, Any] = {"type": "error", "code": problem.code, "detail": str(problem)}
    if problem.client_key:
        frame["client_key"] = problem.client_key
    if problem.retry_after:
        frame["retry_after"] = problem.retry_after
    return dump(frame)


PONG = dump({"type": "pong"})
