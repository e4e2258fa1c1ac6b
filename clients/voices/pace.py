"""The pace at which a process reads from providers: as often as few replies allow, less often when there are many."""

import asyncio
from types import TracebackType
from typing import Self

from django.conf import settings

# A rest counts as silence of the provider, whose patience is a matter of seconds.
LONGEST = 1.0


class Pace:
    """How long what a provider streams is left to gather before it is read; one for all replies of a process.

    Each look at a stream costs the same, however much has arrived (docs/adr/0012). So all replies together are looked
    at DELTAS_PER_SECOND times a second at most, and one of them every DELTA_JOIN_SECONDS. Use it as a context around
    each reply.
    """

    def __init__(self) -> None:
        self._replies = 0

    def __enter__(self) -> Self:
        self._replies += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._replies -= 1

    @property
    def seconds(self) -> float:
        """The pause between two looks at one stream, at this moment."""
        return min(max(settings.DELTA_JOIN_SECONDS, self._replies / settings.DELTAS_PER_SECOND), LONGEST)

    async def rest(self) -> None:
        """Let more text arrive."""
        await asyncio.sleep(self.seconds)
