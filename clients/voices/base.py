"""What every voice has in common: the request, the stream of text, the ending, and the kinds of failure."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from clients.personas.snapshot import TutorSnapshot
from clients.snapshot import ClientSnapshot
from clients.voices.scripted import Line
from monitoring.pricing import Usage
from monitoring.providers import Endpoint, configured
from monitoring.redaction import without_secrets


class Ending(StrEnum):
    """How a reply ended at the provider; a stream that never says so was cut and has none."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    REFUSED = "refused"


class Fault(StrEnum):
    """Why a provider failed; part of every VoiceError."""

    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    RATE_LIMIT = "rate_limit"
    SPEND_CAP = "spend_cap"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    INVALID_REQUEST = "invalid_request"
    SERVER = "server"
    EMPTY = "empty"


class VoiceError(Exception):
    """A provider failed. `fault` is its kind, `retry_after` the seconds it asked for, the message is for operators."""

    def __init__(self, fault: Fault, detail: str, retry_after: float | None = None) -> None:
        # In one line and without keys, since it goes to logs and pages: providers quote what they were sent.
        super().__init__(" ".join(without_secrets(detail).split()))
        self.fault = fault
        self.retry_after = retry_after


# Whom a student talks with.
Counterpart = ClientSnapshot | TutorSnapshot


@dataclass(frozen=True, slots=True)
class VoiceRequest:
    """One reply to be spoken: client or tutor as frozen, the system prompt, and what was said, ending with the student.

    `reminder` is said to a model after all else, where an attempt before this one was taken back.
    `endpoint` is where the model is asked (monitoring.providers.endpoint_of).
    """

    snapshot: Counterpart
    prompt: str
    history: Sequence[Line]
    model: str
    max_tokens: int
    reminder: str = ""
    endpoint: Endpoint = field(default_factory=configured)


class Speech(Protocol):
    """A reply as it is spoken: iterate for pieces of text, then read how it ended, what it used and in how many calls.

    `usage` holds what the provider has counted so far, also after a cut; None when it sent nothing.
    `ending` is None until the provider has said that the reply is over. Iterating raises VoiceError.
    """

    @property
    def calls(self) -> int:
        """How often the provider was called."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What the provider has counted so far."""
        ...

    @property
    def ending(self) -> Ending | None:
        """How the reply ended."""
        ...

    def __aiter__(self) -> AsyncGenerator[str, None]:
        """The pieces of text, in order; closing the generator lets go of the provider."""
        ...
