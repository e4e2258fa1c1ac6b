"""Who is left alone: what a reply makes of the breaker, and what the breaker learns from it."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone

from bench.standin import StandIn
from clients.tests.provider import PATIENCE, Say, break_it, error_of, heard, here, row, until
from clients.voices import Fault, VoiceError
from clients.voices import breaker as breaker_room
from clients.voices.patience import Switchboard
from monitoring import breakers
from monitoring.models import Alert, Breaker, ErrorEntry

pytestmark = pytest.mark.django_db(transaction=True)


async def test_replies_of_a_healthy_model_share_one_query_and_write_nothing(
    api: StandIn, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(name: str, verb: Callable[..., Any], **who: Any) -> Any:
        asked.append(name)
        return verb(**who)

    for name in ("read", "failed", "succeeded", "try_probe", "release_probe"):
        monkeypatch.setattr(breakers, name, partial(noted, name, getattr(breakers, name)))
    board = Switchboard()
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*(heard(say(board)) for _ in range(20)))
    seconds = asyncio.get_running_loop().time() - started
    assert set(asked) == {"read"}
    assert len(asked) <= 1 + seconds


async def test_after_five_failures_the_model_is_left_alone_and_one_alert_tells(api: StandIn, say: Say) -> None:
    api.modes(fault="529")
    speeches = [say() for _ in range(4)]
    errors = [await error_of(speech) for speech in speeches]
    assert [speech.calls for speech in speeches] == [3, 2, 0, 0]
    assert api.stats()["requests"] == 5
    assert {error.fault for error in errors} == {Fault.OVERLOADED}
    assert errors[3].retry_after
    assert await sync_to_async(Alert.objects.count)() == 1
    assert await sync_to_async(ErrorEntry.objects.count)() == 1


@pytest.mark.parametrize(
    ("fault", "kind"), [("401", Fault.AUTHENTICATION), ("403", Fault.PERMISSION), ("429-spend", Fault.SPEND_CAP)]
)
async def test_a_key_that_is_refused_is_not_offered_for_ever(api: StandIn, say: Say, fault: str, kind: Fault) -> None:
    api.modes(fault=fault)
    kinds = {(await error_of(say())).fault for _ in range(8)}
    assert kinds == {kind}
    assert api.stats()["requests"] == 5


async def test_a_request_that_is_wrong_says_nothing_about_the_model(api: StandIn, say: Say) -> None:
    api.modes(fault="400")
    for _ in range(6):
        await error_of(say())
    assert api.stats()["requests"] == 6


@pytest.mark.servers
async def test_twenty_at_once_from_two_processes_send_exactly_one_probe(api: StandIn, say: Say) -> None:
    await break_it(rested=True)
    api.modes(hold=1)
    boards = [Switchboard(), Switchboard()]
    speeches = [say(boards[number % 2]) for number in range(20)]
    replies = [asyncio.create_task(heard(speech)) for speech in speeches]
    await until(lambda: sum(reply.done() for reply in replies) == 19)
    api.release()
    ends = await asyncio.gather(*replies, return_exceptions=True)
    assert ends.count("Hello there.") == 1
    assert api.stats()["requests"] == sum(speech.calls for speech in speeches) == 1
    assert all(end == "Hello there." or (isinstance(end, VoiceError) and end.fault == "overloaded") for end in ends)
    assert (await row()).state == "closed"


@pytest.mark.servers
async def test_what_one_process_learns_the_other_knows_within_a_second(api: StandIn, say: Say) -> None:
    one, other = Switchboard(), Switchboard()
    assert await heard(say(one)) == await heard(say(other)) == "Hello there."
    api.modes(fault="529")
    await error_of(say(one))
    await error_of(say(one))
    asked = api.stats()["requests"]
    await asyncio.sleep(1.05)
    await error_of(say(other))
    assert api.stats()["requests"] == asked
    await sync_to_async(Breaker.objects.update)(failed_at=timezone.now() - dt.timedelta(minutes=5))
    api.modes(fault="")
    await asyncio.sleep(1.05)
    assert await heard(say(other)) == "Hello there."
    await asyncio.sleep(1.05)
    assert await heard(say(one)) == "Hello there."


async def test_a_probe_that_fails_is_not_repeated_and_the_model_rests_again(api: StandIn, say: Say) -> None:
    await break_it(rested=True)
    api.modes(fault="500")
    speech = say()
    assert (await error_of(speech)).fault is Fault.SERVER
    assert speech.calls == 1
    assert (await row()).state == "open"
    assert (await row()).rest_seconds > 20


async def test_others_may_speak_as_soon_as_the_probe_has_its_first_word(api: StandIn, say: Say) -> None:
    await break_it(rested=True)
    api.modes(tokens=40, text="", delay=30)
    board = Switchboard()
    async with aclosing(aiter(say(board))) as pieces:
        await anext(pieces)
        assert (await row()).state == "closed"
        api.modes(tokens=2, delay=1)
        assert await heard(say(board))


@pytest.mark.parametrize("fault", ["", "400", "429"])
async def test_a_probe_that_learns_nothing_is_given_back(api: StandIn, say: Say, settings: Any, fault: str) -> None:
    settings.QUEUE_SECONDS = 2
    await break_it(rested=True)
    api.modes(fault=fault, hold=1, retry=60)
    reply = asyncio.create_task(heard(say()))
    await until(lambda: reply.done() if fault else api.requests())
    reply.cancel()
    await asyncio.gather(reply, return_exceptions=True)
    assert api.stats()["requests"] == 1
    assert ((await row()).state, (await row()).probe_until) == ("half_open", None)


async def test_a_probe_taken_in_the_moment_of_stopping_is_given_back(
    api: StandIn, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    await break_it(rested=True)
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    real = breakers.try_probe

    def slow(**who: str) -> bool:
        taken = real(**who)
        loop.call_soon_threadsafe(asked.set)
        return taken

    monkeypatch.setattr(breakers, "try_probe", slow)
    reply = asyncio.create_task(heard(say()))
    # The thread has answered, the event loop has not heard it yet.
    await asked.wait()
    reply.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reply
    assert api.stats()["requests"] == 0
    assert (await row()).probe_until is None


async def test_stopping_before_the_probe_was_taken_leaves_it_to_its_owner(
    api: StandIn, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    await break_it(rested=True)
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def lost(**_who: str) -> bool:
        Breaker.objects.update(state="half_open", probe_until=timezone.now() + dt.timedelta(seconds=30))
        loop.call_soon_threadsafe(asked.set)
        return False

    monkeypatch.setattr(breakers, "try_probe", lost)
    reply = asyncio.create_task(heard(say()))
    await asked.wait()
    reply.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reply
    assert (await row()).probe_until


async def test_whoever_loses_the_probe_to_one_that_was_answered_goes_on(
    api: StandIn, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    await break_it(rested=True)

    def lost(**who: str) -> bool:
        breakers.succeeded(**who)
        return False

    monkeypatch.setattr(breakers, "try_probe", lost)
    assert await heard(say()) == "Hello there."


async def test_a_success_forgets_the_failures_before_it(api: StandIn, say: Say) -> None:
    await sync_to_async(breakers.failed)(**here(), fault="timeout")
    assert await heard(say()) == "Hello there."
    assert (await row()).failures == 0


async def test_a_fault_that_this_version_does_not_know_is_an_overload(api: StandIn, say: Say) -> None:
    await break_it()
    await sync_to_async(Breaker.objects.update)(last_fault="from_the_future")
    assert (await error_of(say())).fault is Fault.OVERLOADED


async def test_the_line_hears_at_once_that_the_model_is_left_alone(api: StandIn, say: Say, settings: Any) -> None:
    settings.MODEL_CALLS_AT_ONCE = 1
    api.modes(hold=1)
    board = Switchboard()
    talking = asyncio.create_task(heard(say(board)))
    await until(api.requests)
    told: list[int] = []
    waiting = asyncio.create_task(heard(say(board, told)))
    await until(lambda: told)
    await break_it()
    with pytest.raises(VoiceError):
        await asyncio.wait_for(waiting, PATIENCE / 2)
    assert not talking.done()
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)


async def test_a_database_that_is_away_does_not_silence_a_model_that_answers(
    api: StandIn, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_who: object) -> None:
        raise OperationalError("no connection")

    for verb in ("read", "failed", "succeeded"):
        monkeypatch.setattr(breakers, verb, away)
    api.next(fault="529")
    assert await heard(say()) == "Hello there."


async def test_a_database_that_hangs_keeps_no_reply_waiting_for_long(
    api: StandIn, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker_room, "DATABASE_SECONDS", 0.05)
    monkeypatch.setattr(breakers, "read", lambda: time.sleep(0.3))
    assert await heard(say()) == "Hello there."
