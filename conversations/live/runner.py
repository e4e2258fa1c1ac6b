"""The turn runner: answers accepted turns outside the sockets, which only look at them."""

import asyncio
import logging
import time
import uuid
from contextlib import aclosing

from django.conf import settings

from clients.voices import Ending, Speech, VoiceError, speak
from clients.voices.base import Fault
from conversations import protocol
from conversations.live.database import in_database, patiently
from conversations.live.hub import Hub
from conversations.models import Session, Turn
from conversations.text import storable
from conversations.turns.finish import Outcome, finish
from conversations.turns.progress import Checkpoint, ClaimedTurn, claim, save_checkpoints
from monitoring import pricing

logger = logging.getLogger("rapport.turns")

STATUS_OF_ENDING = {
    Ending.COMPLETE: Turn.Status.COMPLETE,
    Ending.TRUNCATED: Turn.Status.TRUNCATED,
    Ending.REFUSED: Turn.Status.REFUSED,
}


class LiveTurn:
    """A turn that this process answers: the text so far, joined into deltas for those who follow it."""

    def __init__(self, claimed: ClaimedTurn, hub: Hub) -> None:
        self.claimed = claimed
        self.hub = hub
        self.text = ""
        self.length = 0
        self.index = 0
        self.saved_index = 0
        self.stopping = False
        self.started_at = time.monotonic()
        self.first_text_at: float | None = None
        self.listening: asyncio.Task[tuple[Turn.Status, str]] | None = None
        self._unsent: list[str] = []
        self._flusher: asyncio.Task[None] | None = None

    async def say(self, piece: str) -> None:
        """Take the next piece: the first goes out at once, later ones are joined for a moment."""
        self._unsent.append(piece)
        self.length += len(piece)
        if self.first_text_at is None:
            self.first_text_at = time.monotonic()
            await self.flush()
        elif self._flusher is None:
            self._flusher = asyncio.create_task(self._flush_later())

    async def _flush_later(self) -> None:
        await asyncio.sleep(settings.DELTA_JOIN_SECONDS)
        self._flusher = None
        await self.flush()

    async def flush(self) -> None:
        """Send what has gathered as one delta."""
        if not self._unsent:
            return
        text = "".join(self._unsent)
        self._unsent.clear()
        # Text and index move together before the first await: a viewer that joins now gets both or neither.
        self.text += text
        self.index += 1
        reply_id = self.claimed.reply_id
        frame = protocol.delta(reply_id, self.index, text)
        await self.hub.tell_followers(self.claimed.session_id, reply_id, frame, self.index)

    async def end(self) -> None:
        """Send the last piece; nothing is said after this."""
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher = None
        await self.flush()

    def interrupt(self) -> None:
        """End the listening now; what arrived is kept, and how the reply ended is decided there."""
        if self.listening is not None:
            self.listening.cancel()


