"""Patience with a provider: a place in line, the breaker, a deadline for each call, and calls made again with back-off.

docs/provider-faults.md says what happens when, and docs/adr/0010 why.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Self, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings

from clients.voices.base import Ending, Fault, Speech, VoiceError
from clients.voices.breaker import BreakerView, Key
from clients.voices.queue import Queue
from monitoring.models import Breaker
from monitoring.pricing import Usage

logger = logging.getLogger("rapport.voices")

T = TypeVar("T")

TELL_SECONDS = 1.0
# Asking again would bring the same answer.
FINAL = {Fault.AUTHENTICATION, Fault.PERMISSION, Fault.SPEND_CAP, Fault.INVALID_REQUEST, Fault.EMPTY}


# Told the place in line whenever it changes; 1 is next.
OnWait = Callable[[int], Awaitable[None]]


@dataclass
class Switchboard:
    """What the replies of one process share: its sight of the breakers, and a line for each model."""

    breakers: BreakerView = field(default_factory=BreakerView)
    queues: defaultdict[Key, Queue] = field(default_factory=lambda: defaultdict(Queue))


_boards: WeakKeyDictionary[asyncio.AbstractEventLoop, Switchboard] = WeakKeyDictionary()


def switchboard() -> Switchboard:
    """The one of this event loop, which is the process's."""
    return _boards.setdefault(asyncio.get_running_loop(), Switchboard())


class SilenceClock:
    """Ends a wait for text that lasts too long.

    One timer for a whole call that looks now and then, since setting one anew for each piece costs as much as relaying
    it. The listener's own time between two waits does not count.
    """

    def __init__(self, first: float, later: float) -> None:
        self._seconds, self._later = first, later
        self._since: float | None = None
        self._expired = False

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._set_timer(self._seconds)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def wait(self, text: Awaitable[T]) -> T:
        """The text. Raises VoiceError when it takes longer than `first` seconds, or `later` ones after the first."""
        self._since = _now()
        try:
            heard = await text
        except asyncio.CancelledError:
            # As asyncio.timeout does: a stop that came at the same time stays one.
            if self._expired and self._task and self._task.uncancel() <= 0:
                raise VoiceError(Fault.TIMEOUT, f"no text for {self._seconds:g} seconds") from None
            raise
        finally:
            self._since = None
        self._seconds = self._later
        return heard

    def _look(self) -> None:
        now = _now()
        left = (now if self._since is None else self._since) + self._seconds - now
        if left > 0:
            self._set_timer(left)
        elif self._task:
            self._expired = True
            self._task.cancel()

    def _set_timer(self, left: float) -> None:
        # Never longer than a later wait: one that begins meanwhile may be shorter than what is left of the first.
        self._timer = asyncio.get_running_loop().call_later(min(left, self._later), self._look)


