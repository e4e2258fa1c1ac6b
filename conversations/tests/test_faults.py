"""What a student may rely on when the provider, a process or the network fails."""

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.models import User
from bench.standin import StandIn, running_standin
from clients.models import ClientProfile
from clients.voices.fallback import fallback_line
from conversations import consumers, protocol, sessions
from conversations.live import engine as engines
from conversations.live import runner
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import Chat, sign_in
from conversations.turns import accept as accepting
from conversations.turns.fallback import give_to
from conversations.turns.finish import Outcome, finish
from conversations.turns.recover import recover
from monitoring import heartbeats, pricing
from monitoring.models import ErrorEntry, Heartbeat, LedgerEntry, ModelPrice, Reservation, price

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]

OpenChat = Callable[..., Any]


@pytest.fixture
def api() -> Iterator[StandIn]:
    """A stand-in for the provider: five quick words a reply."""
    with running_standin(tokens=5, delay=5, ttft=5) as api:
        yield api


@pytest.fixture
def claude_talk(api: StandIn, quick: Any, prices: None, student: User, client_profile: ClientProfile) -> Session:
    """A practice session that Claude speaks in."""
    quick.ANTHROPIC_API_KEY = "test-key"
    quick.ANTHROPIC_BASE_URL = api.url
    quick.REPLY_FIRST_TEXT_SECONDS = 1.0
    quick.REPLY_SILENCE_SECONDS = 0.4
    quick.REPLY_TOTAL_SECONDS = 1.5
    sessions.accept_notice(by=student)
    return sessions.start(by=student, client=client_profile)


@pytest.fixture
async def chat(open_chat: OpenChat, student: User, claude_talk: Session) -> Any:
    """The student's chat with Claude."""
    return await open_chat(student, claude_talk)


async def ended(chat: Any, text: str = "Hello") -> dict[str, Any]:
    await chat.say(text)
    done: dict[str, Any] = (await chat.until("done"))[-1]
    assert not await Reservation.objects.filter(state="held").aexists()
    assert not await Turn.objects.running().aexists()
    return done


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
    quick.QUEUE_SECONDS = 0.9
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
    quick.QUEUE_SECONDS = 5.0
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


async def test_a_full_house_is_told_where_it_stands_in_line_and_everybody_is_answered(
    open_chat: OpenChat, student: User, claude_talk: Session, api: StandIn, quick: Any
) -> None:
    quick.MODEL_CALLS_AT_ONCE = 1
    api.modes(ttft=400)
    other = await in_database(another, student, claude_talk)
    first, second = await open_chat(student, claude_talk), await open_chat(student, other)
    await first.say("Hello")
    await first.until("started")
    await second.say("Hello")
    frames = await second.until("done")
    assert any(frame["type"] == "notice" and frame["kind"] == "queue" for frame in frames)
    assert frames[-1]["status"] == "complete"
    assert (await first.until("done"))[-1]["status"] == "complete"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("error", "overloaded"), ("cut", "connection"), ("eof", "connection"), ("stall", "timeout"), ("pings", "timeout")],
)
async def test_a_reply_that_breaks_in_the_middle_is_kept_marked_and_billed_for_what_was_said(
    chat: Any, api: StandIn, fault: str, error: str
) -> None:
    api.next(fault=fault, at=2)
    done = await ended(chat)
    assert done["status"] == "interrupted"
    assert done["text"]
    assert (await Turn.objects.aget()).error == error
    entry = await LedgerEntry.objects.aget()
    assert entry.estimated
    assert entry.cost_microusd > 0
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("done"))[-1]["status"] == "complete"


async def test_a_reply_that_only_drips_ends_by_the_total_deadline(chat: Any, api: StandIn, quick: Any) -> None:
    quick.REPLY_SILENCE_SECONDS = 5
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


