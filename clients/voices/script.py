"""The scripted voice as a stream: the pure text of `scripted`, spoken piece by piece."""

import asyncio
from collections.abc import AsyncGenerator

from django.conf import settings

from clients.voices import scripted
from clients.voices.base import Ending, VoiceRequest
from monitoring.pricing import Usage


class ScriptedSpeech:
    """A reply without a model: free, deterministic, and always complete unless somebody stops it."""

    def __init__(self, request: VoiceRequest) -> None:
        self.request = request
        self.calls = 1
        self.usage: Usage | None = Usage()
        self.ending: Ending | None = None

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """The reply's words at a speaking pace."""
        for piece in scripted.pieces(scripted.reply(self.request.snapshot, self.request.history)):
            await asyncio.sleep(settings.SCRIPTED_PIECE_SECONDS)
            yield piece
        self.ending = Ending.COMPLETE
