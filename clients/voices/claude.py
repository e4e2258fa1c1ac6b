"""Claude, or any server that speaks the Messages protocol: one streamed reply through the anthropic SDK."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import anthropic
import httpx2
from django.conf import settings

from clients import state
from clients.voices.base import Ending, Fault, VoiceError, VoiceRequest
from clients.voices.memory import recall
from clients.voices.pace import Pace
from clients.voices.scripted import Line
from clients.voices.sse import MessageStream
from monitoring.pricing import Usage
from monitoring.redaction import without_echo

# The API wants the student to speak first; this stands in where the client did.
BEGINNING = "(The conversation begins.)"
CACHE = {"type": "ephemeral"}
# Effort is a parameter of the fifth generation; older models answer it with 400.
TAKES_EFFORT = re.compile(r"claude-[a-z]+-5")
FAULT_OF_STATUS = {
    400: Fault.INVALID_REQUEST,
    401: Fault.AUTHENTICATION,
    403: Fault.PERMISSION,
    404: Fault.INVALID_REQUEST,
    408: Fault.TIMEOUT,
    413: Fault.INVALID_REQUEST,
    422: Fault.INVALID_REQUEST,
    429: Fault.RATE_LIMIT,
    504: Fault.TIMEOUT,
    529: Fault.OVERLOADED,
}
FAULT_OF_TYPE = {
    "authentication_error": Fault.AUTHENTICATION,
    "permission_error": Fault.PERMISSION,
    "rate_limit_error": Fault.RATE_LIMIT,
    "overloaded_error": Fault.OVERLOADED,
    "timeout_error": Fault.TIMEOUT,
    "invalid_request_error": Fault.INVALID_REQUEST,
    "not_found_error": Fault.INVALID_REQUEST,
}
SPEND_CAP = "enforced_spend_limit_reached"

# Connections belong to the event loop that opened them; a loop that is gone takes its clients along.
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], anthropic.AsyncAnthropic]]
_clients = WeakKeyDictionary()
_pace = Pace()


def sdk() -> anthropic.AsyncAnthropic:
    """The SDK's client of this event loop: connections are pooled, retries are ours, and so is the clock."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    key = (settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL)
    if key not in clients:
        clients[key] = anthropic.AsyncAnthropic(
            api_key=settings.ANTHROPIC_API_KEY,
            base_url=settings.ANTHROPIC_BASE_URL,
            max_retries=0,
            # Only connecting has a limit here; `patience` ends a silent call, pings or not.
            timeout=httpx2.Timeout(None, connect=10.0),
            http_client=anthropic.DefaultAioHttpClient(
                # 0 is aiohttp's word for no limit; None would be its default of 100.
                limits=httpx2.Limits(max_connections=0, max_keepalive_connections=100)
            ),
        )
    return clients[key]


