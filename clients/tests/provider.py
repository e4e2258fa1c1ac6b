"""What tests of a failing provider have in common: a reply heard or failed, and the state of its breaker."""

import asyncio
import datetime as dt
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from clients.voices import VoiceError
from clients.voices.breaker import Key
from clients.voices.patience import PatientSpeech
from monitoring import breakers, providers
from monitoring.models import Breaker

MODEL = "claude-haiku-5-5"

# Seconds for what takes milliseconds: a busy machine is no reason to fail.
PATIENCE = 60.0

Say = Callable[..., PatientSpeech]


async def until(true: Callable[[], object]) -> None:
    """Wait until that is so."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  (many small truths, and no event for each)
            await asyncio.sleep(0.001)


def key() -> Key:
    return Key(providers.configured().provider, MODEL)


def here() -> dict[str, Any]:
    return key()._asdict()


async def heard(speech: PatientSpeech) -> str:
    async with aclosing(aiter(speech)) as pieces:
        return "".join([piece async for piece in pieces])


async def error_of(speech: PatientSpeech) -> VoiceError:
    with pytest.raises(VoiceError) as failure:
        await heard(speech)
    return failure.value


@sync_to_async
def row() -> Breaker:
    return breakers.read()[key()]


@sync_to_async
def break_it(*, rested: bool = False) -> None:
    """The model did not answer five times; `rested`: long enough ago to be tried again."""
    for _ in range(5):
        breakers.failed(**here(), fault="overloaded")
    if rested:
        Breaker.objects.update(failed_at=timezone.now() - dt.timedelta(minutes=5))
