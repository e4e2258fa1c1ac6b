"""What a student may rely on when a model stops being the client: it is taken back, asked again, billed once each."""

import asyncio
from typing import Any

import pytest

from accounts.models import User
from bench.standin import StandIn
from clients.guard import Kind, Slip
from clients.state import Line
from clients.voices.scripted import reply
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Breach, Message, Session, Turn
from conversations.tests.conftest import OpenChat, ended, orphan
from conversations.turns.accept import most_that_a_reply_costs
from conversations.turns.fallback import take_back
from conversations.turns.finish import Outcome, finish
from conversations.turns.progress import Checkpoint, save_checkpoints
from conversations.turns.recover import recover
from monitoring import pricing
from monitoring.models import Budget, LedgerEntry, ModelPrice, Reservation, price

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]

OUT = "I don't know. Well, as an AI language model I have no rent to pay, and there is more where that came from."
SHOWN = "I don't know. Well, as an AI language "
OUT_AGAIN = "How can I help you today?"
IN = "The rent. It's two months now."


async def figures(done: dict[str, Any]) -> list[str]:
    """The outcomes in the ledger, once the figures of reply and session are its sums."""
    entries = [entry async for entry in LedgerEntry.objects.order_by("settled_at")]
    message = await Message.objects.select_related("session").aget(pk=done["message"])
    cost = sum(entry.cost_microusd for entry in entries)
    assert message.cost_microusd == message.session.cost_microusd == cost
    assert message.token_count == sum(entry.output_tokens for entry in entries)
    assert all(entry.message_uuid == message.pk for entry in entries)
    return [entry.outcome for entry in entries]


def notes(api: StandIn) -> list[str]:
    """What the model was told behind the student's newest words, request by request."""
    return [request["body"]["messages"][-1]["content"][-1]["text"] for request in api.requests()]


async def test_a_reply_that_leaves_the_character_is_replaced_by_another_attempt_under_the_same_id(
    chat: Any, api: StandIn
) -> None:
    api.next(text=OUT)
    api.next(text=IN)
    await chat.say("What brings you here?")
    frames = [frame for frame in await chat.until("done") if frame["type"] in {"started", "delta", "snapshot", "done"}]
    taken_back = next(place for place, frame in enumerate(frames) if frame["type"] == "snapshot")
    before, after, done = frames[1:taken_back], frames[taken_back + 1 : -1], frames[-1]
    assert SHOWN.startswith("".join(frame["text"] for frame in before))
    assert frames[taken_back]["text"] == ""
    assert "".join(frame["text"] for frame in after) == done["text"] == IN
    assert [frame["index"] for frame in frames[1:-1]] == list(range(1, len(frames) - 1))
    assert len({frame["message"] for frame in frames}) == 1
    assert done["status"] == "complete"
    assert await figures(done) == ["withdrawn", "complete"]
    breach = await Breach.objects.aget()
    assert (str(breach.reply_id), breach.kind, breach.attempt) == (done["message"], "ai", 1)
    assert breach.excerpt == "I don't know. Well, as an AI language model"
    first, second = notes(api)
    assert "You are Maria Delgado" not in first
    assert second.startswith(first)
    assert "You are Maria Delgado" in second
    await chat.say("And then?")
    await chat.until("done")
    assert "language model" not in str(api.requests()[-1]["body"]["messages"])
    assert notes(api)[-1].startswith("Now:")
    assert "taken back" not in notes(api)[-1]


