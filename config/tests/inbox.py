"""A place that takes error reports, as Sentry does, and keeps them for a test to read."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Inbox:
    """What came, and where it is sent to."""

    def __init__(self, port: int) -> None:
        self.dsn = f"http://public@127.0.0.1:{port}/1"
        self.bodies: list[str] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in what came: the last line of each envelope."""
        return [json.loads(body.strip().splitlines()[-1]) for body in self.bodies]


@contextmanager
def running_inbox() -> Iterator[Inbox]:
    """An inbox that listens until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            inbox.bodies.append((gzip.decompress(body) if packed else body).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        inbox = Inbox(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield inbox
        server.shutdown()
