"""What a student may rely on when limits are reached and budgets run out: a plain word in time, and nothing lost."""

from typing import Any

import pytest
from django.utils import translation

from accounts.models import User
from bench.standin import StandIn
from conversations.live.database import in_database
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import OpenChat
from conversations.turns.accept import most_that_a_reply_costs
from conversations.turns.allowance import allowance
from monitoring import limits
from monitoring.models import Alert, Budget, BudgetAccount, LedgerEntry, ModelPrice, RateLimit, price

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


def budget_for(replies: float, session: Session) -> Budget:
    limit = int(most_that_a_reply_costs(session) * replies)
    return Budget.objects.create(scope="user", period="day", limit_microusd=limit)


async def test_the_eleventh_message_of_a_minute_is_refused_with_the_wait_and_not_stored(
    open_chat: OpenChat, student: User, talk: Session
) -> None:
    await RateLimit.objects.filter(name="message_user").aupdate(count=2)
    limits.forget()
    chat = await open_chat(student, talk)
    for _ in range(2):
        await chat.say("Hello")
        await chat.until("done")
    key = await chat.say("Once more")
    error = (await chat.until("error"))[-1]
    assert (error["code"], error["client_key"]) == ("rate_limited", key)
    assert 1 <= error["retry_after"] <= 61
    assert str(error["retry_after"]) in error["detail"]
    assert await Message.objects.filter(role="student").acount() == 2
    assert await Turn.objects.acount() == 2


async def test_a_budget_for_one_more_reply_is_told_after_it_and_refuses_the_next_before_anything_is_stored(
    open_chat: OpenChat, student: User, claude_talk: Session, api: StandIn
) -> None:
    budget = await in_database(budget_for, 2.0, claude_talk)
    chat = await open_chat(student, claude_talk)
    await chat.say("Hello")
    notice = (await chat.until("notice"))[-1]
    assert notice["kind"] == "budget"
    assert not notice["exhausted"]
    # What was really spent is little, so that one more fits; then a lower limit leaves nothing.
    await Budget.objects.filter(pk=budget.pk).aupdate(limit_microusd=1)
    await chat.say("Once more")
    error = (await chat.until("error"))[-1]
    assert error["code"] == "budget_exhausted"
    assert "used up" in error["detail"]
    assert await LedgerEntry.objects.acount() == 1
    assert await Message.objects.filter(role="student").acount() == 1
    assert len(api.requests()) == 1
    assert (await Alert.objects.aget()).kind == "budget"


async def test_a_retry_is_refused_by_a_budget_like_a_send_and_the_old_reply_stays(
    open_chat: OpenChat, student: User, claude_talk: Session, api: StandIn
) -> None:
    await in_database(budget_for, 50, claude_talk)
    api.modes(fault="401")
    chat = await open_chat(student, claude_talk)
    await chat.say("Hello")
    done = (await chat.until("done"))[-1]
    await Budget.objects.aupdate(limit_microusd=1)
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("error"))[-1]["code"] == "budget_exhausted"
    assert (await Message.objects.aget(pk=done["message"])).status == "failed"


async def test_an_exhausted_budget_lets_no_other_model_step_in(
    open_chat: OpenChat, student: User, claude_talk: Session, api: StandIn, quick: Any
) -> None:
    quick.FALLBACK_MODELS = ["claude-sonnet-5-5"]
    await in_database(budget_for, 1.5, claude_talk)
    await ModelPrice.objects.filter(model="claude-sonnet-5-5").aupdate(output=10**9)
    api.modes(fault="401")
    chat = await open_chat(student, claude_talk)
    await chat.say("Hello")
    assert (await chat.until("done"))[-1]["status"] == "failed"
    assert {request["body"]["model"] for request in api.requests()} == {"claude-haiku-5-5"}
    account = await BudgetAccount.objects.aget()
    assert (account.held_microusd, account.spent_microusd) == (0, 0)


def test_the_page_says_what_is_left_only_when_it_is_little(claude_talk: Session, talk: Session) -> None:
    assert allowance(claude_talk) is None
    budget = budget_for(50, claude_talk)
    assert allowance(claude_talk) is None
    Budget.objects.filter(pk=budget.pk).update(limit_microusd=most_that_a_reply_costs(claude_talk) + 1)
    some = allowance(claude_talk)
    assert some
    assert not some.exhausted
    assert "nearly used up" in some.text
    Budget.objects.filter(pk=budget.pk).update(limit_microusd=1)
    none = allowance(claude_talk)
    assert none
    assert none.exhausted
    with translation.override("es"):
        assert allowance(claude_talk) != none
    talk.voice = Session.Voice.SCRIPTED
    assert allowance(talk) is None
    ModelPrice.objects.all().delete()
    price.forget()
    assert allowance(claude_talk) is None
