"""A provider on this machine, and replies that are patient with it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.standin import StandIn, running_standin
from clients.models import ClientProfile
from clients.tests.provider import MODEL, PATIENCE, key
from clients.voices import VoiceRequest
from clients.voices.calling import call
from clients.voices.claude import parameters
from clients.voices.patience import PatientSpeech, Switchboard
from clients.voices.scripted import Line
from monitoring.providers import configured


@pytest.fixture
def request_(client_profile: ClientProfile) -> VoiceRequest:
    return VoiceRequest(client_profile.snapshot(), "You are Maria.", [Line("student", "Hi")], MODEL, 50)


@pytest.fixture
def api(settings: Any) -> Iterator[StandIn]:
    """A provider on this machine, and clocks that tick fast enough for a test."""
    settings.BACKOFF_FIRST_SECONDS, settings.BACKOFF_MAX_SECONDS = 0.02, 0.05
    settings.REPLY_FIRST_TEXT_SECONDS = settings.REPLY_SILENCE_SECONDS = settings.QUEUE_SECONDS = PATIENCE
    with running_standin(text="Hello there.", ttft=1, delay=1) as api:
        settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "test-key", api.url
        yield api


@pytest.fixture
def say(request_: VoiceRequest) -> Callable[..., PatientSpeech]:
    """A reply of a process of its own, or of the process whose switchboard is given; `waits` takes what it is told."""

    def make(board: Switchboard | None = None, waits: list[int] | None = None) -> PatientSpeech:
        async def on_wait(position: int) -> None:
            if waits is not None:
                waits.append(position)

        return PatientSpeech(
            lambda: call(configured(), parameters(request_)), key(), on_wait=on_wait, board=board or Switchboard()
        )

    return make
