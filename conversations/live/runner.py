"""The turn runner: answers accepted turns outside the sockets, which only look at them."""

import asyncio
import logging
import time
import uuid
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error as DatabaseFault
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clients.guard import Guard, Slip
from clients.personas.script import away
from clients.personas.snapshot import TutorSnapshot
from clients.tutor_guard import TutorGuard
from clients.voices import Ending, Speech, VoiceError, speak
from clients.voices.base import Fault
from clients.voices.claude import replies_in
from clients.voices.fallback import fallback_line
from clients.voices.memory import recall
from conversations import protocol
from conversations.live.database import in_database, in_upkeep, patiently
from conversations.live.hub import Hub
from conversations.models import Session, Turn
from conversations.text import storable
from conversations.tips import tip_of
from conversations.turns.accept import ClaimedTurn
from conversations.turns.allowance import allowance_of
from conversations.turns.fallback import give_to, next_model, take_back
from conversations.turns.finish import Outcome, finish
from conversations.turns.progress import Checkpoint, save_checkpoints
from monitoring import errors, logs, metrics, pricing
from monitoring.models import Severity
from monitoring.redaction import described

logger = logging.getLogger("rapport.turns")

T = TypeVar("T")

STATUS_OF_ENDING = {
    Ending.COMPLETE: Turn.Status.COMPLETE,
    Ending.TRUNCATED: Turn.Status.TRUNCATED,
    Ending.REFUSED: Turn.Status.REFUSED,
}


class LiveTurn:
    """A turn that this process answers: the text so far, handed on to those who follow it."""

    def __init__(self, claimed: ClaimedTurn, hub: Hub) -> None:
        self.claimed = claimed
        self.hub = hub
        # A first attempt could not answer or left the character, and another one was made.
        self.fell_back = False
        self.ending = False
        self.text = ""
        self.index = 0
        self.saved_index = 0
        self.stopping = False
        self.started_at = time.monotonic()
        self.first_text_at: float | None = None
        self.listening: asyncio.Task[Heard] | None = None
        self.task: asyncio.Task[None] | None = None

    async def say(self, piece: str) -> None:
        """Send the next piece as one delta."""
        if not piece:
            return
        if self.first_text_at is None:
            self.first_text_at = time.monotonic()
        # Text and index move together before the first await: a viewer that joins now gets both or neither.
        self.text += piece
        self.index += 1
        reply_id = self.claimed.reply_id
        frame = protocol.delta(reply_id, self.index, piece)
        await self.hub.tell_followers(self.claimed.session_id, reply_id, frame, self.index)

    async def unsay(self) -> None:
        """Take back what was said, where it was shown too; the next attempt begins with nothing."""
        self.first_text_at = None
        if self.text:
            self.text = ""
            # One more, like a delta: whoever is brought up to date in this moment gets the one or the other.
            self.index += 1
            reply_id = self.claimed.reply_id
            frame = protocol.snapshot(reply_id, self.index, "")
            await self.hub.tell_followers(self.claimed.session_id, reply_id, frame, self.index)

    def interrupt(self) -> None:
        """End the listening now, or before it begins; what arrived is kept, and how it ended is decided there."""
        self.ending = True
        if self.listening is not None:
            self.listening.cancel()