async def test_the_reply_goes_on_after_the_student_left(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.05
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    await chat.until("started")
    await chat.close()
    back = await open_chat(student, talk, resume=True)
    assert (await back.until("done"))[-1]["status"] == "complete"


async def test_the_text_so_far_is_saved_while_the_reply_runs(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    await chat.until("delta")
    await asyncio.sleep(0.3)
    turn = await Turn.objects.aget()
    assert turn.status == "streaming"
    assert turn.partial_text


async def test_a_turn_whose_process_died_is_interrupted_with_what_had_arrived_and_can_be_retried(
    open_chat: OpenChat, student: User, talk: Session, engine: Engine
) -> None:
    dead = uuid.uuid4()
    accepted = await in_database(orphan, student, talk, dead, "Half a sen")
    await in_database(recover)
    turn = await Turn.objects.aget()
    assert (turn.status, turn.error) == ("interrupted", "process_died")
    reply = await Message.objects.aget(pk=accepted.turn.reply_id)
    assert (reply.status, reply.content) == ("interrupted", "Half a sen")
    chat = await open_chat(student, talk)
    await chat.send(type="retry", message=str(reply.pk))
    assert (await chat.until("done"))[-1]["status"] == "complete"


@transaction.atomic
def orphan(student: User, talk: Session, owner: uuid.UUID | None, text: str) -> accepting.Accepted:
    """A turn of an owner who is not at it; whole at once, since the engine's own rounds look for such."""
    accepted = accepting.accept(
        by=student, session_id=talk.pk, client_key=uuid.uuid4(), text="Hello", owner=owner or uuid.uuid4()
    )
    if not owner:
        Turn.objects.update(status="accepted", owner=None)
    if text:
        Turn.objects.update(status="streaming", partial_text=text, partial_index=3)
    return accepted


async def test_a_dead_claude_turn_is_billed_by_estimate_from_the_moment_it_was_sent(
    claude_talk: Session, student: User, engine: Engine
) -> None:
    await in_database(orphan, student, claude_talk, uuid.uuid4(), "Half a sen")
    await in_database(recover)
    entry = await LedgerEntry.objects.aget()
    assert entry.estimated
    assert entry.cost_microusd > 0


async def test_an_accepted_turn_that_nobody_took_is_ended_after_a_while(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    await in_database(orphan, student, talk, None, "")
    assert await in_database(recover) == 0
    await Turn.objects.aupdate(accepted_at=timezone.now() - dt.timedelta(hours=1))
    await in_database(recover)
    assert (await Turn.objects.aget()).error == "never_taken"


async def test_a_turn_of_a_living_process_is_left_alone_and_a_late_finish_changes_nothing(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    alive = uuid.uuid4()
    await in_database(heartbeats.beat, alive, Heartbeat.Kind.WEB)
    accepted = await in_database(orphan, student, talk, alive, "Half")
    assert await in_database(recover) == 0
    await in_database(heartbeats.stop, alive)
    await in_database(recover)
    assert (await Turn.objects.aget()).error == "process_died"
    outcome = Outcome(Turn.Status.COMPLETE, "Half a sentence.", pricing.Usage())
    assert await in_database(finish, accepted.turn.pk, 1, outcome) is None
    assert (await Message.objects.aget(pk=accepted.turn.reply_id)).content == "Half"


async def test_a_turn_is_answered_once_even_if_two_processes_want_it(
    engine: Engine, student: User, talk: Session
) -> None:
    accepted = await in_database(orphan, student, talk, engine.process_id, "")
    other = Engine()
    assert accepted.claimed
    engine.runner.start(accepted.claimed)
    engine.runner.start(accepted.claimed)
    other.runner.start(accepted.claimed)
    await engine.runner.drain(5)
    await other.runner.drain(5)
    assert await Message.objects.filter(role="client").acount() == 1
    assert await LedgerEntry.objects.acount() == 1


@pytest.fixture
async def elsewhere(engine: Engine) -> AsyncIterator[Engine]:
    """Another web process on the same database, as far as a process is an engine of its own."""
    other = Engine()
    await other.start()
    yield other
    await other.runner.drain(5)
    await other.stop()


async def test_a_socket_sees_and_stops_a_reply_that_runs_in_another_process(
    elsewhere: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    chat = await open_chat(student, talk, resume=True)
    accepted = await in_database(
        accepting.accept,
        by=student,
        session_id=talk.pk,
        client_key=uuid.uuid4(),
        text="Tell me about the rent",
        owner=elsewhere.process_id,
    )
    assert accepted.claimed
    elsewhere.runner.start(accepted.claimed)
    frames = await chat.until("snapshot")
    assert {f["type"] for f in frames} >= {"message", "started", "snapshot"}
    late = await open_chat(student, talk, resume=True)
    assert (await late.until("snapshot"))[-1]["message"] == str(accepted.turn.reply_id)
    await chat.send(type="stop", message=str(accepted.turn.reply_id))
    done = (await chat.until("done"))[-1]
    assert done["status"] == "stopped"
    assert (await late.until("done"))[-1] == done


async def test_a_socket_that_has_not_resumed_hears_nothing_of_other_processes_turns(
    elsewhere: Engine, open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk)
    accepted = await in_database(
        accepting.accept,
        by=student,
        session_id=talk.pk,
        client_key=uuid.uuid4(),
        text="Hello",
        owner=elsewhere.process_id,
    )
    assert accepted.claimed
    elsewhere.runner.start(accepted.claimed)
    await elsewhere.runner.drain(5)
    assert await chat.quiet(0.5)


async def test_a_drain_finishes_running_replies_then_closes_so_that_clients_reconnect(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any, other_student: User
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.1
    busy, idle = await open_chat(student, talk), await open_chat(student, await in_database(another, student, talk))
    await busy.say("Tell me about the rent")
    await busy.until("started")
    draining = asyncio.create_task(engine.drain())
    assert await idle.frame() == {"closed": 1012}
    assert engines.check_serving()
    await busy.say("One more")
    assert (await busy.until("error"))[-1]["code"] == "provider_unavailable"
    assert (await busy.until("done"))[-1]["status"] == "complete"
    assert await busy.frame() == {"closed": 1012}
    await draining
    assert not await Heartbeat.objects.filter(pk=engine.process_id).aexists()
    newcomer = Chat(talk.pk, await in_database(sign_in, student))
    assert await newcomer.open() == {"closed": 1012}


def another(student: User, talk: Session) -> Session:
    from conftest import make_client

    assert talk.client
    profile = make_client(None, name="Another One")
    return sessions.start(by=student, client=profile)


async def test_a_drain_that_takes_too_long_interrupts_the_reply_and_keeps_its_text(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.3
    quick.DRAIN_SECONDS = 0.1
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    await chat.until("delta")
    await engine.drain()
    turn = await Turn.objects.aget()
    assert (turn.status, turn.error) == ("interrupted", "server_stopped")
    assert (await Message.objects.aget(pk=turn.reply_id)).content


async def test_a_send_that_the_database_does_not_take_is_never_acknowledged(
    open_chat: OpenChat, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await open_chat(student, talk)

    def away(**_: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(consumers, "accept", away)
    key = await chat.say("Hello")
    error = await chat.frame()
    assert (error["type"], error["client_key"]) == ("error", key)

    monkeypatch.setattr(consumers, "bring_up_to_date", lambda *_: away())
    await chat.send(type="resume", after=0)
    assert (await chat.frame())["type"] == "error"


async def test_a_turn_that_breaks_in_our_own_code_is_ended_and_the_engine_goes_on(
    chat: Any, api: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clients.voices import claude

    def broken(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(claude, "parameters", broken)
        done = await ended(chat)
    assert (done["status"], (await Turn.objects.aget()).error) == ("failed", "server")
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("done"))[-1]["status"] == "complete"


async def test_a_turn_that_the_process_dropped_is_ended_by_its_own_recovery(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await open_chat(student, talk)

    def broken(*_: Any) -> None:
        raise RuntimeError("no voice")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "speak", broken)
        await chat.say("Hello")
        assert (await chat.until("done"))[-1]["status"] == "interrupted"
    assert not engine.runner.live
    assert (await Turn.objects.aget()).error == "dropped"
    assert not await Reservation.objects.filter(state="held").aexists()


async def test_a_reply_is_written_down_when_the_database_comes_back(
    open_chat: OpenChat, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await open_chat(student, talk)
    tries = []

    def away_at_first(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("the server closed the connection")
        return finish(*arguments)

    monkeypatch.setattr(runner, "finish", away_at_first)
    await chat.say("Hello")
    assert (await chat.until("done"))[-1]["status"] == "complete"
    assert len(tries) == 3


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


async def test_a_broken_socket_does_not_stop_the_turn_or_the_others(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session
) -> None:
    good, bad = await open_chat(student, talk), await open_chat(student, talk, resume=True)
    await bad.send(type="ping")
    await bad.until("pong")
    broken = next(viewer for viewer in engine.hub.of(talk.pk) if viewer.resumed)

    async def fails(*_: Any, **__: Any) -> None:
        raise ConnectionResetError

    broken.send.__self__.send = fails  # type: ignore[attr-defined]  # the consumer behind the viewer
    await good.say("Hello")
    assert (await good.until("done"))[-1]["status"] == "complete"
    assert broken not in engine.hub.of(talk.pk)


async def test_a_round_of_the_watch_that_fails_doubts_everybody_again(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from conversations.live import watch

    chat = await open_chat(student, talk)
    await asyncio.sleep(0.2)

    def away(_viewers: Any) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(watch, "still_allowed", away)

        def change_password() -> None:
            student.set_password("another-word-2")
            student.save()

        await in_database(change_password)
        await asyncio.sleep(0.3)
    assert await chat.frame() == {"closed": 4410}


async def test_a_round_of_the_engine_that_fails_is_logged_and_the_next_one_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = []

    async def fails() -> None:
        calls.append(1)
        raise OperationalError("away")

    with caplog.at_level("ERROR", "rapport.engine"):
        task = asyncio.create_task(engines._every(0.01, fails))
        await asyncio.sleep(0.1)
        task.cancel()
    assert len(calls) > 1
    assert "will try again" in caplog.text


async def test_a_drain_waits_for_a_send_that_is_being_accepted_and_for_its_reply(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await open_chat(student, talk)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(**arguments: Any) -> accepting.Accepted:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.4)
        return accepting.accept(**arguments)

    monkeypatch.setattr(consumers, "accept", slowly)
    await chat.say("Hello")
    await begun.wait()
    draining = asyncio.create_task(engine.runner.drain(10))
    assert engine.runner.accepting_in == {talk.pk}
    assert (await chat.until("done"))[-1]["status"] == "complete"
    await draining
    assert not engine.runner.accepting_in


async def test_a_turn_that_is_accepted_and_not_yet_begun_is_not_taken_for_dropped(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    await in_database(heartbeats.beat, engine.process_id, Heartbeat.Kind.WEB)
    quick.HEARTBEAT_DEAD_SECONDS = 60.0
    with engine.runner.accepting(talk.pk):
        await in_database(orphan, student, talk, engine.process_id, "")
        await Turn.objects.aupdate(accepted_at=timezone.now() - dt.timedelta(hours=1))
        assert await in_database(recover, engine.process_id, set(), engine.runner.accepting_in) == 0
        assert await Turn.objects.running().aexists()
    await in_database(recover, engine.process_id, set(), engine.runner.accepting_in)
    assert (await Turn.objects.aget()).error == "dropped"


async def test_a_send_of_a_socket_that_breaks_in_that_moment_is_answered_all_the_same(
    engine: Engine, student: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat(talk.pk, await in_database(sign_in, student))
    assert (await chat.open())["type"] == "hello"

    def gone(_message: Message) -> str:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(protocol, "accepted", gone)
        await chat.say("Hello")
        with pytest.raises(ConnectionResetError):
            await chat.until("done")
    await engine.runner.drain(5)
    assert (await Turn.objects.aget()).status == "complete"


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


async def test_a_process_whose_database_was_away_does_not_end_its_own_replies(
    engine: Engine, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.1
    accepted = await in_database(orphan, student, talk, engine.process_id, "")
    assert accepted.claimed
    engine.runner.start(accepted.claimed)
    await Heartbeat.objects.aupdate(beat_at=timezone.now() - dt.timedelta(hours=1))
    assert await in_database(recover, engine.process_id, engine.runner.at_work) == 0
    engine._beaten_at -= 3600
    await engine._recover()  # late itself: it does not judge others
    await engine._beat()
    await engine._recover()  # and gives them time to say that they live
    await engine.runner.drain(10)
    assert (await Turn.objects.aget()).status == "complete"


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
    await engine.runner.drain(10)
    assert {request["body"]["model"] for request in api.requests()} == {"claude-haiku-5-5"}
