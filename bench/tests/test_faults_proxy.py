"""The proxy carries bytes both ways, cuts exactly where it is told to, once, and can hold back what a server says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bench.faults.proxy import Proxy


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Before a server that echoes."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Proxy(f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as proxy:
        yield proxy


async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = proxy.address.split(":")
    return await asyncio.open_connection(host, int(port))


async def test_bytes_go_both_ways_unchanged(proxy: Proxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"x" * 100_000)
    assert await reader.readexactly(100_000) == b"x" * 100_000
    writer.close()
    assert proxy.cuts == 0


@pytest.mark.parametrize("after", [1, 10, 4096, 5000])
async def test_a_cut_lets_exactly_so_many_bytes_of_the_server_through(proxy: Proxy, after: int) -> None:
    reader, writer = await connect(proxy)
    proxy.cut_after(down=after)
    assert proxy.armed
    writer.write(b"x" * 10_000)
    assert await reader.read() == b"x" * after
    assert (proxy.cuts, proxy.armed) == (1, False)
    writer.close()


async def test_a_cut_on_the_way_up_ends_both_ways_and_the_next_connection_is_whole(proxy: Proxy) -> None:
    reader, writer = await connect(proxy)
    proxy.cut_after(up=3)
    writer.write(b"abcdef")
    assert (await reader.read()) in {b"", b"abc"}
    writer.close()
    again, writer = await connect(proxy)
    writer.write(b"abcdef")
    assert await again.readexactly(6) == b"abcdef"
    writer.close()
    assert proxy.cuts == 1


async def test_a_plan_counts_over_connections_until_it_is_carried_out(proxy: Proxy) -> None:
    proxy.cut_after(down=8)
    for whole in (b"abcdef", b"gh"):
        reader, writer = await connect(proxy)
        writer.write(whole)
        assert await reader.readexactly(len(whole)) == whole
        writer.close()
    assert proxy.cuts == 1


async def test_a_stall_holds_back_what_the_server_says_until_it_is_released(proxy: Proxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    proxy.stall()
    await asyncio.sleep(0)
    writer.write(b"b" * 10_000)
    held = asyncio.create_task(reader.readexactly(10_000))
    await asyncio.sleep(0.2)
    assert not held.done()
    proxy.release()
    assert await asyncio.wait_for(held, 5) == b"b" * 10_000
    writer.close()


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async with Proxy("127.0.0.1:1") as proxy:
        reader, writer = await connect(proxy)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
