"""A TCP proxy on loopback that cuts its connections after so many bytes, or holds back what the server says."""

import asyncio
import contextlib
from typing import Self


class Proxy:
    """Stands before one address; a plan to cut counts over connections until it is carried out."""

    def __init__(self, target: str) -> None:
        """`target` is host:port."""
        self.host, _, port = target.partition(":")
        self.port = int(port)
        self.address = ""
        self.cuts = 0
        self._left: dict[str, int] = {}
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**14)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut_after(self, *, down: int | None = None, up: int | None = None) -> None:
        """Cut the connection after so many more bytes from the server (down) or to it (up), once."""
        self._left = {way: count for way, count in (("down", down), ("up", up)) if count is not None}

    @property
    def armed(self) -> bool:
        """Whether a cut is planned that has not come yet."""
        return bool(self._left)

    def stall(self) -> None:
        """Stop reading what the server says."""
        self._flowing.clear()

    def release(self) -> None:
        """Read on."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self.host, self.port, limit=2**14)
        except OSError:
            writer.transport.abort()
            return
        both = (writer, back)
        for way, source, sink in (("up", reader, back), ("down", there, writer)):
            pump = asyncio.create_task(self._pump(way, source, sink, both))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(
        self, way: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter, both: tuple[asyncio.StreamWriter, ...]
    ) -> None:
        """Carry one direction until an end closes, or the plan says to cut both."""
        try:
            with contextlib.suppress(OSError):
                while True:
                    if way == "down":
                        await self._flowing.wait()
                    data = await source.read(4096)
                    if not data:
                        return
                    left = self._left.get(way)
                    if left is not None and len(data) >= left:
                        sink.write(data[:left])
                        self._left = {}
                        self.cuts += 1
                        return
                    if left is not None:
                        self._left[way] = left - len(data)
                    sink.write(data)
                    await sink.drain()
        finally:
            for writer in both:
                # What was written so far still goes out; nothing more comes in.
                writer.close()
