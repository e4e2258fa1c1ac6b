"""The stand-in answers as the Messages API does, and fails as it is told to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from bench.standin import StandIn, running_standin

HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}


@pytest.fixture
def api() -> Iterator[StandIn]:
    with running_standin(tokens=8, delay=1, ttft=1) as standin:
        yield standin


@pytest.fixture
async def http(api: StandIn) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(api.url, headers=HEADERS) as session:
        yield session


def ask(text: str = "How are you?", **changes: Any) -> dict[str, Any]:
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
        "stream": True,
        **changes,
    }


async def events_of(http: aiohttp.ClientSession, **changes: Any) -> list[dict[str, Any]]:
    """The data of every event of one streamed reply, in order."""
    async with http.post("/v1/messages", json=ask(**changes)) as response:
        assert response.status == 200
        body = (await response.read()).decode()
    events = []
    for block in body.strip().split("\n\n"):
        name, data = block.split("\n")
        value = json.loads(data.removeprefix("data: "))
        assert name == f"event: {value['type']}"
        events.append(value)
    return events


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")


async def test_a_reply_that_is_held_goes_on_when_it_is_released_also_where_that_comes_first(
    api: StandIn, http: aiohttp.ClientSession
) -> None:
    api.modes(hold=3)
    asked = asyncio.create_task(events_of(http))
    while api.stats()["deltas"] < 2:  # noqa: ASYNC110  (a moment)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert (api.stats()["deltas"], asked.done()) == (2, False)
    api.release()
    whole = text_of(await asked)
    api.release()
    assert text_of(await events_of(http)) == whole
    assert api.stats()["deltas"] == 16


async def test_a_stream_has_the_events_of_the_real_one_in_their_order(http: aiohttp.ClientSession) -> None:
    events = await events_of(http)
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[3:11] == ["content_block_delta"] * 8
    assert kinds[11:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[0]["message"]["usage"]["input_tokens"] > 0
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    assert events[-2]["usage"]["output_tokens"] == 8


async def test_an_exact_text_arrives_whole_with_or_without_streaming(api: StandIn, http: aiohttp.ClientSession) -> None:
    api.modes(text="Fine, I guess.  Why?", thinking=2)
    assert text_of(await events_of(http)) == "Fine, I guess.  Why?"
    async with http.post("/v1/messages", json=ask(stream=False)) as response:
        message = await response.json()
    assert message["content"] == [{"type": "text", "text": "Fine, I guess.  Why?"}]
    assert message["stop_reason"] == "end_turn"


async def test_a_limit_of_tokens_truncates_the_reply(http: aiohttp.ClientSession) -> None:
    events = await events_of(http, max_tokens=3)
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert events[-2]["usage"]["output_tokens"] == 3


async def test_a_cached_prefix_is_written_once_and_read_afterwards(http: aiohttp.ClientSession) -> None:
    system = [{"type": "text", "text": "You are Maria. " * 200, "cache_control": {"type": "ephemeral"}}]
    first = (await events_of(http, system=system))[0]["message"]["usage"]
    second = (await events_of(http, system=system))[0]["message"]["usage"]
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] == 751
    assert first["cache_read_input_tokens"] == second["cache_creation_input_tokens"] == 0
    assert first["input_tokens"] == second["input_tokens"] > 0


async def test_a_prompt_below_the_smallest_cacheable_size_is_not_cached(http: aiohttp.ClientSession) -> None:
    system = [{"type": "text", "text": "You are Maria.", "cache_control": {"type": "ephemeral"}}]
    for _ in range(2):
        usage = (await events_of(http, system=system))[0]["message"]["usage"]
        assert usage["cache_creation_input_tokens"] == usage["cache_read_input_tokens"] == 0


@pytest.mark.parametrize(
    ("fault", "status", "kind", "retry_after"),
    [
        ("400", 400, "invalid_request_error", None),
        ("401", 401, "authentication_error", None),
        ("403", 403, "permission_error", None),
        ("404", 404, "not_found_error", None),
        ("413", 413, "request_too_large", None),
        ("429", 429, "rate_limit_error", "7"),
        ("429-bare", 429, "rate_limit_error", None),
        ("429-spend", 429, "rate_limit_error", None),
        ("500", 500, "api_error", None),
        ("529", 529, "overloaded_error", None),
    ],
)
async def test_a_refused_request_has_the_status_and_shape_of_its_fault(
    api: StandIn, http: aiohttp.ClientSession, fault: str, status: int, kind: str, retry_after: str | None
) -> None:
    api.next(fault=fault, retry=7)
    async with http.post("/v1/messages", json=ask()) as response:
        error = (await response.json())["error"]
        assert (response.status, error["type"], response.headers.get("retry-after")) == (status, kind, retry_after)
    spend = {"error_code": "enforced_spend_limit_reached"} if fault == "429-spend" else None
    assert error.get("details") == spend
    assert text_of(await events_of(http))  # only that one request


async def test_an_error_event_ends_the_stream_after_the_words_before_it(
    api: StandIn, http: aiohttp.ClientSession
) -> None:
    api.next(fault="error", at=3)
    kinds = [event["type"] for event in await events_of(http)]
    assert kinds.count("content_block_delta") == 3
    assert kinds[-1] == "error"


async def test_a_body_that_just_ends_lacks_message_stop(api: StandIn, http: aiohttp.ClientSession) -> None:
    api.next(fault="eof", at=3)
    assert (await events_of(http))[-1]["type"] == "content_block_delta"


async def test_a_cut_connection_breaks_the_body(api: StandIn, http: aiohttp.ClientSession) -> None:
    api.next(fault="cut", at=3)
    with pytest.raises(aiohttp.ClientPayloadError):
        await events_of(http)


@pytest.mark.parametrize("fault", ["stall", "pings", "drip"])
async def test_a_stalled_stream_brings_no_more_text_and_counts_as_left(
    api: StandIn, http: aiohttp.ClientSession, fault: str
) -> None:
    api.next(fault=fault, at=3, every=25)
    received = b""
    async with http.post("/v1/messages", json=ask()) as response:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.4):
                async for data in response.content.iter_any():
                    received += data
                pytest.fail("the body ended")
    assert received.count(b"event: content_block_delta") == 3
    assert (received.count(b"event: ping") > 3) == (fault == "pings")
    assert b"message_stop" not in received
    for _ in range(500):
        if not api.stats()["active"]:
            break
        await asyncio.sleep(0.01)
    assert (api.stats()["active"], api.stats()["aborted"]) == (0, 1)


async def test_a_dripping_stream_is_whole_in_the_end(api: StandIn, http: aiohttp.ClientSession) -> None:
    api.next(fault="drip", at=7, every=0)
    events = await events_of(http)
    assert events[-1]["type"] == "message_stop"
    assert [event["type"] for event in events].count("content_block_delta") == 8


async def test_a_refusal_and_missing_usage_show_in_the_ending(api: StandIn, http: aiohttp.ClientSession) -> None:
    api.next(fault="refusal", at=2)
    assert (await events_of(http))[-2]["delta"]["stop_reason"] == "refusal"
    api.next(fault="no-usage")
    events = await events_of(http)
    assert "usage" not in events[0]["message"]
    assert "usage" not in events[-2]


async def test_modes_come_from_the_models_name_and_a_header_is_stronger(http: aiohttp.ClientSession) -> None:
    assert len(text_of(await events_of(http, model="m@tokens=2,stamped=1")).split()) == 2
    async with http.post("/v1/messages", json=ask(model="m@fault=500"), headers={"x-standin-fault": "529"}) as response:
        assert response.status == 529


async def test_stamps_tell_when_each_delta_was_sent(http: aiohttp.ClientSession) -> None:
    stamps = [word.strip("~").split(":") for word in text_of(await events_of(http, model="m@stamped=1")).split()]
    assert [int(stamp[0]) for stamp in stamps] == list(range(8))
    sent = [int(stamp[1]) for stamp in stamps]
    assert sent == sorted(sent)
    assert int(stamps[0][2]) <= sent[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "prefill"}]},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "user", "content": " "}]},
        {"temperature": 0.5},
        {"max_tokens": 0},
        {"model": "m@fault=none-such"},
        {"model": "m@colour=blue"},
        {"model": None},
    ],
)
async def test_what_the_real_api_would_not_take_is_refused(
    http: aiohttp.ClientSession, changes: dict[str, Any]
) -> None:
    async with http.post("/v1/messages", json=ask(**changes)) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_no_key_no_path_and_no_json_are_refused(api: StandIn, http: aiohttp.ClientSession) -> None:
    async with aiohttp.ClientSession(api.url) as stranger, stranger.post("/v1/messages", json=ask()) as response:
        assert response.status == 401
    async with http.post("/v1/nothing", json={}) as response:
        assert response.status == 404
    async with http.post("/v1/messages", data=b"{") as response:
        assert response.status == 400
    assert api.stats()["rejected"] == 3


async def test_what_was_asked_can_be_read_back_and_modes_set_from_another_process(
    api: StandIn, http: aiohttp.ClientSession
) -> None:
    async with http.post("/_modes", json={"tokens": 1}) as response:
        assert (await response.json())["tokens"] == 1
    async with http.post("/_next", json={"fault": "error", "at": 0}) as response:
        assert response.status == 200
    async with http.post("/_next", json={"fault": "none-such"}) as response:
        assert response.status == 400
    assert (await events_of(http, text="one"))[-1]["type"] == "error"
    assert (await events_of(http, text="two"))[-2]["usage"]["output_tokens"] == 1
    async with http.get("/_requests?n=1") as response:
        (last,) = await response.json()
    assert last["body"]["messages"][0]["content"] == "two"
    assert last["headers"]["x-api-key"] == "any"
    assert [request["body"]["messages"][0]["content"] for request in api.requests()] == ["one", "two"]
    async with http.get("/_stats") as response:
        assert (await response.json())["requests"] == 2


async def test_counting_tokens_and_listing_models_work(http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/messages/count_tokens", json=ask(text="x" * 400)) as response:
        assert 100 <= (await response.json())["input_tokens"] <= 102
    async with http.get("/v1/models") as response:
        assert (await response.json())["data"][0]["type"] == "model"


def test_a_mode_that_does_not_exist_is_told_at_once(api: StandIn) -> None:
    with pytest.raises(ValueError, match="no such mode: colour"):
        api.next(colour="blue")


def test_a_port_in_use_is_told_at_once(api: StandIn) -> None:
    with pytest.raises(OSError, match="address already in use"), running_standin(port=api.port):
        pass
