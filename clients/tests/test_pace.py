"""Many replies are read less often each, and no word waits longer than that."""

from contextlib import ExitStack
from typing import Any

import pytest

from bench.standin import StandIn
from clients.voices import VoiceError, VoiceRequest
from clients.voices.base import Fault
from clients.voices.claude import ClaudeSpeech, parameters
from clients.voices.pace import Pace
from monitoring.providers import configured


def test_few_replies_are_read_often_and_many_share_what_a_process_can_do(settings: Any) -> None:
    settings.DELTA_JOIN_SECONDS, settings.DELTAS_PER_SECOND = 0.04, 1_000
    pace = Pace()
    with ExitStack() as replies:
        for _reply in range(40):
            assert pace.seconds == 0.04
            replies.enter_context(pace)
        for _reply in range(60):
            replies.enter_context(pace)
        assert pace.seconds == 0.1
    assert pace.seconds == 0.04


def test_a_reply_that_breaks_is_not_counted_any_longer(settings: Any) -> None:
    settings.DELTA_JOIN_SECONDS, settings.DELTAS_PER_SECOND = 0.0, 1
    pace = Pace()
    with pytest.raises(ZeroDivisionError), pace:
        raise ZeroDivisionError
    assert pace.seconds == 0


def test_no_setting_makes_a_rest_look_like_silence(settings: Any) -> None:
    settings.DELTA_JOIN_SECONDS, settings.DELTAS_PER_SECOND = 20.0, 1
    with Pace() as pace:
        assert pace.seconds == 1


@pytest.mark.django_db
async def test_what_had_arrived_when_the_connection_broke_is_heard(
    api: StandIn, request_: VoiceRequest, settings: Any
) -> None:
    settings.DELTA_JOIN_SECONDS = 0.3
    words = [f"w{number}" for number in range(45)]
    api.modes(text=" ".join(words), ttft=1, delay=2, fault="cut", at=30)
    heard: list[str] = []

    async def listen() -> None:
        async for piece in ClaudeSpeech(configured(), parameters(request_)):
            heard.append(piece)  # noqa: PERF401  (what came before the failure counts)

    with pytest.raises(VoiceError) as failure:
        await listen()
    assert "".join(heard).split() == words[:30]
    assert failure.value.fault is Fault.CONNECTION


@pytest.mark.django_db
async def test_the_first_words_come_at_once_and_the_others_gather(
    api: StandIn, request_: VoiceRequest, settings: Any
) -> None:
    settings.DELTA_JOIN_SECONDS = 1.0
    words = [f"w{number}" for number in range(45)]  # a reply may have 50
    api.modes(text=" ".join(words), ttft=1, delay=40)
    pieces = [piece async for piece in ClaudeSpeech(configured(), parameters(request_))]
    assert "".join(pieces).split() == words
    # 1.8 s of text, read when it begins and then about every second.
    assert len(pieces[0].split()) < 20
    assert 2 <= len(pieces) <= 6
