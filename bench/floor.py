"""The floor: the least a Python process can do to relay a streamed reply over a websocket, to compare with.

It speaks enough of the socket protocol for the load generator. No sign-in, no database, nothing kept, and one frame
for each delta.
"""

import argparse
import asyncio
import json
import uuid
from typing import Any

import aiohttp
from aiohttp import web

API: web.AppKey[aiohttp.ClientSession] = web.AppKey("api")


async def _relay(api: aiohttp.ClientSession, socket: web.WebSocketResponse, text: str) -> str:
    """Ask the model, pass on each delta, and return the whole text."""
    message, index, whole, rest = str(uuid.uuid4()), 0, [], b""
    question = {"model": "floor", "max_tokens": 4096, "stream": True, "messages": [{"role": "user", "content": text}]}
    async with api.post("/v1/messages", json=question) as response:
        response.raise_for_status()
        async for data in response.content.iter_any():
            *events, rest = (rest + data).split(b"\n\n")
            for event in events:
                if not event.startswith(b"event: content_block_delta"):
                    continue
                piece = json.loads(event[event.index(b"data: ") + 6 :])["delta"].get("text", "")
                index += 1
                whole.append(piece)
                frame = {"type": "delta", "message": message, "index": index, "text": piece}
                await socket.send_str(json.dumps(frame))
    return "".join(whole)


async def chat(request: web.Request) -> web.WebSocketResponse:
    """One socket: every `send` is answered by deltas and a `done`."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    await socket.send_str('{"type":"hello"}')
    async for message in socket:
        text: Any = json.loads(message.data)["text"]
        whole = await _relay(request.app[API], socket, text)
        await socket.send_str(json.dumps({"type": "done", "status": "complete", "text": whole}))
    return socket


async def serve(port: int, api: str) -> None:
    """Serve until cancelled; `api` is the base URL of a Messages API."""
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    async with aiohttp.ClientSession(api, connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:
        app = web.Application()
        app[API] = session
        app.router.add_get("/ws", chat)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.api))
