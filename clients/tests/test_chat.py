"""Chat completions: what is sent, what is heard, and which failure is which."""

import asyncio
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bench.standin import StandIn, running_standin
from clients.models import ClientProfile
from clients.voices import Ending, VoiceError, VoiceRequest
from clients.voices.base import Fault
from clients.voices.calling import call
from clients.voices.chat import ChatSpeech, ChatStream, chat_arguments
from clients.voices.claude import parameters
from clients.voices.scripted import Line
from clients.voices.structured import Question, ask_all
from monitoring.models import Provider, ProviderModel, Reservation
from monitoring.pricing import Usage
from monitoring.providers import Endpoint, endpoint_of

MODEL = "mistral-small"
KEY = "mistral-key-0123456789"
HISTORY = [Line("client", "Good morning."), Line("student", "Hi"), Line("client", "Well."), Line("student", "Go on")]


@pytest.fixture
def api() -> Iterator[StandIn]:
    with running_standin(text="Hello there.", ttft=1, delay=1) as api:
        yield api


@pytest.fixture
def request_(client_profile: ClientProfile) -> VoiceRequest:
    return VoiceRequest(client_profile.snapshot(), "You are Maria.", HISTORY, MODEL, 50)


def at(api: StandIn, *, asks_usage: bool = True) -> Endpoint:
    return Endpoint("Mistral", "chat", f"{api.url}/v1", KEY, asks_usage=asks_usage)


async def spoken(endpoint: Endpoint, request: VoiceRequest) -> tuple[str, ChatSpeech]:
    speech = ChatSpeech(endpoint, parameters(request))
    return "".join([piece async for piece in speech]), speech


async def error_of(endpoint: Endpoint, request: VoiceRequest) -> VoiceError:
    with pytest.raises(VoiceError) as failure:
        await spoken(endpoint, request)
    return failure.value


@pytest.mark.django_db
@pytest.mark.parametrize("strict", [0, 1])
async def test_a_reply_is_heard_whole_with_its_counts_whether_they_come_asked_or_unasked(
    api: StandIn, request_: VoiceRequest, strict: int
) -> None:
    api.modes(strict=strict)
    text, speech = await spoken(at(api, asks_usage=not strict), request_)
    assert text == "Hello there."
    assert speech.ending is Ending.COMPLETE
    assert speech.usage
    assert (speech.usage.output, speech.usage.input > 0, speech.usage.cache_read) == (2, True, 0)


@pytest.mark.django_db
async def test_a_provider_that_knows_its_own_fields_alone_is_sent_no_other(
    api: StandIn, request_: VoiceRequest
) -> None:
    api.modes(strict=1)
    error = await error_of(at(api), request_)
    assert error.fault is Fault.INVALID_REQUEST
    assert "stream_options" in str(error)
    assert (await spoken(at(api, asks_usage=False), request_))[0] == "Hello there."


