"""What a student may rely on when the provider refuses, breaks off, drips or says what nobody expects."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from accounts.models import User
from bench.standin import StandIn
from clients.voices.fallback import fallback_line
from conversations.live import runner
from conversations.live.database import in_database
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import PATIENCE, OpenChat, another, ended
from monitoring import pricing
from monitoring.models import ErrorEntry, LedgerEntry, ModelPrice, price

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


async def test_the_same_conversation_runs_through_claude_with_the_providers_own_counts(
    chat: Any, api: StandIn, claude_talk: Session
) -> None:
    done = await ended(chat)
    assert done["status"] == "complete"
    entry = await LedgerEntry.objects.aget()
    assert not entry.estimated
    assert entry.model == "claude-haiku-5-5"
    assert entry.output_tokens == done["usage"]["output_tokens"]
    assert entry.cost_microusd > 0
    session = await Session.objects.aget(pk=claude_talk.pk)
    assert session.cost_microusd == entry.cost_microusd
    assert session.exchanges == 1
    body = api.requests()[-1]["body"]
    assert body["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("fault", "error", "calls"),
    [
        ("401", "authentication", 1),
        ("403", "permission", 1),
        ("429", "rate_limit", 1),
        ("429-spend", "spend_cap", 1),
        ("500", "server", 3),
        ("529", "overloaded", 3),
        ("400", "invalid_request", 1),
    ],
)
async def test_a_provider_that_refuses_before_the_first_word_is_asked_a_few_times_and_costs_nothing(
    chat: Any, api: StandIn, quick: Any, fault: str, error: str, calls: int
) -> None:
    # Shorter than what a 429 asks to wait.
    quick.QUEUE_SECONDS = 0.9 if fault == "429" else PATIENCE
    api.modes(fault=fault)
    done = await ended(chat)
    assert done["status"] == "failed"
    assert "Your message is kept" in done["note"]
    assert done["text"] == fallback_line("en", "Maria Delgado", uuid.UUID(done["message"]))
    assert (await Turn.objects.aget()).error == error
    entry = await LedgerEntry.objects.aget()
    assert (entry.cost_microusd, entry.calls) == (0, calls)
    assert len(api.requests()) == calls
    assert (await ErrorEntry.objects.aget()).kind == f"provider.{error}"
    api.modes(fault="")
    quick.QUEUE_SECONDS = PATIENCE
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("done"))[-1]["status"] == "complete"
    assert done["text"] not in str(api.requests()[-1]["body"]["messages"])


async def test_a_fault_before_the_first_word_is_not_seen_when_the_second_call_is_answered(
    chat: Any, api: StandIn
) -> None:
    api.next(fault="529")
    done = await ended(chat)
    assert done["status"] == "complete"
    assert (await LedgerEntry.objects.aget()).calls == 2


async def test_a_full_house_is_told_where_it_stands_in_line_and_everybody_is_answered(
    open_chat: OpenChat, student: User, claude_talk: Session, api: StandIn, quick: Any
) -> None:
    quick.MODEL_CALLS_AT_ONCE = 1
    api.next(hold=1)
    other = await in_database(another, student)
    first, second = await open_chat(student, claude_talk), await open_chat(student, other)
    await first.say("Hello")
    await first.until("started")
    await second.say("Hello")
    assert (await second.until("notice"))[-1]["kind"] == "queue"
    api.release()
    assert (await second.until("done"))[-1]["status"] == "complete"
    assert (await first.until("done"))[-1]["status"] == "complete"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("error", "overloaded"), ("cut", "connection"), ("eof", "connection"), ("stall", "timeout"), ("pings", "timeout")],
)
async def test_a_reply_that_breaks_in_the_middle_is_kept_marked_and_billed_for_what_was_said(
    chat: Any, api: StandIn, quick: Any, fault: str, error: str
) -> None:
    if error == "timeout":
        quick.REPLY_SILENCE_SECONDS = 2.0
    api.next(fault=fault, at=2)
    done = await ended(chat)
    assert done["status"] == "interrupted"
    assert done["text"]
    assert (await Turn.objects.aget()).error == error
    entry = await LedgerEntry.objects.aget()
    assert entry.estimated
    assert entry.cost_microusd > 0
    quick.REPLY_SILENCE_SECONDS = PATIENCE
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("done"))[-1]["status"] == "complete"


async def test_a_reply_that_only_drips_ends_by_the_total_deadline(chat: Any, api: StandIn, quick: Any) -> None:
    quick.REPLY_TOTAL_SECONDS = 3.0
    api.next(tokens=1_000, delay=100)
    done = await ended(chat)
    assert done["status"] == "interrupted"


@pytest.mark.parametrize(("fault", "status"), [("refusal", "refused"), ("max_tokens", "truncated")])
async def test_a_reply_that_the_model_refuses_or_cuts_says_so(chat: Any, api: StandIn, fault: str, status: str) -> None:
    api.next(fault=fault)
    assert (await ended(chat))["status"] == status


async def test_usage_that_the_provider_never_sent_is_estimated_and_marked(chat: Any, api: StandIn) -> None:
    api.next(fault="no-usage")
    done = await ended(chat)
    entry = await LedgerEntry.objects.aget()
    assert entry.estimated
    assert entry.output_tokens == pricing.estimate_tokens(done["text"])
    assert entry.input_tokens > 0


async def test_a_provider_that_does_not_listen_is_a_connection_fault(chat: Any, quick: Any) -> None:
    quick.ANTHROPIC_BASE_URL = "http://127.0.0.1:9"
    assert (await ended(chat))["status"] == "failed"
    assert (await Turn.objects.aget()).error == "connection"


async def test_a_model_without_a_price_is_never_called(chat: Any, api: StandIn, claude_talk: Session) -> None:
    await ModelPrice.objects.all().adelete()
    key = await chat.say("Hello")
    error = await chat.frame()
    assert (error["code"], error["client_key"]) == ("provider_unavailable", key)
    assert not api.requests()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Nul \0 in it.", "Nul  in it."),
        ("Half a \ud83d character.", "Half a \ufffd character."),
        ("A whole \U0001f600 one.", "A whole \U0001f600 one."),
    ],
)
async def test_text_of_a_model_that_cannot_be_stored_is_mended_and_never_stops_a_turn(
    chat: Any, api: StandIn, text: str, kept: str
) -> None:
    api.next(text=text)
    done = await ended(chat)
    assert done["status"] == "complete"
    assert done["text"].split() == kept.split()
    assert (await Message.objects.aget(pk=done["message"])).content == done["text"]


async def test_a_reply_without_end_is_cut_at_the_limit_and_kept(chat: Any, api: StandIn, quick: Any) -> None:
    quick.REPLY_MAX_CHARACTERS = 100
    api.next(text="word " * 500, delay=0)
    done = await ended(chat)
    assert done["status"] == "truncated"
    assert len(done["text"]) == 100


async def test_several_calls_for_one_reply_never_reach_a_dearer_tier_together(
    chat: Any, api: StandIn, quick: Any
) -> None:
    await ModelPrice.objects.acreate(
        model="claude-haiku-5-5", valid_from=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), from_input=1_500,
        input=50_000_000, output=50_000_000, cache_write=50_000_000, cache_read=50_000_000,
    )  # fmt: skip
    price.forget()
    api.next(fault="error", at=0)
    api.next(fault="error", at=0)
    assert (await ended(chat))["status"] == "complete"
    entry = await LedgerEntry.objects.aget()
    assert entry.calls == 3
    assert entry.largest_input_tokens < 1_500 < entry.total_input
    assert entry.cost_microusd < 1_000


async def test_a_stream_of_nothing_that_can_be_said_ends_in_time(
    open_chat: OpenChat, student: User, talk: Session, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute:
        calls, usage, ending = 1, None, None

        async def __aiter__(self) -> AsyncGenerator[str, None]:
            while True:
                await asyncio.sleep(0.02)
                yield "\0"

    quick.QUEUE_SECONDS = quick.REPLY_TOTAL_SECONDS = 0.4
    monkeypatch.setattr(runner, "speak", lambda *_args, **_options: Mute())
    chat = await open_chat(student, talk)
    await chat.say("Hello")
    assert (await chat.until("done"))[-1]["status"] == "failed"
