"""What the stand-in answers: its modes, its book of requests, and one reply's events as bytes."""

import collections
import dataclasses
import itertools
import json
import random
import time
from collections.abc import Iterator
from typing import Any

PROSE = tuple(
    word + " "
    for line in (
        "I don't really know where to start. It has been a long month, and most nights I lie awake going over the",
        "same three things. My sister says I should just get on with it. Maybe she is right, but she isn't the one who",
        "has to open the letters. I put them in a drawer in the kitchen so I don't have to see them.",
    )
    for word in line.split()
)

REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    413: "Payload Too Large", 422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error",
    529: "Overloaded",
}  # fmt: skip
ERROR_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 413: "request_too_large", 422: "invalid_request_error", 429: "rate_limit_error",
    500: "api_error", 529: "overloaded_error",
}  # fmt: skip
STATUS_FAULTS = {**{str(status): status for status in ERROR_TYPES}, "429-bare": 429, "429-spend": 429}
MIDSTREAM_FAULTS = {"error", "cut", "eof", "stall", "pings", "drip"}
ENDING_FAULTS = {"refusal": "refusal", "max_tokens": "max_tokens", "no-usage": "end_turn"}
MIN_CACHEABLE = 512  # tokens; a shorter prefix is never cached, as at the real one

DELTA_HEAD = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":'
LAST_CHUNK = b"0\r\n\r\n"


@dataclasses.dataclass(frozen=True)
class Modes:
    """How one request is answered; times in milliseconds, see the module's docstring."""

    tokens: int = 24
    delay: float = 2.0
    ttft: float = 5.0
    thinking: int = 0
    text: str = ""
    stamped: int = 0
    fault: str = ""
    at: int = 5
    share: float = 1.0
    every: float = 1000.0
    retry: float = 1.0
    stop: str = "end_turn"
    echo: int = 0
    hold: int = 0
    strict: int = 0

    def changed(self, changes: dict[str, Any]) -> "Modes":
        """These modes with some replaced; names that no mode has raise ValueError."""
        kinds: dict[str, Any] = {name: type(value) for name, value in dataclasses.asdict(self).items()}
        if unknown := set(changes) - set(kinds):
            raise ValueError(f"no such mode: {', '.join(sorted(unknown))}")
        modes = dataclasses.replace(self, **{name: kinds[name](value) for name, value in changes.items()})
        if modes.fault not in {"", *STATUS_FAULTS, *MIDSTREAM_FAULTS, *ENDING_FAULTS}:
            raise ValueError(f"no such fault: {modes.fault}")
        return modes


def now_us() -> int:
    """CLOCK_MONOTONIC in microseconds, which all processes of one machine share."""
    return time.monotonic_ns() // 1000


def dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(value: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), dump(value))


def text_event(index: int, text: str) -> bytes:
    return (DELTA_HEAD % index) + dump({"type": "text_delta", "text": text}) + b"}\n\n"


PROSE_EVENTS = {index: [chunk(text_event(index, word)) for word in PROSE] for index in (0, 1)}
PING_EVENT = chunk(event({"type": "ping"}))