class Runner:
    """All turns that this process answers, each in a task of its own."""

    def __init__(self, process_id: uuid.UUID, hub: Hub) -> None:
        self.process_id = process_id
        self.hub = hub
        self.live: dict[uuid.UUID, LiveTurn] = {}
        self._accepting: dict[asyncio.Task[Any], uuid.UUID] = {}

    async def accept(self, session_id: uuid.UUID, work: Coroutine[Any, Any, T]) -> T:
        """Do the work that accepts a turn in this session and starts it, to its end even if who asked goes away.

        In between the turn is in the database and nobody works on it yet; a socket that closes then must not leave it.
        """
        task = asyncio.create_task(work)
        self._accepting[task] = session_id
        task.add_done_callback(self._accepting.pop)
        return await asyncio.shield(task)

    @property
    def accepting_in(self) -> set[uuid.UUID]:
        """The sessions in which a turn is being accepted."""
        return set(self._accepting.values())

    def start(self, claimed: ClaimedTurn) -> None:
        """Answer this turn, unless it is being answered already."""
        if claimed.reply_id not in self.live:
            live = self.live[claimed.reply_id] = LiveTurn(claimed, self.hub)
            live.task = asyncio.create_task(self._run(live))

    def stop(self, reply_id: uuid.UUID) -> None:
        """End this reply now, keeping what arrived."""
        live = self.live.get(reply_id)
        if live is not None and not live.stopping:
            live.stopping = True
            live.interrupt()

    def running_in(self, session_id: uuid.UUID) -> LiveTurn | None:
        """The turn that this process answers in a session."""
        return next((live for live in self.live.values() if live.claimed.session_id == session_id), None)

    @property
    def at_work(self) -> set[uuid.UUID]:
        """The replies that this process works on, from the start of their turn to its end."""
        return set(self.live)

    async def save(self) -> None:
        """Save the text so far of every turn that has new text."""
        fresh = [(live, live.index) for live in self.live.values() if live.index != live.saved_index]
        if fresh:
            checkpoints = [Checkpoint(live.claimed.id, live.claimed.fence, index, live.text) for live, index in fresh]
            await in_upkeep(save_checkpoints, checkpoints)
            for live, index in fresh:
                live.saved_index = index

    async def drain(self, seconds: float) -> None:
        """Wait for the running turns, at most so long; those that take longer are interrupted, their text kept."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (self.live or self._accepting) and loop.time() < end:  # noqa: ASYNC110  (once, at the end)
            await asyncio.sleep(0.02)
        for live in list(self.live.values()):
            live.interrupt()
        if tasks := [live.task for live in self.live.values() if live.task]:
            # Writing them down takes a moment. A database that is away now leaves them to another process's reaper.
            await asyncio.wait(tasks, timeout=settings.HEARTBEAT_DEAD_SECONDS)

    async def _run(self, live: LiveTurn) -> None:
        logs.know(session_id=live.claimed.session_id, turn_id=live.claimed.id)
        try:
            await self._answer(live)
        except Exception:
            # Nobody works on it any more, and the engine's next round of recovery ends it.
            logger.exception("turn %s could not be run", live.claimed.id)
        finally:
            del self.live[live.claimed.reply_id]

    async def _answer(self, live: LiveTurn) -> None:
        session_id, reply_id = live.claimed.session_id, live.claimed.reply_id
        await self.hub.tell_followers(session_id, reply_id, protocol.started(reply_id, live.claimed.message_id))
        heard = await self._hear_somebody(live)
        unspoken = heard.status == Turn.Status.FAILED and heard.fault
        outcome = Outcome(
            status=heard.status,
            text=stand_in(live.claimed) if unspoken else live.text,
            usage=usage_of(live, heard.speech),
            first_text_ms=_milliseconds(live.started_at, live.first_text_at),
            total_ms=_milliseconds(live.started_at, time.monotonic()) or 0,
            error=heard.error,
            fault=heard.fault,
            calls=heard.speech.calls,
            fell_back=live.fell_back,
        )
        finished = await patiently(finish, live.claimed.id, live.claimed.fence, outcome)
        if finished is not None:
            metrics.count_turn(heard.status, outcome.first_text_ms)
            if not finished.walked_out:
                # That the session has ended too, the watch tells.
                self.hub.told(session_id, finished.revision)
            await self.hub.tell_done(session_id, finished.reply)
            if live.claimed.reservation.is_nearly_last:
                await self._tell_what_is_left(session_id)
            await self._tip(live.claimed)

    async def _tip(self, claimed: ClaimedTurn) -> None:
        """Say what the message did, where somebody is told while they talk."""
        told = [viewer for viewer in self.hub.of(claimed.session_id) if viewer.tips]
        if told:
            tip = tip_of(claimed)
            for viewer in told:
                await viewer.tip(tip)

    async def _tell_what_is_left(self, session_id: uuid.UUID) -> None:
        """Say that the budget is nearly or all used up before the next message is typed."""
        for language in {viewer.language for viewer in self.hub.of(session_id)}:
            allowed = await in_database(allowance_of, session_id, language)
            if allowed is None:
                return
            frame = protocol.little_left(allowed.text, exhausted=allowed.exhausted)
            for viewer in self.hub.of(session_id):
                if viewer.language == language:
                    await viewer.tell(frame)

    async def _hear_somebody(self, live: LiveTurn) -> "Heard":
        """Hear the chosen model out, and when it has not said a word, those that stand in for it, one by one.

        What leaves the character is taken back and followed by another attempt, which ends with the scripted voice.
        """
        tried: set[str] = set()
        while True:
            heard = await self._hear(live)
            tried.add(live.claimed.request.model)
            given = None
            if heard.slip is not None:
                used = usage_of(live, heard.speech, heard.unsaid)
                await live.unsay()
                given = await patiently(take_back, live.claimed, heard.slip, used, heard.speech.calls, live.index)
                if given is None:
                    return heard
            while given is None:
                model = next_model(live.claimed, tried) if heard.status == Turn.Status.FAILED and heard.fault else None
                if model is None or live.ending:
                    return heard
                tried.add(model)
                used = usage_of(live, heard.speech)
                given = await patiently(give_to, live.claimed, model, used, heard.speech.calls)
            live.claimed, live.fell_back = given, True

    async def _hear(self, live: LiveTurn) -> "Heard":
        async def on_wait(position: int) -> None:
            await self.hub.tell_in_words(live.claimed.session_id, lambda: protocol.in_line(in_line(position)))

        claimed = live.claimed
        speech = speak(claimed.voice, claimed.request, claimed.reservation, on_wait=on_wait)
        live.listening = asyncio.create_task(self._listen(live, speech))
        if live.ending:
            live.interrupt()
        try:
            return await live.listening
        except asyncio.CancelledError:
            # Ended before the voice was even asked.
            return _ended_by_us(live, speech)

    async def _listen(self, live: LiveTurn, speech: Speech) -> "Heard":
        """Hear one model out: how it ended, and what went wrong if something did.

        The voice minds the silences; here is the one clock that nothing renews.
        """
        most, begun = settings.REPLY_MAX_CHARACTERS, False
        slip, said, too_long = None, "", False
        try:
            guard = guard_of(live.claimed)
            async with asyncio.timeout(settings.QUEUE_SECONDS + settings.REPLY_TOTAL_SECONDS) as clock:
                async with aclosing(aiter(speech)) as pieces:
                    async for piece in pieces:
                        if not begun:
                            begun = True
                            clock.reschedule(asyncio.get_running_loop().time() + settings.REPLY_TOTAL_SECONDS)
                        said = storable(piece)[: most - len(live.text)]
                        # First the guard: the words that give the model away are never shown.
                        if guard and (slip := guard.feed(said)):
                            break
                        await live.say(said)
                        if too_long := len(live.text) >= most:
                            break
        except asyncio.CancelledError:
            return _ended_by_us(live, speech)
        except Exception as failure:  # noqa: BLE001  (written down by _failed)
            # A fault of ours must not leave the student waiting either.
            return await _failed(live, speech, failure)
        if guard and not slip and (too_long or speech.ending is not None):
            slip, said = guard.end(), ""
        if slip:
            return Heard(speech, Turn.Status.INTERRUPTED, "out_of_character", slip=slip, unsaid=said)
        return Heard(speech, Turn.Status.TRUNCATED, "too_long") if too_long else await _ended(live, speech)


@dataclass(frozen=True, slots=True)
class Heard:
    """How listening to one model ended: why, in a word for operators, and the provider's fault if there was one.

    `slip` is how it left the character, if it did; `unsaid` what it said last and nobody was shown.
    """

    speech: Speech
    status: Turn.Status
    error: str = ""
    fault: str = ""
    slip: Slip | None = None
    unsaid: str = ""


def guard_of(claimed: ClaimedTurn) -> Guard | TutorGuard | None:
    """What minds the character of this attempt, or that a tutor answers; the scripted voice needs nobody."""
    if claimed.voice == Session.Voice.SCRIPTED:
        return None
    request = claimed.request
    if isinstance(request.snapshot, TutorSnapshot):
        return TutorGuard(replies_in(request.history), request.snapshot.language)
    said = (line.text for line in request.history if line.role == "student")
    now = recall(request.snapshot, request.history)
    return Guard(request.snapshot, f"{request.prompt}\n{request.reminder}", now, said)


async def _ended(live: LiveTurn, speech: Speech) -> Heard:
    """The voice has said all; one that never said so was cut."""
    if speech.ending is None:
        return await _failed(live, speech, VoiceError(Fault.CONNECTION, "the stream ended without an end"))
    return Heard(speech, STATUS_OF_ENDING[speech.ending])


def _ended_by_us(live: LiveTurn, speech: Speech) -> Heard:
    """Stopped by the student, or the process is going down; either way the reply is kept as far as it came."""
    if live.stopping:
        return Heard(speech, Turn.Status.STOPPED)
    return Heard(speech, Turn.Status.INTERRUPTED, "server_stopped")


async def _failed(live: LiveTurn, speech: Speech, failure: Exception) -> Heard:
    """With text it was interrupted, without a word it failed; the detail is written down for operators."""
    if isinstance(failure, VoiceError):
        fault = failure.fault
    elif isinstance(failure, TimeoutError):
        fault = Fault.TIMEOUT
    else:
        logger.error("turn %s broke", live.claimed.id, exc_info=failure)
        fault = Fault.SERVER
    try:
        await in_database(
            errors.record,
            kind=f"provider.{fault}",
            source=live.claimed.request.model,
            detail=str(failure) if isinstance(failure, VoiceError) else described(failure),
            # Without a call nothing new went wrong: the line was full, or the breaker was open.
            severity=Severity.ERROR if speech.calls else Severity.WARNING,
            session_uuid=live.claimed.session_id,
        )
    except DatabaseFault:
        logger.warning("turn %s: %s: %s", live.claimed.id, fault, described(failure))
    status = Turn.Status.FAILED if live.first_text_at is None else Turn.Status.INTERRUPTED
    return Heard(speech, status, str(fault), str(fault))


def stand_in(claimed: ClaimedTurn) -> str:
    """What the client says when nobody could speak for them; the page says beside it that the message is kept."""
    snapshot = claimed.request.snapshot
    if isinstance(snapshot, TutorSnapshot):
        return away(snapshot)
    return fallback_line(snapshot.language, snapshot.name, claimed.reply_id)


def in_line(position: int) -> str:
    """Where a reply stands in line, for who waits for it."""
    if position <= 1:
        return _("There is much to do just now. The reply comes next.")
    ahead = position - 1
    return ngettext(
        "There is much to do just now. %(count)d reply comes before this one.",
        "There is much to do just now. %(count)d replies come before this one.",
        ahead,
    ) % {"count": ahead}


def usage_of(live: LiveTurn, speech: Speech, unsaid: str = "") -> pricing.Usage:
    """The provider's own counts; where a cut left some out, characters / 4, marked as estimated.

    `unsaid` is text that arrived and was not shown.
    """
    counted = speech.usage
    if live.claimed.voice == Session.Voice.SCRIPTED:
        return pricing.Usage()
    if counted is not None and speech.ending is not None:
        return counted
    if counted is None and live.first_text_at is None and not unsaid:
        # The provider refused the request, or never answered: nothing is billed.
        return pricing.Usage()
    request = live.claimed.request
    asked = [request.prompt, *(line.text for line in request.history)]
    return pricing.estimate_usage(asked, live.text + unsaid, counted)


def _milliseconds(start: float, end: float | None) -> int | None:
    return None if end is None else round((end - start) * 1000)
