"""The scripted voice as a stream: the pure text of `scripted`, spoken piece by piece."""

import asyncio
from collections.abc import AsyncGenerator

from django.conf import settings

from clients.personas.script import scripted_reply
from clients.personas.snapshot import TutorSnapshot
from clients.voices import scripted
from clients.voices.base import Ending, VoiceRequest
from monitoring.pricing import Usage


def _reply(request: VoiceRequest) -> str:
    if isinstance(request.snapshot, TutorSnapshot):
        said = [line.text for line in request.history if line.role == "student"]
        return scripted_reply(request.snapshot, said)
    return scripted.reply(request.snapshot, request.history)


class ScriptedSpeech:
    """A reply without a model: free, deterministic, and always complete unless somebody stops it."""

    def __init__(self, request: VoiceRequest) -> None:
        self.request = request
        self.calls = 1
        self.usage: Usage | None = Usage()
        self.ending: Ending | None = None

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """The reply's words at a speaking pace."""
        for piece in scripted.pieces(_reply(self.request)):
            await asyncio.sleep(settings.SCRIPTED_PIECE_SECONDS)
            yield piece
        self.ending = Ending.COMPLETE
