"""A connection to the stand-in: it reads requests and answers each as its modes say (bench/standin.py)."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from bench.chat import ChatReply, chat_problem_of
from bench.replies import (
    ERROR_TYPES,
    LAST_CHUNK,
    MIDSTREAM_FAULTS,
    REASONS,
    STATUS_FAULTS,
    Book,
    Modes,
    Reply,
    chunk,
    dump,
    now_us,
    problem_of,
)

MODEL = {
    "id": "claude-standin", "type": "model", "display_name": "Stand-in", "created_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


# As Anthropic and Ollama have it, and as DeepSeek does.
MESSAGES_PATHS = {"/v1/messages", "/v1/messages/count_tokens", "/anthropic/v1/messages"}
CHAT_PATH = "/v1/chat/completions"


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection; requests are answered one after the other."""

    transport: asyncio.Transport

    def __init__(self, book: Book, connections: set["Connection"]) -> None:
        self.book, self.connections, self.loop = book, connections, asyncio.get_running_loop()
        self.received, self.busy = b"", False
        self.timer: asyncio.TimerHandle | None = None
        self.reply: Reply | None = None
        self.sent, self.started, self.let_go = 0, 0.0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        if self.timer:
            self.timer.cancel()
        if self.reply:
            self.book.stats["aborted"] += 1
            self._leave()

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.busy:
            self._next_request()

    def _next_request(self) -> None:
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length") or 0)
        if len(rest) < size:
            return
        self.received, self.busy = rest[size:], True
        method, target, _ = first.split(" ", 2)
        self._route(method, target, headers, rest[:size])

    def _done(self) -> None:
        self.busy = False
        if self.received:
            self.loop.call_soon(self._next_request)

    def _leave(self) -> None:
        self.book.stats["active"] -= 1
        self.reply = None

    def _later(self, milliseconds: float, step: Callable[[], None]) -> None:
        self.timer = self.loop.call_later(milliseconds / 1000, step)

    def _json(self, status: int, value: Any, *extra: str) -> None:
        data = dump(value)
        lines = [
            f"HTTP/1.1 {status} {REASONS[status]}", "content-type: application/json", f"content-length: {len(data)}",
            f"request-id: req_standin{self.book.stats['requests']}", *extra,
        ]  # fmt: skip
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        self._done()

    def _error(self, status: int, message: str, *extra: str, code: str = "") -> None:
        error: dict[str, Any] = {"type": ERROR_TYPES[status], "message": message}
        if code:
            error["details"] = {"error_code": code}
        request_id = f"req_standin{self.book.stats['requests']}"
        self._json(status, {"type": "error", "error": error, "request_id": request_id}, *extra)

    def _reject(self, status: int, message: str) -> None:
        self.book.stats["rejected"] += 1
        self._error(status, message)

    def _route(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> None:
        url = urlsplit(target)
        if url.path.startswith("/_"):
            self._book_request(method, url.path, parse_qs(url.query), raw)
            return
        self.book.stats["requests"] += 1
        if method == "GET" and url.path == "/v1/models":
            self._json(200, {"data": [MODEL], "has_more": False, "first_id": MODEL["id"], "last_id": MODEL["id"]})
        elif method == "POST" and url.path in MESSAGES_PATHS:
            self._messages(url.path, headers, raw)
        elif method == "POST" and url.path == CHAT_PATH:
            self._chat(url.path, headers, raw)
        else:
            self._reject(404, f"no such path: {url.path}")

    def _messages(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        counting = path.endswith("count_tokens")
        try:
            body = json.loads(raw)
            self.book.seen.append({"path": path, "headers": headers, "body": body, "at_us": now_us()})
            if not (headers.get("x-api-key") or headers.get("authorization")):
                return self._reject(401, "x-api-key header is required")
            if problem := problem_of(body, headers):
                return self._reject(400, problem)
            if not (counting or body.get("max_tokens")):
                return self._reject(400, "max_tokens: Field required")
            modes = self.book.modes_for(body["model"], headers)
        except ValueError as error:  # no JSON, or no such mode
            return self._reject(400, str(error))
        return self._answer(body, modes, counting=counting)

    def _chat(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        """A completion, as OpenAI's and Mistral's documentation have it (bench/chat.py)."""
        try:
            body = json.loads(raw)
            self.book.seen.append({"path": path, "headers": headers, "body": body, "at_us": now_us()})
            if not headers.get("authorization", "").startswith("Bearer "):
                return self._reject(401, "Unauthorized")
            modes = self.book.modes_for(str(body.get("model")), headers)
            if problem := chat_problem_of(body, strict=bool(modes.strict)):
                return self._reject(422 if modes.strict else 400, problem)
        except ValueError as error:
            return self._reject(400, str(error))
        return self._answer(body, modes, counting=False, reply_of=ChatReply)

    def _book_request(self, method: str, path: str, query: dict[str, list[str]], raw: bytes) -> None:
        """The stand-in's own pages: what it saw, and what it shall do next."""
        if path == "/_stats":
            return self._json(200, self.book.stats)
        if path == "/_requests":
            return self._json(200, list(self.book.seen)[-int(query.get("n", ["100"])[0]) :])
        if method != "POST" or path not in {"/_modes", "/_next"}:
            return self._reject(404, f"no such path: {path}")
        try:
            changed = self.book.defaults.changed(json.loads(raw))
        except (ValueError, TypeError) as error:
            return self._reject(400, str(error))
        if path == "/_modes":
            self.book.defaults = changed
        else:
            self.book.queue.append(json.loads(raw))
        return self._json(200, dataclasses.asdict(changed))

    def _answer(self, body: dict[str, Any], modes: Modes, *, counting: bool, reply_of: type[Reply] = Reply) -> None:
        if modes.fault in STATUS_FAULTS:
            self.book.stats["faults"] += 1
            extra = [f"retry-after: {modes.retry:g}"] if modes.fault == "429" else []
            code = "enforced_spend_limit_reached" if modes.fault == "429-spend" else ""
            said = f"made on purpose: {modes.fault}{self._echo(modes)}"
            return self._error(STATUS_FAULTS[modes.fault], said, *extra, code=code)
        reply = reply_of(self.book, body, modes, now_us())
        if counting:
            return self._json(200, {"input_tokens": sum(reply.usage.values())})
        self.reply, self.sent, self.let_go = reply, 0, False
        stats = self.book.stats
        stats["active"] += 1
        stats["max_active"] = max(stats["max_active"], stats["active"])
        if not body.get("stream"):
            return self._later(modes.ttft + reply.count * modes.delay, self._whole)
        stats["streams"] += 1
        head = (
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
            f"request-id: req_standin{stats['requests']}\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self.transport.write(head.encode() + reply.opening())
        self.started = self.loop.time() + modes.ttft / 1000
        self._later(modes.ttft, self._step)
        return None

    def _echo(self, modes: Modes) -> str:
        """The request that came last, as an error quotes it where the modes say so."""
        return f" for {json.dumps(self.book.seen[-1], ensure_ascii=False)}" if modes.echo else ""

    def _whole(self) -> None:
        """The reply without streaming."""
        reply = self.reply
        assert reply is not None
        if reply.modes.fault in MIDSTREAM_FAULTS:
            self.book.stats["faults"] += 1
            if reply.modes.fault in {"stall", "pings", "drip"}:
                return
            self.transport.close()
            return
        self.book.stats["completed"] += 1
        self._leave()
        self._json(200, reply.message([{"type": "text", "text": reply.whole_text()}], reply.stop, reply.count))

    def _step(self) -> None:
        """One delta, or the end, or the fault that was asked for."""
        reply = self.reply
        assert reply is not None
        if reply.modes.hold == self.sent + 1 and not self.let_go:
            return self._wait_for_release()
        if self.sent == 0:
            self.transport.write(reply.before_text())
        if reply.modes.fault in MIDSTREAM_FAULTS and self.sent >= min(reply.modes.at, reply.count):
            self.book.stats["faults"] += 1
            return self._fail(reply)
        if self.sent >= reply.count:
            return self._end(chunk(reply.closing()))
        self.transport.write(reply.delta(self.sent))
        self.sent += 1
        self.book.stats["deltas"] += 1
        self.timer = self.loop.call_at(self.started + self.sent * reply.modes.delay / 1000, self._step)
        return None

    def _wait_for_release(self) -> None:
        """Ask again and again: a release may come before whom it is for."""
        if self.book.released:
            self.book.released -= 1
            self.let_go = True
        self._later(10, self._step)

    def _end(self, rest: bytes) -> None:
        self.transport.write(rest + LAST_CHUNK)
        self.book.stats["completed"] += 1
        self._leave()
        self._done()

    def _fail(self, reply: Reply) -> None:
        fault = reply.modes.fault
        if fault == "pings":
            return self._ping()
        if fault == "drip":
            rest = b"".join(reply.text(number) for number in range(self.sent, reply.count))
            return self._drip(iter(rest + reply.closing()))
        if fault == "stall":
            return None  # until the other side leaves
        self._leave()
        if fault == "cut":
            self.transport.write(b"ff\r\nevent: content_block_delta\n")
            return self.transport.close()
        if fault == "error":
            self.transport.write(chunk(reply.broken(f"Overloaded{self._echo(reply.modes)}")))
        self.transport.write(LAST_CHUNK)
        return self._done()

    def _ping(self) -> None:
        assert self.reply is not None
        self.transport.write(chunk(self.reply.ping()))
        self._later(self.reply.modes.every, self._ping)

    def _drip(self, rest: Iterator[int]) -> None:
        assert self.reply is not None
        byte = next(rest, None)
        if byte is None:
            return self._end(b"")
        self.transport.write(chunk(bytes([byte])))
        return self._later(self.reply.modes.every, lambda: self._drip(rest))
