"""Daphne's websocket protocol, free to close with any code and to say more than it takes."""

from typing import Any

from daphne.ws_protocol import WebSocketProtocol


class PortalWebSocketProtocol(WebSocketProtocol):
    """Closes with whatever code the consumer names, and limits only what comes in.

    Autobahn's `sendClose` takes only 1000 and 3000 to 4999, but a server that restarts says so with 1012 ("Service
    Restart" in IANA's registry), which browsers hand on and our client understands.
    """

    maxMessagePayloadSize: int  # noqa: N815  (autobahn's name)
    send_queue: list[tuple[bytes, bool]]

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  (daphne's name)
        """Send the close frame; autobahn waits for the answer and drops the connection."""
        self.sendCloseFrame(code=code or 1000, isReply=False)

    def sendMessage(self, *args: Any, **kwargs: Any) -> None:  # noqa: N802  (autobahn's name)
        """Send a message of any size: autobahn would hold what we say to the limit for what we take."""
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(*args, **kwargs)
        finally:
            self.maxMessagePayloadSize = limit

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802
        """Hand bytes to the transport: autobahn words a debug line for each, also when nobody reads it."""
        if sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
        else:
            self.transport.write(data)