async def test_a_second_slip_is_followed_by_a_line_of_the_script(chat: Any, api: StandIn, claude_talk: Session) -> None:
    api.next(text=OUT)
    api.next(text=OUT_AGAIN)
    done = await ended(chat, "What brings you here?")
    version = await in_database(lambda: Session.objects.select_related("client_version").get().client_version)
    assert version
    assert done["text"] == reply(version.snapshot, [Line("student", "What brings you here?")])
    assert done["status"] == "complete"
    assert len(api.requests()) == 2
    assert await figures(done) == ["withdrawn", "withdrawn", "complete"]
    kinds = [(row.attempt, row.kind, row.model) async for row in Breach.objects.order_by("attempt")]
    assert kinds == [(1, "ai", "claude-haiku-5-5"), (2, "helper", "claude-haiku-5-5")]
    assert (await LedgerEntry.objects.aget(model="scripted")).cost_microusd == 0
    # The script stood in for this reply alone.
    api.next(text=IN)
    assert (await ended(chat, "And the rent?"))["text"] == IN


async def test_without_money_for_another_attempt_the_script_speaks_at_once(
    chat: Any, api: StandIn, claude_talk: Session
) -> None:
    limit = int(await in_database(most_that_a_reply_costs, claude_talk) * 1.02)
    await Budget.objects.acreate(scope="user", period="day", limit_microusd=limit)
    api.next(text=OUT)
    done = await ended(chat)
    assert done["status"] == "complete"
    assert len(api.requests()) == 1
    assert await figures(done) == ["withdrawn", "complete"]
    assert await Breach.objects.acount() == 1


async def test_words_that_only_the_end_completes_are_taken_back_too(chat: Any, api: StandIn) -> None:
    api.next(text="Fine, I admit it: I am a chatbot")
    api.next(text=IN)
    assert (await ended(chat))["text"] == IN


async def test_a_slip_in_the_first_words_is_never_shown(chat: Any, api: StandIn) -> None:
    api.next(text="[Note: I stop here.] As you like.")
    api.next(text=IN)
    await chat.say("Hello")
    frames = await chat.until("done")
    assert not [frame for frame in frames if frame["type"] == "snapshot"]
    assert "".join(frame["text"] for frame in frames if frame["type"] == "delta") == frames[-1]["text"] == IN


async def test_a_stop_during_the_second_attempt_keeps_what_it_said_and_nothing_of_the_first(
    chat: Any, api: StandIn, quick: Any
) -> None:
    api.next(text=OUT)
    api.next(text="One two three four five six seven eight nine ten.", hold=6)
    await chat.say("Hello")
    snapshot = (await chat.until("snapshot"))[-1]
    await chat.until("delta")
    await chat.send(type="stop", message=snapshot["message"])
    done = (await chat.until("done"))[-1]
    assert done["status"] == "stopped"
    assert done["text"].startswith("One")
    assert await figures(done) == ["withdrawn", "stopped"]
    assert not await Reservation.objects.filter(state="held").aexists()


async def test_a_stop_at_the_moment_of_the_slip_leaves_an_empty_reply_that_can_be_tried_again(
    engine: Engine, chat: Any, api: StandIn
) -> None:
    api.next(text=OUT)
    api.next(text=IN, hold=1)
    await chat.say("Hello")
    snapshot = (await chat.until("snapshot"))[-1]
    await chat.send(type="stop", message=snapshot["message"])
    done = (await chat.until("done"))[-1]
    assert (done["status"], done["text"]) == ("stopped", "")
    assert await figures(done) == ["withdrawn", "stopped"]
    api.next(text=IN)
    # Stopped before the second attempt was sent, the retry is the one that is held.
    api.release()
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("done"))[-1]["text"] == IN


async def test_when_the_second_attempt_fails_without_a_word_another_model_is_asked_in_the_same_way(
    chat: Any, api: StandIn, quick: Any
) -> None:
    quick.FALLBACK_MODELS = ["claude-sonnet-5-5"]
    api.next(text=OUT)
    api.next(fault="401")
    api.next(text=IN)
    done = await ended(chat)
    assert (done["status"], done["text"]) == ("complete", IN)
    assert await figures(done) == ["withdrawn", "failed", "complete"]
    assert "taken back" in notes(api)[-1]


