"""What is sent to the Messages API, and which failure is which."""

from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any, Self

import anthropic
import httpx2
import pytest

from bench.standin import StandIn, running_standin
from clients.models import ClientProfile
from clients.voices import Ending, VoiceError, VoiceRequest, claude, speak
from clients.voices.base import Fault
from clients.voices.scripted import Line
from monitoring.models import Reservation
from monitoring.providers import configured

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_(client_profile: ClientProfile) -> VoiceRequest:
    return VoiceRequest(client_profile.snapshot(), "You are Maria.", [Line("student", "Hi")], "claude-haiku-5-5", 50)


@pytest.fixture
def api(settings: Any) -> Iterator[StandIn]:
    with running_standin(text="Hello there.", ttft=1, delay=1) as api:
        settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "test-key", api.url
        yield api


async def spoken(request: VoiceRequest) -> tuple[str, claude.ClaudeSpeech]:
    speech = claude.ClaudeSpeech(configured(), claude.parameters(request))
    return "".join([piece async for piece in speech]), speech


async def fault_of(request: VoiceRequest) -> Fault:
    with pytest.raises(VoiceError) as failure:
        await spoken(request)
    return failure.value.fault


async def test_a_reply_is_heard_whole_with_its_usage(api: StandIn, request_: VoiceRequest) -> None:
    text, speech = await spoken(request_)
    assert text == "Hello there."
    assert speech.ending is Ending.COMPLETE
    assert speech.usage
    assert speech.usage.output > 0


def test_the_prompt_comes_first_and_the_state_last_so_that_the_cache_holds(request_: VoiceRequest) -> None:
    arguments = claude.parameters(request_)
    assert arguments["system"] == [{"type": "text", "text": "You are Maria.", "cache_control": claude.CACHE}]
    said, state = arguments["messages"][-1]["content"]
    assert said == {"type": "text", "text": "Hi", "cache_control": claude.CACHE}
    assert "cache_control" not in state
    assert arguments["output_config"] == {"effort": "low"}


def test_an_older_model_is_not_sent_what_it_does_not_know(request_: VoiceRequest) -> None:
    older = VoiceRequest(request_.snapshot, "", request_.history, "claude-haiku-4-5", 50)
    assert "output_config" not in claude.parameters(older)


def test_the_student_speaks_first_and_in_turns_whatever_was_left_empty() -> None:
    history = [Line("client", "Come in."), Line("student", "Hi"), Line("student", "Are you there?")]
    messages = claude.conversation(history, "state")
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == claude.BEGINNING
    assert messages[-1]["content"][0]["text"] == "Hi\n\nAre you there?"


@pytest.mark.parametrize(
    ("fault", "kind", "wait"),
    [
        ("401", Fault.AUTHENTICATION, None),
        ("403", Fault.PERMISSION, None),
        ("404", Fault.INVALID_REQUEST, None),
        ("429", Fault.RATE_LIMIT, 1.0),
        ("429-bare", Fault.RATE_LIMIT, None),
        ("429-spend", Fault.SPEND_CAP, None),
        ("500", Fault.SERVER, None),
        ("529", Fault.OVERLOADED, None),
    ],
)
async def test_every_refusal_has_its_kind_and_the_wait_it_asks_for(
    api: StandIn, request_: VoiceRequest, fault: str, kind: Fault, wait: float | None
) -> None:
    api.next(fault=fault, retry=1)
    with pytest.raises(VoiceError) as failure:
        await spoken(request_)
    assert (failure.value.fault, failure.value.retry_after) == (kind, wait)


async def test_a_stream_that_breaks_is_a_connection_fault_and_one_without_an_end_has_none(
    api: StandIn, request_: VoiceRequest
) -> None:
    api.next(fault="cut", at=1)
    assert await fault_of(request_) is Fault.CONNECTION
    api.next(fault="eof", at=1)
    _text, speech = await spoken(request_)
    assert speech.ending is None


class Broken:
    """A response of the SDK whose body fails as the given error says."""

    def __init__(self, error: Exception | bytes) -> None:
        self.error = error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    @property
    def http_response(self) -> Any:
        body = SimpleNamespace(_buffer=[], _buffer_offset=0)
        return SimpleNamespace(stream=SimpleNamespace(_aiohttp_response=SimpleNamespace(content=body)))

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        if isinstance(self.error, Exception):
            raise self.error
        yield self.error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (anthropic.APITimeoutError(httpx2.Request("POST", "http://x")), Fault.TIMEOUT),
        (httpx2.ReadTimeout("late"), Fault.TIMEOUT),
        (httpx2.RemoteProtocolError("cut"), Fault.CONNECTION),
        (ConnectionResetError(), Fault.CONNECTION),
        (b"event: content_block_delta\ndata: {oops\n\n", Fault.SERVER),
        (b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n', Fault.OVERLOADED),
        (b'event: error\ndata: {"type":"error","error":{"type":"new_kind"}}\n\n', Fault.SERVER),
    ],
)
async def test_whatever_breaks_in_the_middle_becomes_a_voice_error(
    request_: VoiceRequest, monkeypatch: pytest.MonkeyPatch, settings: Any, error: Exception | bytes, kind: Fault
) -> None:
    settings.ANTHROPIC_API_KEY = "test-key"
    messages = SimpleNamespace(with_streaming_response=SimpleNamespace(create=lambda **_: Broken(error)))
    monkeypatch.setattr(claude.ClaudeSpeech, "_client", lambda _self: SimpleNamespace(messages=messages))
    assert await fault_of(request_) is kind


def test_no_voice_speaks_without_a_held_reservation(request_: VoiceRequest) -> None:
    for state in ("settled", "released"):
        with pytest.raises(ValueError, match="reservation"):
            speak("scripted", request_, Reservation(state=state))