class PatientSpeech:
    """A reply for which the provider is called as often as it takes and is allowed.

    `calls` counts the calls made, `usage` is the sum over all of them, and `ending` that of the last. No call begins
    later than QUEUE_SECONDS after the reply was asked for, and none is made again after the first text.
    """

    def __init__(
        self,
        ask: Callable[[], Speech],
        key: Key,
        *,
        on_wait: OnWait | None,
        board: Switchboard,
        at_once: int | None = None,
    ) -> None:
        self._ask = ask
        self._key = key
        self._on_wait = on_wait
        self._board = board
        self._queue = board.queues[key]
        self._queue.at_once = at_once
        self._calls: list[Speech] = []
        self._said = False
        self._told: int | None = None
        self._deadline = 0.0

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return len(self._calls)

    @property
    def usage(self) -> Usage | None:
        """What the provider has counted so far, for all calls together."""
        return _total(call.usage for call in self._calls)

    @property
    def ending(self) -> Ending | None:
        """How the last call ended."""
        return self._calls[-1].ending if self._calls else None

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """The pieces of text. Raises VoiceError when there is no patience left; closing it frees place and probe."""
        self._deadline = _now() + settings.QUEUE_SECONDS
        # Before a place is asked for: whoever has one and still reads the breakers would count as waiting.
        await self._look()
        number = await self._queue.enter(self._stand_in_line)
        try:
            until = 0.0
            while True:
                await self._hold(number, until)
                probe = await self._admitted()
                try:
                    async with aclosing(self._attempt(probe=probe)) as pieces:
                        async for piece in pieces:
                            self._said = True
                            yield piece
                except VoiceError as error:
                    until = _now() + self._pause_after(error)
                else:
                    return
        finally:
            self._queue.leave()

    async def _attempt(self, *, probe: bool) -> AsyncGenerator[str, None]:
        """One call, and what it says about the model, told to the breaker."""
        breakers, key = self._board.breakers, self._key
        try:
            async with aclosing(self._call()) as pieces:
                async for piece in pieces:
                    if probe:
                        # The others need not wait for the end of a long reply.
                        await breakers.succeeded(key)
                        probe = False
                    yield piece
            if self.ending is None:
                await breakers.failed(key, Fault.CONNECTION, None)
            else:
                await breakers.succeeded(key)
        except VoiceError as error:
            await breakers.failed(key, error.fault, error.retry_after)
            raise
        finally:
            if probe:
                await breakers.release_probe(key)

    async def _call(self) -> AsyncGenerator[str, None]:
        """One call under the two clocks that only text renews."""
        speech = self._ask()
        self._calls.append(speech)
        clock = SilenceClock(settings.REPLY_FIRST_TEXT_SECONDS, settings.REPLY_SILENCE_SECONDS)
        async with aclosing(aiter(speech)) as pieces:
            with clock:
                while (piece := await clock.wait(anext(pieces, None))) is not None:
                    yield piece
        if speech.ending is None and not self._said:
            raise VoiceError(Fault.CONNECTION, "the stream ended before the first text")
        if speech.ending is not Ending.REFUSED and not self._said:
            # All tokens may have gone into thinking. It is billed, and somebody else may speak.
            raise VoiceError(Fault.EMPTY, "the reply has no words")

    async def _admitted(self) -> bool:
        """Whether this call is the breaker's probe. Raises VoiceError when the model is left alone."""
        self._refuse_at_rest()
        breakers, key = self._board.breakers, self._key
        if breakers[key].state == Breaker.State.CLOSED:
            return False
        if await breakers.try_probe(key):
            return True
        if breakers[key].state == Breaker.State.CLOSED:  # another's probe was answered meanwhile
            return False
        raise _left_alone(breakers[key])

    def _refuse_at_rest(self) -> None:
        row = self._board.breakers[self._key]
        if row.rest_seconds:
            raise _left_alone(row)

    def _pause_after(self, error: VoiceError) -> float:
        """Seconds until the next call: what the provider asked, and full jitter. Raises the error of a last one."""
        asked = error.retry_after or 0.0
        hopeless = self._said or error.fault in FINAL or self.calls >= settings.PROVIDER_CALLS
        if hopeless or self._left <= asked or self._board.breakers[self._key].rest_seconds:
            raise error
        logger.info("call %d to %s failed: %s: %s", self.calls, self._key.model, error.fault, error)
        most = min(settings.BACKOFF_MAX_SECONDS, settings.BACKOFF_FIRST_SECONDS * 2 ** (self.calls - 1))
        return min(asked + _jitter(most), self._left)

    async def _hold(self, number: int, until: float) -> None:
        """Wait until then, and for as long as the provider asked everyone to; VoiceError when that is too long."""
        with self._queue.waiting(number):
            while True:
                await self._look()
                asked = self._board.breakers[self._key].wait_seconds
                if asked > self._left:
                    raise VoiceError(Fault.RATE_LIMIT, f"the provider asked to wait {asked:.1f} seconds", asked)
                if asked and _now() + asked > until:
                    # Not all at once in that very moment.
                    until = min(_now() + asked + _jitter(settings.BACKOFF_FIRST_SECONDS), self._deadline)
                if (seconds := until - _now()) <= 0:
                    return
                if asked:
                    await self._tell(self._queue.position(number))
                await asyncio.sleep(min(seconds, TELL_SECONDS))

    async def _stand_in_line(self, position: int) -> float:
        """Look around from a place in line; seconds until the next look."""
        await self._look()
        if self._left <= 0:
            raise VoiceError(Fault.OVERLOADED, f"no place among {self._queue.most} came free in time")
        await self._tell(position)
        return min(TELL_SECONDS, max(self._left, 0.0))

    async def _look(self) -> None:
        """Read the breakers if it is time. Raises VoiceError when the model is left alone."""
        await self._board.breakers.look()
        self._refuse_at_rest()

    async def _tell(self, position: int) -> None:
        if self._on_wait is not None and self._told != position:
            self._told = position
            await self._on_wait(position)

    @property
    def _left(self) -> float:
        return self._deadline - _now()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _jitter(most: float) -> float:
    return random.uniform(0.0, most)  # noqa: S311  (spreads calls, guards nothing)


def _left_alone(row: Breaker) -> VoiceError:
    """The error for a model whose breaker is open: of the kind that opened it."""
    fault = Fault(row.last_fault) if row.last_fault in set(Fault) else Fault.OVERLOADED
    return VoiceError(fault, f"left alone after {row.failures} failures in a row", row.rest_seconds or None)


def _total(usages: Iterable[Usage | None]) -> Usage | None:
    counted = [usage for usage in usages if usage is not None]
    if not counted:
        return None
    return Usage(
        input=sum(usage.input for usage in counted),
        output=sum(usage.output for usage in counted),
        cache_write=sum(usage.cache_write for usage in counted),
        cache_read=sum(usage.cache_read for usage in counted),
        estimated=any(usage.estimated for usage in counted),
        largest=max(usage.total_input for usage in counted) if len(counted) > 1 else 0,
    )
