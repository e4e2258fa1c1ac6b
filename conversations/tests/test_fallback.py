"""What a student may rely on when another model speaks in place of the chosen one."""

import asyncio
from typing import Any

import pytest

from accounts.models import User
from bench.standin import StandIn
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import PATIENCE, ended, orphan
from conversations.turns.fallback import give_to
from conversations.turns.finish import Outcome, finish
from monitoring import pricing
from monitoring.models import LedgerEntry, Reservation

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


async def test_when_a_model_cannot_answer_another_one_does_and_each_is_settled_at_its_own_price(
    chat: Any, api: StandIn, quick: Any, claude_talk: Session
) -> None:
    quick.FALLBACK_MODELS = ["no-price", "claude-haiku-5-5", "claude-sonnet-5-5"]
    api.next(fault="401")
    done = await ended(chat)
    assert done["status"] == "complete"
    entries = [entry async for entry in LedgerEntry.objects.order_by("settled_at")]
    assert [(entry.model, entry.outcome) for entry in entries] == [
        ("claude-haiku-5-5", "failed"), ("claude-sonnet-5-5", "complete"),
    ]  # fmt: skip
    assert api.requests()[-1]["body"]["model"] == "claude-sonnet-5-5"
    session = await Session.objects.aget(pk=claude_talk.pk)
    reply = await Message.objects.aget(pk=done["message"])
    assert session.cost_microusd == reply.cost_microusd == sum(entry.cost_microusd for entry in entries) > 0
    assert not await Reservation.objects.filter(state="held").aexists()


async def test_a_turn_given_to_another_model_twice_is_given_once(
    claude_talk: Session, student: User, engine: Engine, api: StandIn, quick: Any
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    accepted = await in_database(orphan, student, claude_talk, engine.process_id, "")
    assert accepted.claimed
    first = await in_database(give_to, accepted.claimed, "claude-sonnet-5-5", pricing.Usage(), 1)
    again = await in_database(give_to, accepted.claimed, "claude-sonnet-5-5", pricing.Usage(), 1)
    assert first
    assert again
    assert first.reservation.pk == again.reservation.pk
    assert await LedgerEntry.objects.acount() == 1
    outcome = Outcome(Turn.Status.STOPPED, "", pricing.Usage(), fell_back=True)
    assert await in_database(finish, again.id, again.fence, outcome)
    assert await in_database(give_to, accepted.claimed, "claude-sonnet-5-5", pricing.Usage(), 1) is None


async def test_a_drain_ends_a_reply_that_was_about_to_be_asked_of_another_model(
    engine: Engine, student: User, claude_talk: Session, api: StandIn, quick: Any
) -> None:
    quick.FALLBACK_MODELS = ["claude-sonnet-5-5"]
    api.modes(fault="401")
    accepted = await in_database(orphan, student, claude_talk, engine.process_id, "")
    assert accepted.claimed
    engine.runner.start(accepted.claimed)
    live = engine.runner.live[accepted.claimed.reply_id]
    while live.listening is None:  # noqa: ASYNC110  (the very next rounds of the loop)
        await asyncio.sleep(0)
    live.ending = True
    await engine.runner.drain(PATIENCE)
    assert {request["body"]["model"] for request in api.requests()} == {"claude-haiku-5-5"}
