"""The stand-in Messages API of a run, in a process of its own, told what to do over HTTP."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

from bench.processes import answers, end, free_port, start, wait_until

# What a request gets unless a line says otherwise: a short reply, soon over.
USUAL: dict[str, Any] = {
    "tokens": 12, "delay": 5, "ttft": 20, "thinking": 0, "text": "", "stamped": 0, "fault": "", "at": 5, "share": 1,
    "every": 1000, "retry": 1, "stop": "end_turn",
}  # fmt: skip


class Api:
    """See bench.standin for modes and faults."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data=data, timeout=10) as answer:
            return json.load(answer)

    def modes(self, **changes: Any) -> None:
        """How every request from now on is answered; what is not named is as usual."""
        self._ask("/_modes", {**USUAL, **changes})

    def calls(self) -> int:
        """How often it was asked for a reply so far."""
        requests: int = self._ask("/_stats")["requests"]
        return requests

    def calls_by_model(self, last: int) -> dict[str, int]:
        """How often each model was asked for among the last requests (at most 1,000 are kept)."""
        found: dict[str, int] = {}
        for request in self._ask(f"/_requests?n={last}"):
            model = request["body"]["model"]
            found[model] = found.get(model, 0) + 1
        return found


@contextlib.contextmanager
def running_api() -> Iterator[Api]:
    """A stand-in for the length of the block."""
    api = Api(f"http://127.0.0.1:{free_port()}")
    child = start(["-m", "bench.standin", "--port", api.url.rpartition(":")[2]])
    try:
        wait_until(lambda: answers(f"{api.url}/_stats"), child, "bench.standin")
        api.modes()
        yield api
    finally:
        end(child)