class Runner:
    """All turns that this process answers, each in a task of its own."""

    def __init__(self, process_id: uuid.UUID, hub: Hub) -> None:
        self.process_id = process_id
        self.hub = hub
        self.live: dict[uuid.UUID, LiveTurn] = {}
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._stopped_early: set[uuid.UUID] = set()

    def start(self, turn_id: uuid.UUID, reply_id: uuid.UUID) -> None:
        """Answer this turn, unless it is being answered already."""
        if reply_id not in self._tasks:
            self._tasks[reply_id] = asyncio.create_task(self._run(turn_id, reply_id))

    def stop(self, reply_id: uuid.UUID) -> None:
        """End this reply now, keeping what arrived."""
        if reply_id not in self._tasks:
            return
        live = self.live.get(reply_id)
        if live is None:
            # Claimed in a moment: remember it until then.
            self._stopped_early.add(reply_id)
        elif not live.stopping:
            live.stopping = True
            live.interrupt()

    def running_in(self, session_id: uuid.UUID) -> LiveTurn | None:
        """The turn that this process answers in a session."""
        return next((live for live in self.live.values() if live.claimed.session_id == session_id), None)

    @property
    def at_work(self) -> set[uuid.UUID]:
        """The replies that this process works on, from the start of their turn to its end."""
        return set(self._tasks)

    async def save(self) -> None:
        """Save the text so far of every turn that has new text."""
        fresh = [(live, live.index) for live in self.live.values() if live.index != live.saved_index]
        if fresh:
            checkpoints = [Checkpoint(live.claimed.id, live.claimed.fence, index, live.text) for live, index in fresh]
            await in_database(save_checkpoints, checkpoints)
            for live, index in fresh:
                live.saved_index = index

    async def drain(self, seconds: float) -> None:
        """Wait for the running turns, at most so long; those that take longer are interrupted, their text kept."""
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks.values(), timeout=seconds)
            for live in list(self.live.values()):
                live.interrupt()
            if late:
                # Writing them down takes a moment. A database that is away now leaves them to another process's reaper.
                await asyncio.wait(late, timeout=settings.HEARTBEAT_DEAD_SECONDS)

    async def _run(self, turn_id: uuid.UUID, reply_id: uuid.UUID) -> None:
        try:
            claimed = await patiently(claim, turn_id, self.process_id)
            if claimed is not None:
                await self._answer(LiveTurn(claimed, self.hub))
        except Exception:
            # Nobody works on it any more, and the engine's next round of recovery ends it.
            logger.exception("turn %s could not be run", turn_id)
        finally:
            self._tasks.pop(reply_id, None)
            self.live.pop(reply_id, None)
            self._stopped_early.discard(reply_id)

    async def _answer(self, live: LiveTurn) -> None:
        claimed = live.claimed
        self.live[claimed.reply_id] = live
        live.stopping = claimed.reply_id in self._stopped_early
        started = protocol.started(claimed.reply_id, claimed.message_id)
        await self.hub.tell_followers(claimed.session_id, claimed.reply_id, started)
        speech = speak(claimed.voice, claimed.request, claimed.reservation)
        live.listening = asyncio.create_task(self._listen(live, speech))
        if live.stopping:
            live.interrupt()
        try:
            status, error = await live.listening
        except asyncio.CancelledError:
            # Ended before the voice was even asked.
            status, error = _ended_by_us(live)
        await live.end()
        outcome = Outcome(
            status=status,
            text=live.text,
            usage=usage_of(live, speech),
            first_text_ms=_milliseconds(live.started_at, live.first_text_at),
            total_ms=_milliseconds(live.started_at, time.monotonic()) or 0,
            error=error,
        )
        finished = await patiently(finish, claimed.id, claimed.fence, outcome)
        if finished is not None:
            self.hub.told(claimed.session_id, finished.session.revision)
            await self.hub.tell_done(claimed.session_id, finished.reply)

    async def _listen(self, live: LiveTurn, speech: Speech) -> tuple[Turn.Status, str]:
        """Hear the reply out; how it ended, and what went wrong if something did.

        Only text renews the deadline: a provider that sends pings, or nothing, has stopped speaking.
        """
        loop = asyncio.get_running_loop()
        last_moment = loop.time() + settings.REPLY_TOTAL_SECONDS
        try:
            async with asyncio.timeout(settings.REPLY_FIRST_TEXT_SECONDS) as clock, aclosing(aiter(speech)) as pieces:
                async for piece in pieces:
                    clock.reschedule(min(loop.time() + settings.REPLY_SILENCE_SECONDS, last_moment))
                    await live.say(storable(piece)[: settings.REPLY_MAX_CHARACTERS - live.length])
                    if live.length >= settings.REPLY_MAX_CHARACTERS:
                        return Turn.Status.TRUNCATED, "too_long"
        except asyncio.CancelledError:
            return _ended_by_us(live)
        except Exception as failure:  # noqa: BLE001  (logged by _fault_of)
            # A fault of ours must not leave the student waiting either.
            return _cut(live, _fault_of(failure, live.claimed.id))
        if speech.ending is None:
            return _cut(live, Fault.CONNECTION)
        return STATUS_OF_ENDING[speech.ending], ""


def _ended_by_us(live: LiveTurn) -> tuple[Turn.Status, str]:
    """Stopped by the student, or the process is going down; either way the reply is kept as far as it came."""
    return (Turn.Status.STOPPED, "") if live.stopping else (Turn.Status.INTERRUPTED, "server_stopped")


def _fault_of(failure: Exception, turn_id: uuid.UUID) -> Fault:
    """The kind of a failure, with its detail in the log for operators."""
    if isinstance(failure, TimeoutError):
        return Fault.TIMEOUT
    if isinstance(failure, VoiceError):
        logger.warning("turn %s: %s: %s", turn_id, failure.fault, failure)
        return failure.fault
    logger.error("turn %s broke", turn_id, exc_info=failure)
    return Fault.SERVER


def _cut(live: LiveTurn, fault: Fault) -> tuple[Turn.Status, str]:
    """With text it was interrupted, without a word it failed."""
    said_something = live.first_text_at is not None
    return (Turn.Status.INTERRUPTED if said_something else Turn.Status.FAILED), str(fault)


def usage_of(live: LiveTurn, speech: Speech) -> pricing.Usage:
    """The provider's own counts; where a cut left some out, characters / 4, marked as estimated."""
    counted = speech.usage
    if live.claimed.voice == Session.Voice.SCRIPTED:
        return pricing.Usage()
    if counted is not None and speech.ending is not None:
        return counted
    if counted is None and live.first_text_at is None:
        # The provider refused the request, or never answered: nothing is billed.
        return pricing.Usage()
    request = live.claimed.request
    return pricing.estimate_usage([request.prompt, *(line.text for line in request.history)], live.text, counted)


def _milliseconds(start: float, end: float | None) -> int | None:
    return None if end is None else round((end - start) * 1000)