def blocks(body: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Each piece of the prompt in order, with its role, and whether it carries a cache breakpoint."""
    for role, content in [("system", body.get("system") or "")] + [
        (message["role"], message["content"]) for message in body["messages"]
    ]:
        for block in [{"text": content}] if isinstance(content, str) else content:
            if block.get("text"):
                yield f"{role}:{block['text']}", bool(block.get("cache_control"))


def _empty(message: dict[str, Any]) -> bool:
    content = message.get("content")
    texts = [content] if isinstance(content, str) else [block.get("text", "") for block in content or [{}]]
    return not all(text.strip() for text in texts)


def problem_of(body: Any, headers: dict[str, str]) -> str:
    """Why the real API would refuse this body, or nothing."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return "model: Field required"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        return "messages: at least one message is required"
    gone = {"temperature", "top_p", "top_k"} & set(body)
    checks = {
        "anthropic-version: header is required": "anthropic-version" not in headers,
        "messages: roles must be user or assistant": any(m.get("role") not in {"user", "assistant"} for m in messages),
        "messages: text content blocks must be non-empty": any(_empty(message) for message in messages),
        "This model does not support assistant message prefill.": messages[-1].get("role") == "assistant",
        f"{min(gone, default='')}: not supported by this model": bool(gone),
    }
    return next((problem for problem, found in checks.items() if found), "")


class Book:
    """What the stand-in was asked and told, shared by its connections; the test's hands on it."""

    def __init__(self, modes: Modes) -> None:
        self.defaults = modes
        self.queue: collections.deque[dict[str, Any]] = collections.deque()
        self.seen: collections.deque[dict[str, Any]] = collections.deque(maxlen=1000)
        self.cached: set[int] = set()
        self.numbers = itertools.count(1)
        self.released = 0  # replies that may go on although they are to be held
        self.stats = dict.fromkeys(
            ("requests", "streams", "completed", "aborted", "active", "max_active", "deltas", "faults", "rejected"), 0
        )

    def modes_for(self, model: str, headers: dict[str, str]) -> Modes:
        """The modes of one request, all sources considered; ValueError for one that does not exist."""
        _, _, suffix = model.partition("@")
        changes: dict[str, Any] = dict(part.split("=", 1) for part in suffix.split(",") if "=" in part)
        changes |= {name[10:]: value for name, value in headers.items() if name.startswith("x-standin-")}
        if self.queue:
            changes |= self.queue.popleft()
        modes = self.defaults.changed(changes)
        if modes.fault and random.random() >= modes.share:
            modes = modes.changed({"fault": ""})
        return modes

    def usage_of(self, body: dict[str, Any]) -> dict[str, int]:
        """Input tokens (a quarter of the characters), split as prompt caching would have it."""
        size = prefix = read = written = 0
        writes = []
        for text, breakpoint_here in blocks(body):
            size += len(text)
            prefix = hash((prefix, text))
            if prefix in self.cached:
                read = size // 4
            if breakpoint_here and size // 4 >= MIN_CACHEABLE:
                written = size // 4
                writes.append(prefix)
        self.cached.update(writes)
        created = max(0, written - read)
        return {
            "input_tokens": max(1, size // 4 - read - created),
            "cache_creation_input_tokens": created,
            "cache_read_input_tokens": read,
        }


class Reply:
    """One reply, resolved and ready to be sent."""

    def __init__(self, book: Book, body: dict[str, Any], modes: Modes, arrived: int) -> None:
        self.modes, self.arrived = modes, arrived
        self.id = f"msg_standin{next(book.numbers):08d}"
        self.model = body["model"]
        self.usage = book.usage_of(body)
        self.index = 1 if modes.thinking else 0
        self.stop = ENDING_FAULTS.get(modes.fault, modes.stop)
        self.words = [part for part in modes.text.replace(" ", " \0").split("\0") if part]
        self.count = len(self.words) if modes.text else modes.tokens
        if self.stop == "refusal":
            self.count = min(self.count, modes.at)
        limit = body.get("max_tokens") or self.count
        if limit < self.count:
            self.count, self.stop = limit, "max_tokens"
        self.offset = 7 * len(body["messages"])  # so that the replies of one conversation differ

    def piece(self, number: int) -> str:
        """The text of one delta."""
        if self.words:
            return self.words[number]
        if self.modes.stamped:
            first = f":{self.arrived}" if number == 0 else ""
            return f"~{number}:{now_us()}{first} "
        return PROSE[(self.offset + number) % len(PROSE)]

    def delta(self, number: int) -> bytes:
        """One delta as an HTTP chunk; prose is rendered beforehand."""
        if self.words or self.modes.stamped:
            return chunk(text_event(self.index, self.piece(number)))
        return PROSE_EVENTS[self.index][(self.offset + number) % len(PROSE)]

    def text(self, number: int) -> bytes:
        """One delta, not yet in a chunk."""
        return text_event(self.index, self.piece(number))

    def broken(self, message: str) -> bytes:
        """The event by which the provider says in mid-stream that it failed."""
        return event({"type": "error", "error": {"type": "overloaded_error", "message": message}})

    def ping(self) -> bytes:
        """What keeps the connection open and says nothing."""
        return event({"type": "ping"})

    def whole_text(self) -> str:
        return "".join(self.piece(number) for number in range(self.count))

    def message(self, content: list[dict[str, Any]], stop: str | None, output_tokens: int) -> dict[str, Any]:
        """The Message object, as `message_start` and a reply without streaming carry it."""
        created = self.usage["cache_creation_input_tokens"]
        message: dict[str, Any] = {
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": stop, "stop_sequence": None,
            "usage": {
                **self.usage, "cache_creation": {"ephemeral_5m_input_tokens": created, "ephemeral_1h_input_tokens": 0},
                "output_tokens": output_tokens, "service_tier": "standard",
            },
        }  # fmt: skip
        if self.modes.fault == "no-usage":
            del message["usage"]
        return message

    def opening(self) -> bytes:
        return chunk(event({"type": "message_start", "message": self.message([], None, 1)}))

    def before_text(self) -> bytes:
        """What stands between `message_start` and the first text delta."""
        out = b""
        if self.modes.thinking:
            block = {"type": "thinking", "thinking": "", "signature": ""}
            out += event({"type": "content_block_start", "index": 0, "content_block": block})
            delta = {"type": "thinking_delta", "thinking": "Hm. "}
            out += event({"type": "content_block_delta", "index": 0, "delta": delta}) * self.modes.thinking
            out += event({"type": "content_block_stop", "index": 0})
        block = {"type": "text", "text": ""}
        out += event({"type": "content_block_start", "index": self.index, "content_block": block})
        return chunk(out) + PING_EVENT

    def closing(self) -> bytes:
        """The events that end a good stream, with usage as it stands at the end, not yet in a chunk."""
        delta: dict[str, Any] = {
            "type": "message_delta", "delta": {"stop_reason": self.stop, "stop_sequence": None},
            "usage": {**self.usage, "output_tokens": self.count},
        }  # fmt: skip
        if self.modes.fault == "no-usage":
            del delta["usage"]
        stop = event({"type": "content_block_stop", "index": self.index})
        return stop + event(delta) + event({"type": "message_stop"})