@pytest.mark.django_db
async def test_the_key_goes_as_a_bearer_and_nothing_of_the_environment_that_is_openais(
    api: StandIn, request_: VoiceRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "of-openai")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer of-openai\nX-Gateway-Key: of-openai")
    await spoken(at(api), request_)
    headers = api.requests()[-1]["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not any("of-openai" in value for value in headers.values())


@pytest.mark.django_db
def test_prompt_first_state_last_as_for_any_other_model(request_: VoiceRequest) -> None:
    arguments = parameters(request_)
    sent = chat_arguments(arguments, Endpoint("Mistral", "chat", "", "", asks_usage=False))
    assert set(sent) == {"model", "max_tokens", "messages"}
    roles = [message["role"] for message in sent["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert sent["messages"][0]["content"] == "You are Maria."
    said, state = (block["text"] for block in arguments["messages"][-1]["content"])
    assert sent["messages"][-1]["content"] == f"{said}\n\n{state}"
    assert "cache_control" not in json.dumps(sent)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("modes", "kind"),
    [
        ({"fault": "400"}, Fault.INVALID_REQUEST),
        ({"fault": "401"}, Fault.AUTHENTICATION),
        ({"fault": "402"}, Fault.SPEND_CAP),
        ({"fault": "403"}, Fault.PERMISSION),
        ({"fault": "422"}, Fault.INVALID_REQUEST),
        ({"fault": "429", "retry": 7}, Fault.RATE_LIMIT),
        ({"fault": "500"}, Fault.SERVER),
        ({"fault": "error", "at": 1}, Fault.OVERLOADED),
        ({"fault": "cut", "at": 1}, Fault.CONNECTION),
    ],
)
async def test_every_failure_has_the_kind_that_it_has_elsewhere(
    api: StandIn, request_: VoiceRequest, modes: dict[str, Any], kind: Fault
) -> None:
    api.modes(**modes)
    error = await error_of(at(api), request_)
    assert error.fault is kind
    assert error.retry_after == modes.get("retry")


@pytest.mark.django_db
async def test_a_provider_that_quotes_what_it_was_sent_is_quoted_without_it(
    api: StandIn, request_: VoiceRequest, settings: Any
) -> None:
    settings.PROVIDER_KEYS = {"MISTRAL_API_KEY": KEY}
    api.modes(fault="500", echo=1)
    said = str(await error_of(at(api), request_))
    assert KEY not in said
    assert "Good morning" not in said


@pytest.mark.django_db
async def test_a_stream_that_ends_without_its_mark_was_cut(api: StandIn, request_: VoiceRequest) -> None:
    api.modes(fault="eof", at=1)
    text, speech = await spoken(at(api), request_)
    assert (text, speech.ending) == ("Hello ", None)


@pytest.mark.django_db
@pytest.mark.parametrize(("fault", "ending"), [("max_tokens", Ending.TRUNCATED), ("refusal", Ending.REFUSED)])
async def test_how_a_reply_ended_is_known(api: StandIn, request_: VoiceRequest, fault: str, ending: Ending) -> None:
    api.modes(fault=fault, thinking=2)
    assert (await spoken(at(api), request_))[1].ending is ending


@pytest.mark.django_db
async def test_a_provider_without_its_key_is_not_called(api: StandIn, request_: VoiceRequest) -> None:
    error = await error_of(Endpoint("Mistral", "chat", f"{api.url}/v1", "", "MISTRAL_API_KEY"), request_)
    assert (error.fault, api.stats()["requests"]) == (Fault.AUTHENTICATION, 0)
    assert "MISTRAL_API_KEY" in str(error)


class Sum(BaseModel):
    sum: int


@pytest.mark.django_db(transaction=True)
def test_a_question_whose_answer_is_data_is_asked_in_the_same_shape(api: StandIn, settings: Any) -> None:
    settings.PROVIDER_KEYS = {"MISTRAL_API_KEY": KEY}
    mistral = Provider.objects.create(
        name="Mistral", protocol="chat", base_url=f"{api.url}/v1", key_name="MISTRAL_API_KEY", asks_usage=False
    )
    ProviderModel.objects.create(provider=mistral, name=MODEL)
    api.modes(text='{"sum": 3}', strict=1)
    [answer] = ask_all([Question("Add up.", "1 and 2", Sum, MODEL, 100)], [Reservation(state="held")])
    assert answer.value == Sum(sum=3)
    schema = api.requests()[-1]["body"]["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert list(schema["schema"]["properties"]) == ["sum"]
    assert endpoint_of(MODEL).provider == "Mistral"


def event(**chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


WORDS = ["Hel", "lo, ", "Zoë", " – 😀", "."]
STREAM = b"".join([
    b": keep-alive\n\n",
    event(choices=[{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}]),
    event(choices=[{"delta": {"reasoning_content": "Hm."}, "finish_reason": None}]),
    *(event(choices=[{"delta": {"content": word}, "finish_reason": None}]) for word in WORDS),
    event(choices=[{"delta": {"content": [{"type": "thinking"}, {"type": "text", "text": " Yes."}]}}]),
    event(choices=[{"delta": {}, "finish_reason": "stop"}]),
    event(choices=[], usage={
        "prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60},
    }),
    b"data: [DONE]\n\n",
])  # fmt: skip


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.booleans())
def test_however_the_bytes_are_cut_the_text_and_the_counts_are_the_same(cuts: list[int], windows: bool) -> None:
    stream, places = ChatStream(), [0, *sorted(cuts), len(STREAM)]
    parts = [STREAM[start:end] for start, end in pairwise(places)]
    # A carriage return that is cut from its line feed is made whole with the next bytes.
    said = "".join(stream.feed(part.replace(b"\n", b"\r\n") if windows else part) for part in parts)
    assert said == "".join(WORDS) + " Yes."
    assert (stream.ending, stream.error, stream.failure) == (Ending.COMPLETE, None, None)
    assert stream.usage == Usage(input=30, output=7, cache_read=60)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (event(error={"message": "no", "type": "rate_limit_error"}), ("rate_limit_error", "no")),
        (event(error="broken"), ("", "broken")),
        (event(choices=[{"delta": {}, "finish_reason": "error"}]), ("api_error", "error")),
        (
            event(choices=[{"delta": {}, "finish_reason": "insufficient_system_resource"}]),
            ("overloaded_error", "insufficient_system_resource"),
        ),
    ],
)
def test_what_a_provider_says_of_itself_in_mid_stream_is_its_error(said: bytes, error: tuple[str, str]) -> None:
    stream = ChatStream()
    stream.feed(said)
    assert stream.error == error


def test_what_cannot_be_read_is_a_failure_and_what_came_before_is_said() -> None:
    stream = ChatStream()
    assert stream.feed(event(choices=[{"delta": {"content": "Well"}}]) + b"data: {oops\n\n") == "Well"
    assert stream.failure
    assert stream.ending is None


def test_counts_of_deepseeks_own_kind_are_understood() -> None:
    stream = ChatStream()
    stream.feed(event(choices=[], usage={"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}))
    assert stream.usage == Usage(input=6, output=2, cache_read=4)


@pytest.mark.django_db
@pytest.mark.parametrize("protocol", ["chat", "messages"])
async def test_headers_that_are_meant_for_claude_reach_no_other_provider(
    api: StandIn, request_: VoiceRequest, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer of-claude\nX-Gateway-Key: of-claude")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "of-claude")
    path = "/v1" if protocol == "chat" else "/anthropic"
    endpoint = Endpoint("Other", protocol, api.url + path, KEY, "OTHER_API_KEY")
    assert "".join([piece async for piece in call(endpoint, parameters(request_))]) == "Hello there."
    assert not any("of-claude" in value for value in api.requests()[-1]["headers"].values())


@pytest.mark.django_db
@pytest.mark.parametrize("protocol", ["chat", "messages"])
async def test_a_redirect_is_a_failure_and_takes_no_words_elsewhere(request_: VoiceRequest, protocol: str) -> None:
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n")).split()[1])
        place = b"http://localhost:%d/elsewhere" % port
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: " + place + b"\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        speech = call(Endpoint("Other", protocol, f"http://127.0.0.1:{port}", KEY), parameters(request_))
        with pytest.raises(VoiceError) as failure:
            [piece async for piece in speech]
    assert failure.value.fault is Fault.SERVER
    assert [path.endswith(b"elsewhere") for path in heard] == [False]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "key"),
    [("http://a..b", KEY), ("https://\u2603.example", KEY), ("http://x\ty", KEY), ("http://127.0.0.1:9", "kéy\n")],
)
@pytest.mark.parametrize("protocol", ["chat", "messages"])
async def test_what_cannot_be_called_at_all_is_a_failure_like_any_other_and_tells_no_key(
    request_: VoiceRequest, protocol: str, address: str, key: str
) -> None:
    speech = call(Endpoint("Other", protocol, address, key), parameters(request_))
    with pytest.raises(VoiceError) as failure:
        [piece async for piece in speech]
    assert failure.value.fault in {Fault.INVALID_REQUEST, Fault.CONNECTION}
    assert key.strip() not in str(failure.value)


@pytest.mark.parametrize("count", [-1, 50_000_000_000, 1e308])
def test_counts_that_cannot_be_are_no_bill(count: float) -> None:
    stream = ChatStream()
    stream.feed(event(choices=[], usage={"prompt_tokens": count, "completion_tokens": count}))
    assert stream.usage
    assert 0 <= stream.usage.input <= 10_000_000
    assert 0 <= stream.usage.output <= 10_000_000


@pytest.mark.parametrize(
    "said", [b'data: {"usage": {"prompt_tokens": 1e999}}\n\n', b"data: " + b"[" * 100_000 + b"\n\n"]
)
def test_what_no_reader_can_read_is_a_failure_and_nothing_worse(said: bytes) -> None:
    stream = ChatStream()
    stream.feed(said)
    assert stream.failure


def test_an_event_without_an_end_is_given_up() -> None:
    stream = ChatStream()
    for _ in range(40):
        stream.feed(b"x" * 65_536)
        if stream.failure:
            break
    assert stream.failure
    assert len(stream._rest) <= 2 * 2**20


def test_chunks_of_filters_and_gateways_do_not_disturb_a_reply() -> None:
    stream = ChatStream()
    said = stream.feed(
        event(choices=[{"index": 0, "content_filter_results": {}}])
        + event(choices=[{"delta": None}], usage=None)
        + b"data:\n\n"
        + event(choices=[{"delta": {"content": "Well."}, "finish_reason": "stop"}], usage=[])
        + b"data: [DONE]\n\ndata: [DONE]\n\n"
    )
    assert (said, stream.ending, stream.failure) == ("Well.", Ending.COMPLETE, None)
