"""One streamed reply of any provider: its SDK sends the request and raises its errors, the body is split by us."""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import aiohttp
import httpx2

from clients.voices.base import Ending, Fault, VoiceError
from clients.voices.pace import Pace
from clients.voices.sse import EventStream
from monitoring.pricing import Usage
from monitoring.providers import Endpoint
from monitoring.redaction import without_echo

FAULT_OF_STATUS = {
    400: Fault.INVALID_REQUEST,
    401: Fault.AUTHENTICATION,
    402: Fault.SPEND_CAP,
    403: Fault.PERMISSION,
    404: Fault.INVALID_REQUEST,
    408: Fault.TIMEOUT,
    413: Fault.INVALID_REQUEST,
    422: Fault.INVALID_REQUEST,
    429: Fault.RATE_LIMIT,
    503: Fault.OVERLOADED,
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
# A refusal for money comes as a rate limit, and waiting does not help.
SPEND_CAPS = ("enforced_spend_limit_reached", "insufficient_quota")
# The SDKs insist on a key, and a server of one's own on none.
NO_KEY = "none"

# As many connections as are asked for, since `patience` minds how many that are; 0 is aiohttp's word for no limit, None
# would be its default of 100. And no other server than the one that was named hears what is said.
TRANSPORT: dict[str, Any] = {
    "limits": httpx2.Limits(max_connections=0, max_keepalive_connections=100),
    "follow_redirects": False,
}

# Connections belong to the event loop that opened them; a loop that is gone takes its clients along.
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str, str], Any]] = WeakKeyDictionary()
_pace = Pace()


class StreamedSpeech(ABC):
    """One call to this endpoint with these arguments of its protocol, in the shape of a `Speech`."""

    reader: ClassVar[type[EventStream]]

    def __init__(self, endpoint: Endpoint, arguments: dict[str, Any]) -> None:
        self.endpoint = endpoint
        self.arguments = arguments
        self.calls = 0
        self._stream = self.reader()

    @property
    @abstractmethod
    def sdk(self) -> ModuleType:
        """The package that calls, whose errors have the names that all SDKs of this kind have."""

    @abstractmethod
    def new_client(self, **options: Any) -> Any:
        """The SDK's client for this endpoint."""

    @abstractmethod
    def request(self, client: Any) -> AbstractAsyncContextManager[Any]:
        """The request, which answers with the response before its body was read."""

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
        if missing := self.endpoint.missing:
            raise VoiceError(Fault.AUTHENTICATION, missing)
        self.calls = 1
        sdk: Any = self.sdk
        try:
            with _pace:
                async with self.request(self._client()) as response:
                    async for data in _read(response):
                        if text := self._stream.feed(data):
                            yield text
                        self._raise_what_it_said()
                        if self._stream.ending:
                            return
                        if text:
                            await _pace.rest()
        except sdk.APIStatusError as error:
            retry_after = seconds_of(error.response.headers.get("retry-after", ""))
            raise self._error(fault_of(error.status_code, str(error.body)), str(error), retry_after) from error
        except (sdk.APITimeoutError, httpx2.TimeoutException) as error:
            # Nobody there is no silence: one of the transports calls both a timeout.
            refused = isinstance(error.__cause__, httpx2.ConnectTimeout)
            raise self._error(Fault.CONNECTION if refused else Fault.TIMEOUT, repr(error)) from error
        except (sdk.APIError, httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            raise self._error(Fault.CONNECTION, repr(error)) from error
        except (httpx2.InvalidURL, ValueError) as error:
            # Without its words, which may be the key's.
            raise VoiceError(Fault.INVALID_REQUEST, "address or key cannot be used: " + type(error).__name__) from None

    def _client(self) -> Any:
        """The SDK's client of this event loop: connections are pooled, retries are ours, and so is the clock."""
        clients = _clients.setdefault(asyncio.get_running_loop(), {})
        key = (self.endpoint.protocol, self.endpoint.base_url, self.endpoint.key)
        if key not in clients:
            clients[key] = self.new_client(
                api_key=self.endpoint.key or NO_KEY,
                base_url=self.endpoint.base_url,
                max_retries=0,
                # Only connecting has a limit here; `patience` ends a silent call, pings or not.
                timeout=httpx2.Timeout(None, connect=10.0),
            )
        return clients[key]

    def _raise_what_it_said(self) -> None:
        """Raise the provider's own error, or that it cannot be understood."""
        if self._stream.error:
            kind, message = self._stream.error
            raise self._error(FAULT_OF_TYPE.get(kind, Fault.SERVER), f"{kind}: {message}")
        if self._stream.failure:
            raise self._error(Fault.SERVER, f"unreadable stream: {self._stream.failure!r}")

    def _error(self, fault: Fault, said: str, retry_after: float | None = None) -> VoiceError:
        """The provider's failure in its own words, without those that it was sent: providers quote them."""
        return VoiceError(fault, without_echo(said, texts_of(self.arguments)), retry_after)


async def hang_up() -> None:
    """Close the connections of this event loop, for one that ends with its work."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


def texts_of(arguments: dict[str, Any]) -> Iterator[str]:
    """Every text in the arguments of a call, in either protocol."""
    for content in (arguments.get("system", ""), *(message["content"] for message in arguments["messages"])):
        if isinstance(content, str):
            yield content
        else:
            yield from (block["text"] for block in content)


def fault_of(status: int, body: str) -> Fault:
    """The kind of failure that an HTTP error of a provider is."""
    fault = FAULT_OF_STATUS.get(status, Fault.SERVER)
    return Fault.SPEND_CAP if fault is Fault.RATE_LIMIT and any(cap in body for cap in SPEND_CAPS) else fault


def seconds_of(retry_after: str) -> float | None:
    """The wait that a retry-after header asks for, None when it names no number of seconds."""
    return float(retry_after) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", retry_after) else None


async def _read(response: Any) -> AsyncGenerator[bytes, None]:
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
