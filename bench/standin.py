"""A local stand-in for providers: Messages and chat completions, with faults on demand, for tests and the bench.

    python -m bench.standin --port 9100 --tokens 100 --delay 30 --ttft 300

From pytest (the server runs in a thread; other processes reach it by its url):

    with running_standin(text="Hello there.") as api:
        ...                                  # point ANTHROPIC_BASE_URL at api.url, any key will do
        api.modes(fault="stall", at=3)       # every request from now on
        api.next(fault="529")                # only the next request; call again to queue more
        api.requests()[-1]["body"]["model"]
        api.stats()["aborted"]
        api.next(hold=3)                     # two words, and the third when the test says so:
        api.release()

Messages are at /v1/messages (Claude, Ollama) and /anthropic/v1/messages (DeepSeek), completions at
/v1/chat/completions.

Modes, weakest to strongest: the command line (or `running_standin`), `POST /_modes`, the model's name
(`claude-haiku-5-5@fault=cut,at=5`), a header (`x-standin-fault: cut`), `POST /_next`.

    tokens    text deltas in a reply                    delay    milliseconds between deltas
    ttft      milliseconds to the first delta           thinking thinking deltas before the text
    text      the exact reply, instead of prose         stamped  1: deltas carry "~<seq>:<sent_us> " instead of words,
                                                                 the first "~0:<sent_us>:<arrived_us> " (monotonic)
    fault     see below                                 at       deltas before a fault in mid-stream
    share     part of the requests that get the fault   every    milliseconds between drip's bytes or pings' pings
    retry     seconds in retry-after (fault 429)        stop     stop_reason of a complete reply
    echo      1: errors quote the request, key and all  hold     n: before the n-th delta, wait for a release
    strict    1: chat completions as Mistral has them: no field that it does not know, counts in the last chunk

Faults before the stream: 400 401 402 403 404 413 429 429-bare (no retry-after) 429-spend (a spend cap) 500 529.
In mid-stream: error (an `error` event), cut (the socket closes inside a chunk), eof (the body ends well, without
message_stop), stall (silence), pings (only pings), drip (the rest byte by byte).
In the ending: refusal, max_tokens, no-usage.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, Self

from bench.connection import Connection
from bench.replies import Book, Modes


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: half the CPU."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class StandIn:
    """The stand-in in a thread of this process, as a context manager; other processes reach it by `url`."""

    def __init__(self, *, port: int = 0, **modes: Any) -> None:
        """Port 0 takes a free one; a mode that does not exist raises ValueError."""
        self.book = Book(Modes().changed(modes))
        self.port, self._loop = port, _new_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="stand-in", daemon=True)
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        """The base URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        connections: set[Connection] = set()
        try:
            server = self._loop.run_until_complete(
                self._loop.create_server(
                    lambda: Connection(self.book, connections), "127.0.0.1", self.port, backlog=4096
                )
            )
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in list(connections):
            connection.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def modes(self, **changes: Any) -> None:
        """Change how every request from now on is answered."""
        self.book.defaults = self.book.defaults.changed(changes)

    def next(self, **changes: Any) -> None:
        """Change how the next request alone is answered; call again to queue more."""
        self.book.defaults.changed(changes)  # a mistake is told here, not in the request
        self.book.queue.append(changes)

    def release(self) -> None:
        """Let one reply go on that is held, or the next one that will be."""
        self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        self.book.released += 1

    def requests(self) -> list[dict[str, Any]]:
        """What was asked so far, oldest first: path, headers (lower-case names), body, at_us."""
        return list(self.book.seen)

    def stats(self) -> dict[str, int]:
        """Counts: requests, streams, completed, aborted, active, max_active, deltas, faults, rejected."""
        return dict(self.book.stats)


@contextlib.contextmanager
def running_standin(**modes: Any) -> Iterator[StandIn]:
    """A stand-in for the length of a `with` block."""
    with StandIn(**modes) as api:
        yield api


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9100)
    for field in dataclasses.fields(Modes):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    options = vars(parser.parse_args(arguments))
    with StandIn(**options) as api, contextlib.suppress(KeyboardInterrupt):
        print(f"stand-in Messages API on {api.url}", flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        threading.Event().wait()


if __name__ == "__main__":
    main()