async def test_who_comes_during_the_second_attempt_sees_nothing_of_the_first(
    open_chat: OpenChat, student: User, claude_talk: Session, chat: Any, api: StandIn
) -> None:
    api.next(text=OUT)
    api.next(text="One two three four five six seven eight nine ten.", hold=6)
    await chat.say("Hello")
    await chat.until("snapshot")
    await chat.until("delta")
    late = await open_chat(student, claude_talk, resume=True)
    api.release()
    frames = await late.until("done")
    shown = next(frame for frame in frames if frame["type"] == "snapshot")
    assert shown["text"]
    assert frames[-1]["text"].startswith(shown["text"])


async def test_a_crash_after_the_slip_brings_nothing_back_and_holds_no_money(
    claude_talk: Session, student: User, engine: Engine, api: StandIn, quick: Any
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    accepted = await in_database(orphan, student, claude_talk, engine.process_id, SHOWN)
    assert accepted.claimed
    claimed, slip = accepted.claimed, Slip(Kind.AI, OUT)
    late = Checkpoint(claimed.id, claimed.fence, 4, SHOWN)
    first = await in_database(take_back, claimed, slip, pricing.Usage(input=10), 1, 5)
    again = await in_database(take_back, claimed, slip, pricing.Usage(input=10), 1, 5)
    assert first
    assert again
    assert first.reservation.pk == again.reservation.pk
    assert first.request == again.request
    # What was on its way to the database then arrives after it.
    await in_database(save_checkpoints, [late])
    assert (await Turn.objects.aget()).partial_text == ""
    second = await in_database(take_back, first, slip, pricing.Usage(input=10), 1, 9)
    repeated = await in_database(take_back, first, slip, pricing.Usage(input=10), 1, 9)
    assert second
    assert repeated
    assert second.voice == repeated.voice == Session.Voice.SCRIPTED
    assert [row.attempt async for row in Breach.objects.order_by("attempt")] == [1, 2]
    await asyncio.sleep(0.01)
    await Turn.objects.aupdate(owner=None, accepted_at="2026-01-01T00:00:00Z")
    # The engine of this test looks for such turns too and may be first.
    await in_database(recover)
    message = await Message.objects.aget(pk=claimed.reply_id)
    assert (message.status, message.content, message.input_tokens) == ("interrupted", "", 20)
    assert not await Reservation.objects.filter(state="held").aexists()
    assert await in_database(take_back, second, slip, pricing.Usage(), 1, 12) is None


async def test_the_scripted_voice_is_not_guarded(open_chat: OpenChat, student: User, talk: Session) -> None:
    chat = await open_chat(student, talk)
    assert (await ended(chat, "Are you an AI?"))["status"] == "complete"
    assert not await Breach.objects.aexists()


async def test_where_the_model_has_lost_its_price_the_script_speaks(chat: Any, api: StandIn) -> None:
    api.next(text=OUT, hold=6)
    await chat.say("Hello")
    await chat.until("delta")
    await ModelPrice.objects.all().adelete()
    price.forget()
    api.release()
    done = (await chat.until("done"))[-1]
    assert done["status"] == "complete"
    assert len(api.requests()) == 1
    assert await figures(done) == ["withdrawn", "complete"]


async def test_a_slip_in_a_turn_that_another_process_has_taken_changes_nothing(
    engine: Engine, chat: Any, api: StandIn
) -> None:
    api.next(text=OUT, hold=6)
    await chat.say("Hello")
    await chat.until("delta")
    await Turn.objects.aupdate(fence=7)
    api.release()
    while engine.runner.live:  # noqa: ASYNC110  (a moment)
        await asyncio.sleep(0.01)
    assert len(api.requests()) == 1
    assert not await Breach.objects.aexists()
    turn = await Turn.objects.aget()
    assert await in_database(finish, turn.pk, 7, Outcome(Turn.Status.INTERRUPTED, "", pricing.Usage()))