async def hang_up() -> None:
    """Close the connections of this event loop, for one that ends with its work."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


def conversation(history: Sequence[Line], note: str) -> list[dict[str, Any]]:
    """What was said as API messages, cached up to the last student message, with the client's state after the cache.

    The state moves every turn and is never stored in the history, so it must not come before the breakpoint.
    """
    said: list[tuple[str, str]] = [("user", BEGINNING)] if not history or history[0].role != "student" else []
    for line in history:
        role = "user" if line.role == "student" else "assistant"
        if said and said[-1][0] == role:
            said[-1] = (role, f"{said[-1][1]}\n\n{line.text}")
        else:
            said.append((role, line.text))
    messages: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in said]
    last = {"type": "text", "text": messages[-1]["content"], "cache_control": CACHE}
    messages[-1]["content"] = [last, {"type": "text", "text": note}]
    return messages


def parameters(request: VoiceRequest) -> dict[str, Any]:
    """The keyword arguments of `messages.create`, in the order that caching wants: prompt, history, state."""
    note = state.block(recall(request.snapshot, request.history), request.snapshot)
    if request.reminder:
        note = f"{note}\n{request.reminder}"
    arguments: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": [{"type": "text", "text": request.prompt, "cache_control": CACHE}],
        "messages": conversation(request.history, note),
        # On by default in the fifth generation, and the main threat to cost and to the first word.
        "thinking": {"type": "disabled"},
    }
    if TAKES_EFFORT.match(request.model):
        arguments["output_config"] = {"effort": settings.MODEL_EFFORT}
    return arguments


def texts_of(arguments: dict[str, Any]) -> Iterator[str]:
    """Every text in the arguments of `messages.create`."""
    for content in (arguments["system"], *(message["content"] for message in arguments["messages"])):
        if isinstance(content, str):
            yield content
        else:
            yield from (block["text"] for block in content)


class ClaudeSpeech:
    """One streamed reply. The SDK sends the request and raises its errors; the body is split by `MessageStream`."""

    def __init__(self, request: VoiceRequest) -> None:
        self.request = request
        self.calls = 0
        self._stream = MessageStream()

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of `messages.create`."""
        return parameters(self.request)

    @property
    def usage(self) -> Usage | None:
        """What the provider has counted so far."""
        return self._stream.usage

    @property
    def ending(self) -> Ending | None:
        """How the reply ended, None while it runs and when it was cut."""
        return self._stream.ending

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """The pieces of text as they arrive. Raises VoiceError, of the kind that the provider's failure is."""
        self.calls = 1
        try:
            with _pace:
                request = sdk().messages.with_streaming_response.create(**self.arguments(), stream=True)
                async with request as response:
                    async for data in _read(response):
                        if text := self._stream.feed(data):
                            yield text
                        self._raise_what_it_said()
                        if self._stream.ending:
                            return
                        if text:
                            await _pace.rest()
        except anthropic.APIStatusError as error:
            raise self._error(fault_of(error), str(error), retry_after_of(error)) from error
        except (anthropic.APITimeoutError, httpx2.TimeoutException) as error:
            raise self._error(Fault.TIMEOUT, repr(error)) from error
        except (anthropic.APIError, httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            raise self._error(Fault.CONNECTION, repr(error)) from error

    def _raise_what_it_said(self) -> None:
        """Raise the provider's own error, or that it cannot be understood."""
        if self._stream.error:
            kind, message = self._stream.error
            raise self._error(FAULT_OF_TYPE.get(kind, Fault.SERVER), f"{kind}: {message}")
        if self._stream.failure:
            raise self._error(Fault.SERVER, f"unreadable stream: {self._stream.failure!r}")

    def _error(self, fault: Fault, said: str, retry_after: float | None = None) -> VoiceError:
        """The provider's failure in its own words, without those that it was sent: providers quote them."""
        return VoiceError(fault, without_echo(said, texts_of(self.arguments())), retry_after)


async def _read(response: "anthropic.AsyncAPIResponse[Any]") -> AsyncGenerator[bytes, None]:
    """The body as it arrives, to the last byte.

    When a connection breaks, aiohttp raises before it hands out what arrived while nobody read. That may be much, since
    we rest between two looks, and even the end of the reply: it is fetched from below.
    """
    try:
        async for data in response.iter_bytes():
            yield data
    except (httpx2.HTTPError, aiohttp.ClientError, OSError):
        stream: Any = response.http_response.stream
        while hasattr(stream, "_stream"):
            stream = stream._stream
        body = stream._aiohttp_response.content
        yield b"".join(body._buffer)[body._buffer_offset :]
        raise


def fault_of(error: anthropic.APIStatusError) -> Fault:
    """The kind of failure that an HTTP error of the provider is."""
    fault = FAULT_OF_STATUS.get(error.status_code, Fault.SERVER)
    return Fault.SPEND_CAP if fault is Fault.RATE_LIMIT and SPEND_CAP in str(error.body) else fault


def retry_after_of(error: anthropic.APIStatusError) -> float | None:
    """The wait that an HTTP error of the provider asks for, in seconds."""
    return seconds_of(error.response.headers.get("retry-after", ""))


def seconds_of(retry_after: str) -> float | None:
    """The wait that a retry-after header asks for, None when it names no number of seconds."""
    return float(retry_after) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", retry_after) else None
