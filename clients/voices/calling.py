"""A call to a model: to whichever provider has it, in the protocol that this one speaks."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

from clients.voices.base import Fault, Speech, VoiceError
from clients.voices.breaker import Key
from clients.voices.chat import ChatSpeech
from clients.voices.claude import ClaudeSpeech
from clients.voices.patience import OnWait, PatientSpeech, Switchboard
from clients.voices.streamed import StreamedSpeech
from monitoring.providers import Endpoint, Protocol


def call(endpoint: Endpoint, arguments: dict[str, Any]) -> StreamedSpeech:
    """One call, with the arguments of `messages.create` whatever the protocol."""
    speech = ChatSpeech if endpoint.protocol == Protocol.CHAT else ClaudeSpeech
    return speech(endpoint, arguments)


class Unready:
    """What is said where a provider cannot be called: nothing, at once, and no breaker counts it."""

    calls, usage, ending = 0, None, None

    def __init__(self, endpoint: Endpoint) -> None:
        self._missing = endpoint.missing

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """Raises VoiceError."""
        raise VoiceError(Fault.AUTHENTICATION, self._missing)
        yield ""


def call_patiently(
    endpoint: Endpoint,
    model: str,
    arguments: Callable[[], dict[str, Any]],
    *,
    on_wait: OnWait | None,
    board: Switchboard,
) -> Speech:
    """As many calls as it takes and is allowed, in the line and by the breaker of this model of this provider.

    The arguments are asked for when the turn has come: what breaks in them breaks where failures are minded.
    """
    if not endpoint.is_ready:
        return Unready(endpoint)
    return PatientSpeech(
        lambda: call(endpoint, arguments()),
        Key(endpoint.provider, model),
        on_wait=on_wait,
        board=board,
        at_once=endpoint.calls_at_once,
    )
