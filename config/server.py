"""The server: daphne's, run from our own code so that it recovers before the first request and drains at the end."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvloop
from django.conf import settings

if TYPE_CHECKING:
    from daphne.server import Server

    from conversations.live.engine import Engine

logger = logging.getLogger("rapport.server")


def serve(host: str, port: int, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain: refuse new turns, finish running ones, close with 1012."""
    # Twisted takes its event loop when daphne is first imported, so ours must be there before that.
    from twisted.internet import asyncioreactor

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server

    from clients.voices.ready import make_ready
    from config.asgi import application
    from config.sockets import PortalWebSocketProtocol
    from conversations.live.engine import engine

    async def begin() -> "Engine":
        # The engine first: what a dead process left is ended while we read.
        started = await engine()
        await asyncio.to_thread(make_ready)
        return started

    running = loop.run_until_complete(begin())

    def ready() -> None:
        # A frame that is too big is answered by close code 1009 instead of a dropped connection. An Origin of "null" is
        # refused by our own validator, which says so in the log.
        server.ws_factory.setProtocolOptions(failByDrop=False, allowNullOrigin=True)
        server.ws_factory.protocol = PortalWebSocketProtocol
        on_ready()

    server = Server(
        application=application,
        # A class that starts at once connects at once: the default backlog of 50 would turn students away.
        endpoints=[f"{one}:backlog=1024" for one in build_endpoint_description_strings(host=host, port=port)],
        signal_handlers=False,
        ready_callable=ready,
        websocket_max_message_size=settings.FRAME_MAX_BYTES,
        websocket_max_frame_size=settings.FRAME_MAX_BYTES,
        websocket_timeout=-1,
        proxy_forwarded_address_header="X-Forwarded-For" if settings.TRUST_PROXY else None,
        proxy_forwarded_proto_header="X-Forwarded-Proto" if settings.TRUST_PROXY else None,
        server_name="rapport",
        verbosity=0,
    )

    # What was loaded to start with stays: looking it through for garbage again and again would stop every chat for a
    # quarter of a second.
    gc.freeze()
    _leave_on_signal(loop, running, server)
    server.run()


def _leave_on_signal(loop: asyncio.AbstractEventLoop, running: "Engine", server: "Server") -> None:
    """Drain on SIGTERM or SIGINT, then stop; a second signal changes nothing."""

    async def leave() -> None:
        try:
            await running.drain()
        finally:
            server.stop()

    # The set keeps the task from being collected.
    leaving: set[asyncio.Task[None]] = set()

    def on_signal() -> None:
        if not leaving:
            leaving.add(loop.create_task(leave()))

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, on_signal)
