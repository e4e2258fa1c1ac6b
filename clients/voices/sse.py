"""Reads streamed replies from raw bytes, here those of Messages; the SDK's own event objects cost twice the CPU."""

import json
from abc import ABC, abstractmethod
from typing import Any

from clients.voices.base import Ending
from monitoring.pricing import Usage

# https://docs.claude.com/en/api/messages-streaming, stop reasons as in the SDK's `StopReason`.
ENDINGS = {
    "end_turn": Ending.COMPLETE,
    "stop_sequence": Ending.COMPLETE,
    "max_tokens": Ending.TRUNCATED,
    "model_context_window_exceeded": Ending.TRUNCATED,
    "refusal": Ending.REFUSED,
}
# No provider sends more at once; what has no end is none.
MOST_BYTES = 2**20
# More than any model reads: a count beyond it is a mistake, and must not become a bill.
MOST_TOKENS = 10_000_000


class EventStream(ABC):
    """The state of one streamed reply. Feed it bytes in any cut; it gives back the text they complete.

    `ending` is set only by the mark of the end after a reason that we know, so that a stream which merely ends was cut.
    `error` is the provider's own (type, message) when it sent one, `failure` why nothing more can be read.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._stop_reason: str | None = None
        self.ending: Ending | None = None
        self.error: tuple[str, str] | None = None
        self.failure: Exception | None = None

    @property
    @abstractmethod
    def usage(self) -> Usage | None:
        """What the provider has counted so far, None when it never counted."""

    @abstractmethod
    def read(self, data: bytes) -> str:
        """The text of an event with this data."""

    def feed(self, data: bytes) -> str:
        """The text that these bytes complete, "" when there is none."""
        self._rest = (self._rest + data).replace(b"\r\n", b"\n")
        text = ""
        while (end := self._rest.find(b"\n\n")) >= 0:
            event, self._rest = self._rest[:end], self._rest[end + 2 :]
            at = event.find(b"data:")
            said = event[at + 5 :].strip() if at >= 0 else b""
            if not said:
                # A comment or a bare name, by which servers keep a connection open.
                continue
            try:
                text += self.read(said)
            except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as failure:
                # What came before it in the same bytes is said all the same.
                self.failure = failure
                break
        if len(self._rest) > MOST_BYTES:
            self.failure = ValueError("an event without an end")
        return text


class MessageStream(EventStream):
    """One streamed message; `message_stop` is the mark of its end."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}

    @property
    def usage(self) -> Usage | None:
        """What the provider has counted so far: the last word on each kind, None when it never counted."""
        if not self._counts:
            return None
        return Usage(
            input=self._counts.get("input_tokens", 0),
            output=self._counts.get("output_tokens", 0),
            cache_write=self._counts.get("cache_creation_input_tokens", 0),
            cache_read=self._counts.get("cache_read_input_tokens", 0),
        )

    def read(self, data: bytes) -> str:
        """The text of one event; thinking and signatures come as other deltas, and only text is said aloud."""
        payload = json.loads(data)
        if payload.get("type") == "content_block_delta":
            text: str = payload["delta"].get("text", "")
            return text
        self._note(payload)
        return ""

    def _note(self, payload: dict[str, Any]) -> None:
        match payload.get("type"):
            case "message_start":
                self._count(payload["message"].get("usage"))
            case "message_delta":
                self._stop_reason = payload["delta"].get("stop_reason") or self._stop_reason
                self._count(payload.get("usage"))
            case "message_stop":
                self.ending = ENDINGS.get(self._stop_reason or "")
            case "error":
                error = payload.get("error") or {}
                self.error = (str(error.get("type", "")), str(error.get("message", "")))

    def _count(self, usage: dict[str, Any] | None) -> None:
        """Counts are cumulative: the last one stands; absent and null ones say nothing."""
        for name, value in (usage or {}).items():
            if isinstance(value, int):
                self._counts[name] = believable(value)


def believable(count: float) -> int:
    """A provider's count of tokens as far as it can be one."""
    return min(max(0, int(count)), MOST_TOKENS)
