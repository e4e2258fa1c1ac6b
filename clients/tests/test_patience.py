"""What a reply puts up with: how often a provider is called, and how long is waited."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from bench.standin import StandIn
from clients.tests.provider import PATIENCE, Say, break_it, error_of, heard, key, row, until
from clients.voices import Ending, Fault, VoiceError, VoiceRequest, speak
from clients.voices.patience import Switchboard
from clients.voices.streamed import seconds_of
from monitoring.models import Breaker, Reservation

pytestmark = pytest.mark.django_db(transaction=True)

FINAL = ["401", "403", "404", "429-spend"]
FINAL_FAULTS = [Fault.AUTHENTICATION, Fault.PERMISSION, Fault.INVALID_REQUEST, Fault.SPEND_CAP]


async def test_a_healthy_reply_is_one_call_with_its_ending_and_usage(api: StandIn, say: Say) -> None:
    speech = say()
    assert (speech.calls, speech.usage, speech.ending) == (0, None, None)
    assert await heard(speech) == "Hello there."
    assert (speech.calls, speech.ending) == (1, Ending.COMPLETE)
    assert speech.usage
    assert api.stats()["requests"] == 1


@pytest.mark.parametrize("fault", ["429-bare", "500", "529", "cut", "eof", "error"])
async def test_what_passes_by_itself_is_tried_again_and_heard(api: StandIn, say: Say, fault: str) -> None:
    api.next(fault=fault, at=0)
    api.next(fault=fault, at=0)
    speech = say()
    assert await heard(speech) == "Hello there."
    assert (speech.calls, api.stats()["requests"]) == (3, 3)


@pytest.mark.parametrize(
    ("fault", "kind"), [("429-bare", Fault.RATE_LIMIT), ("500", Fault.SERVER), ("529", Fault.OVERLOADED),
                        ("eof", Fault.CONNECTION), ("error", Fault.OVERLOADED)]
)  # fmt: skip
async def test_no_reply_costs_more_than_three_calls(api: StandIn, say: Say, fault: str, kind: Fault) -> None:
    api.modes(fault=fault, at=0)
    speech = say()
    assert (await error_of(speech)).fault is kind
    assert (speech.calls, api.stats()["requests"]) == (3, 3)


@pytest.mark.parametrize(("fault", "kind"), list(zip(FINAL, FINAL_FAULTS, strict=True)))
async def test_what_asking_again_would_not_change_is_asked_once(
    api: StandIn, say: Say, fault: str, kind: Fault
) -> None:
    api.modes(fault=fault)
    speech = say()
    assert (await error_of(speech)).fault is kind
    assert (speech.calls, api.stats()["requests"]) == (1, 1)


@pytest.mark.parametrize("fault", ["cut", "error", "stall"])
async def test_nothing_is_asked_again_after_the_first_word(api: StandIn, say: Say, settings: Any, fault: str) -> None:
    settings.REPLY_SILENCE_SECONDS = 0.5
    api.modes(fault=fault, at=1)
    async with aclosing(aiter(say())) as pieces:
        assert await anext(pieces)
        with pytest.raises(VoiceError):
            await anext(pieces)
    assert api.stats()["requests"] == 1
    assert (await row()).failures == 1


async def test_a_reply_without_its_end_is_cut_and_counts_as_a_fault(api: StandIn, say: Say) -> None:
    api.modes(fault="eof", at=1)
    speech = say()
    assert await heard(speech)
    assert speech.ending is None
    assert (await row()).last_fault == Fault.CONNECTION


@pytest.mark.parametrize("fault", ["stall", "pings"])
async def test_each_call_has_a_deadline_that_pings_do_not_renew(
    api: StandIn, say: Say, settings: Any, fault: str
) -> None:
    settings.REPLY_FIRST_TEXT_SECONDS = 1.0
    api.next(fault=fault, at=0, every=20)
    speech = say()
    assert await heard(speech) == "Hello there."
    assert speech.calls == 2
    api.modes(fault=fault, at=0, every=20)
    started = asyncio.get_running_loop().time()
    assert (await error_of(say())).fault is Fault.TIMEOUT
    assert 3 <= asyncio.get_running_loop().time() - started < 30


async def test_a_slow_listener_is_not_a_silent_provider(api: StandIn, say: Say, settings: Any) -> None:
    settings.REPLY_SILENCE_SECONDS = 1.0
    said = []
    async for piece in say():
        said.append(piece)
        await asyncio.sleep(1.3)
    assert "".join(said) == "Hello there."


async def test_failed_calls_that_were_counted_are_billed(api: StandIn, say: Say) -> None:
    alone = say()
    await heard(alone)
    api.next(fault="error", at=0)
    twice = say()
    await heard(twice)
    assert alone.usage
    assert twice.usage
    once = alone.usage.total_input
    assert once < twice.usage.total_input <= 2 * once
    assert twice.usage.output >= alone.usage.output
    api.modes(fault="529")
    refused = say()
    await error_of(refused)
    assert refused.usage is None


async def test_no_call_begins_when_patience_is_over(api: StandIn, say: Say, settings: Any) -> None:
    settings.QUEUE_SECONDS, settings.REPLY_FIRST_TEXT_SECONDS = 1.0, 1.5
    api.modes(fault="stall", at=0)
    assert (await error_of(say())).fault is Fault.TIMEOUT
    assert api.stats()["requests"] == 1


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3.0), ("0.25", 0.25), ("", None), ("²", None), ("-1", None), ("inf", None),
                            ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("9" * 400, None)]
)  # fmt: skip
def test_a_wait_is_read_only_where_it_is_a_number_of_seconds(header: str, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


# --- Waiting ----------------------------------------------------------------------------------------------------------


async def test_a_wait_that_the_provider_asks_for_is_kept_and_told(api: StandIn, say: Say) -> None:
    api.next(fault="429", retry=1)
    waits: list[int] = []
    speech = say(waits=waits)
    assert await heard(speech) == "Hello there."
    asked, again = api.requests()
    assert again["at_us"] - asked["at_us"] >= 1_000_000
    assert speech.calls == 2
    assert waits == [1]


async def test_everyone_waits_when_one_was_asked_to_also_in_another_process(api: StandIn, say: Say) -> None:
    api.next(fault="429", retry=3)
    first = asyncio.create_task(heard(say()))
    async with asyncio.timeout(PATIENCE):
        while not await Breaker.objects.exclude(wait_until=None).aexists():  # noqa: ASYNC110  (a moment)
            await asyncio.sleep(0.02)
    waits: list[int] = []
    board = Switchboard()
    replies = await asyncio.gather(first, *(heard(say(board, waits)) for _ in range(3)))
    assert replies == ["Hello there."] * 4
    asked, *later = api.requests()
    assert len(later) == 4
    assert min(request["at_us"] for request in later) - asked["at_us"] >= 2_950_000
    assert max(waits) == 3


async def test_a_wait_longer_than_patience_fails_at_once_with_the_wait(api: StandIn, say: Say, settings: Any) -> None:
    settings.QUEUE_SECONDS = 5
    api.modes(fault="429", retry=90)
    first = await error_of(say())
    assert (first.fault, first.retry_after) == (Fault.RATE_LIMIT, 90)
    # The next ones need not even ask.
    second = await error_of(say())
    assert second.fault is Fault.RATE_LIMIT
    assert second.retry_after
    assert 80 < second.retry_after <= 90
    assert api.stats()["requests"] == 1


async def test_replies_beyond_the_limit_stand_in_line_and_are_spoken_in_order(
    api: StandIn, say: Say, settings: Any
) -> None:
    settings.MODEL_CALLS_AT_ONCE = 2
    api.modes(ttft=400)
    board, order = Switchboard(), list[int]()
    waits: dict[int, list[int]] = {number: [] for number in range(8)}

    async def one(number: int) -> None:
        async for _piece in say(board, waits[number]):
            if number not in order:
                order.append(number)

    await asyncio.gather(*(one(number) for number in range(8)))
    assert api.stats()["max_active"] == 2
    assert [number // 2 for number in order] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert waits[0] == waits[1] == []
    assert [waits[number][0] for number in range(2, 8)] == [1, 2, 3, 4, 5, 6]


async def test_a_line_that_does_not_move_ends_by_patience(api: StandIn, say: Say, settings: Any) -> None:
    settings.MODEL_CALLS_AT_ONCE, settings.QUEUE_SECONDS = 1, 1.0
    api.next(hold=1)
    board = Switchboard()
    first = asyncio.create_task(heard(say(board)))
    await until(api.requests)
    second = say(board)
    assert (await error_of(second)).fault is Fault.OVERLOADED
    assert second.calls == 0
    api.release()
    assert await first == "Hello there."
    assert not await sync_to_async(Breaker.objects.exists)()


async def test_the_deadline_of_a_call_does_not_run_in_the_line(api: StandIn, say: Say, settings: Any) -> None:
    settings.MODEL_CALLS_AT_ONCE, settings.REPLY_FIRST_TEXT_SECONDS = 1, 2.5
    api.modes(ttft=1_000)
    board = Switchboard()
    assert await asyncio.gather(*(heard(say(board)) for _ in range(3))) == ["Hello there."] * 3
    assert api.stats()["requests"] == 3


@pytest.mark.parametrize("when", ["in line", "asked to wait", "before the first word", "in the middle"])
async def test_stopping_frees_the_place_at_any_moment(api: StandIn, say: Say, settings: Any, when: str) -> None:
    settings.MODEL_CALLS_AT_ONCE = 1
    board = Switchboard()
    queue = board.queues[key()]
    modes: dict[str, dict[str, Any]] = {
        "in line": {"hold": 1},
        "asked to wait": {"fault": "429", "retry": 5},
        "before the first word": {"hold": 1},
        "in the middle": {"hold": 2},
    }  # fmt: skip
    reached: dict[str, Callable[[], object]] = {
        "in line": lambda: api.stats()["active"],
        "asked to wait": lambda: queue._waiting,
        "before the first word": lambda: api.stats()["active"],
        "in the middle": lambda: api.stats()["deltas"],
    }
    api.modes(**modes[when])
    tasks = [asyncio.create_task(heard(say(board)))]
    await until(reached[when])
    if when == "in line":
        tasks.insert(0, asyncio.create_task(heard(say(board))))
        await until(lambda: queue._turns)
    for task in tasks:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))
    assert (queue._taken, len(queue._turns), queue._waiting) == (0, 0, [])
    await until(lambda: api.stats()["active"] == 0)


async def test_speaking_is_patient_and_both_voices_have_one_interface(api: StandIn, request_: VoiceRequest) -> None:
    waits: list[int] = []

    async def on_wait(position: int) -> None:
        waits.append(position)

    api.next(fault="429", retry=0.3)
    speech = speak("claude", request_, Reservation(), on_wait=on_wait)
    assert "".join([piece async for piece in speech]) == "Hello there."
    assert speech.calls == 2
    assert len(waits) == 1
    scripted = speak("scripted", request_, Reservation(), on_wait=on_wait)
    assert "".join([piece async for piece in scripted])
    assert (scripted.calls, scripted.ending, len(waits)) == (1, Ending.COMPLETE, 1)


async def test_speaking_without_patience_is_one_call(api: StandIn, request_: VoiceRequest) -> None:
    api.modes(fault="529")
    await break_it()
    speech = speak("claude", request_, Reservation(), patient=False)
    with pytest.raises(VoiceError):
        async for _piece in speech:
            pass
    assert (speech.calls, api.stats()["requests"]) == (1, 1)


async def test_nobody_need_be_told_and_another_model_has_a_line_of_its_own(
    api: StandIn, request_: VoiceRequest, settings: Any
) -> None:
    settings.MODEL_CALLS_AT_ONCE = 1
    api.modes(ttft=1_000)
    other = replace(request_, model="claude-sonnet-5-5")

    async def one(request: VoiceRequest) -> str:
        return "".join([piece async for piece in speak("claude", request, Reservation())])

    replies = await asyncio.gather(*(one(request) for request in (request_, request_, other)))
    assert replies == ["Hello there."] * 3
    assert api.stats()["max_active"] == 2


@pytest.mark.parametrize("stop", ["end_turn", "max_tokens"])
async def test_a_reply_without_a_word_is_a_failure_that_is_billed_and_not_asked_for_again(
    api: StandIn, say: Say, stop: str
) -> None:
    api.modes(text="", tokens=0, stop=stop)
    speech = say()
    error = await error_of(speech)
    assert (error.fault, speech.calls) == (Fault.EMPTY, 1)
    assert speech.usage


async def test_a_refusal_without_a_word_is_an_answer(api: StandIn, say: Say) -> None:
    api.modes(fault="refusal", at=0)
    speech = say()
    assert (await heard(speech), speech.ending) == ("", Ending.REFUSED)


async def test_a_provider_that_cannot_be_called_is_no_fault_of_its_model(
    api: StandIn, request_: VoiceRequest, settings: Any
) -> None:
    gone = replace(request_, endpoint=replace(request_.endpoint, is_active=False))
    for _ in range(6):
        speech = speak("claude", gone, Reservation())
        with pytest.raises(VoiceError) as failure:
            [piece async for piece in speech]
        assert (failure.value.fault, speech.calls) == (Fault.AUTHENTICATION, 0)
    assert not await Breaker.objects.aexists()
