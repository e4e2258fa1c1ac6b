"""What a plain client of the chat socket may rely on."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from accounts.models import Enrolment, User
from config.asgi import application
from conversations import sessions
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import Chat, OpenChat
from monitoring.models import LedgerEntry, Reservation

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


async def test_a_message_is_acknowledged_answered_and_stored(open_chat: OpenChat, student: User, talk: Session) -> None:
    chat = await open_chat(student, talk)
    key = await chat.say("Hello, I am here to talk about the rent.")
    frames = await chat.until("done")
    kinds = [f["type"] for f in frames]
    assert kinds[:2] == ["accepted", "started"]
    assert frames[0]["client_key"] == key
    deltas = [f for f in frames if f["type"] == "delta"]
    assert [d["index"] for d in deltas] == list(range(1, len(deltas) + 1))
    done = frames[-1]
    assert "".join(d["text"] for d in deltas) == done["text"]
    assert done["status"] == "complete"
    assert "cost_microusd" not in done["usage"]
    reply = await Message.objects.aget(pk=done["message"])
    assert (reply.sequence, reply.content, reply.reply_to_id) == (2, done["text"], uuid.UUID(frames[0]["id"]))
    entry = await LedgerEntry.objects.aget()
    assert (entry.outcome, entry.cost_microusd, entry.session_uuid) == ("complete", 0, talk.pk)
    assert not await Reservation.objects.filter(state="held").aexists()


async def test_the_same_send_twice_is_one_message_one_turn_and_one_bill(
    open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk)
    key = uuid.uuid4()
    await chat.say("Hello there", key)
    first = await chat.until("done")
    await chat.say("Hello there", key)
    again = await chat.until("done")
    assert [f["type"] for f in again] == ["accepted", "done"]
    assert again[-1] == first[-1]
    await chat.say("Something else", key)
    assert (await chat.frame())["code"] == "duplicate_conflict"
    assert await Message.objects.acount() == 2
    assert await Turn.objects.acount() == 1
    assert await LedgerEntry.objects.acount() == 1


async def test_a_send_repeated_while_its_reply_runs_shows_the_reply_so_far(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    first, second = await open_chat(student, talk), await open_chat(student, talk)
    key = uuid.uuid4()
    await first.say("Tell me about the rent", key)
    await first.until("delta")
    await second.say("Tell me about the rent", key)
    frames = await second.until("done")
    assert [f["type"] for f in frames[:3]] == ["accepted", "started", "snapshot"]
    assert (await first.until("done"))[-1] == frames[-1]


async def test_while_a_reply_runs_a_second_message_waits(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    one, two = await open_chat(student, talk), await open_chat(student, talk, resume=True)
    await one.say("First")
    await one.until("started")
    key = await two.say("Second")
    frames = await two.until("error")
    assert (frames[-1]["code"], frames[-1]["client_key"]) == ("turn_in_progress", key)
    seen = frames + await two.until("done")
    assert [f["text"] for f in seen if f["type"] == "message"] == ["First"]
    assert (await one.until("done"))[-1]["text"] == seen[-1]["text"]


async def test_stop_ends_the_reply_and_keeps_what_arrived_and_retry_makes_a_new_one(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    started = (await chat.until("started"))[-1]
    await chat.until("delta")
    await chat.send(type="stop", message=started["message"])
    stopped = (await chat.until("done"))[-1]
    assert stopped["status"] == "stopped"
    assert stopped["text"]
    await chat.send(type="stop", message=started["message"])
    assert (await chat.until("done"))[-1] == stopped

    quick.SCRIPTED_PIECE_SECONDS = 0.001
    await chat.send(type="retry", message=stopped["message"])
    frames = await chat.until("done")
    assert frames[0]["type"] == "started"
    assert (frames[-1]["status"], frames[-1]["sequence"]) == ("complete", 3)
    assert frames[-1]["message"] != stopped["message"]
    old = await Message.objects.aget(pk=stopped["message"])
    assert old.status == "superseded"
    await chat.send(type="retry", message=stopped["message"])
    assert (await chat.until("done"))[-1]["message"] == frames[-1]["message"]
    assert await LedgerEntry.objects.acount() == 2


async def test_a_stop_before_the_first_word_leaves_an_empty_stopped_reply(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 5
    chat = await open_chat(student, talk)
    await chat.say("Hello")
    started = (await chat.until("started"))[-1]
    await chat.send(type="stop", message=started["message"])
    done = (await chat.until("done"))[-1]
    assert (done["status"], done["text"]) == ("stopped", "")


async def test_what_cannot_be_stopped_or_retried_is_said_so(open_chat: OpenChat, student: User, talk: Session) -> None:
    chat = await open_chat(student, talk)
    await chat.send(type="stop", message=str(uuid.uuid4()))
    assert (await chat.frame())["code"] == "invalid"
    await chat.send(type="retry", message=str(uuid.uuid4()))
    assert (await chat.frame())["code"] == "invalid"
    await chat.say("Hello")
    done = (await chat.until("done"))[-1]
    await chat.send(type="retry", message=done["message"])
    assert (await chat.frame())["code"] == "invalid"


async def test_resume_brings_what_was_missed_and_then_everything_live(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    chat = await open_chat(student, talk)
    await chat.say("One")
    await chat.until("done")
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    await chat.say("Tell me about the rent")
    await chat.until("delta")

    late = await open_chat(student, talk)
    assert await late.quiet()
    await late.send(type="resume", after=1)
    frames = await late.until("done")
    kinds = [f["type"] for f in frames]
    assert kinds[:4] == ["message", "message", "started", "snapshot"]
    assert [f["sequence"] for f in frames[:2]] == [2, 3]
    text, index = frames[3]["text"], frames[3]["index"]
    for later in frames[4:-1]:
        assert later["index"] == index + 1
        index, text = later["index"], text + later["text"]
    assert text == frames[-1]["text"]


async def test_resume_gives_a_long_past_in_parts_and_says_when_there_is_more(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.RESUME_MAX_MESSAGES = 3
    chat = await open_chat(student, talk)
    for text in ("One", "Two"):
        await chat.say(text)
        await chat.until("done")
    other = await open_chat(student, talk)
    await other.send(type="resume", after=0)
    part = [await other.frame() for _ in range(3)]
    assert [f.get("more") for f in part] == [None, None, True]
    await other.send(type="resume", after=part[-1]["sequence"])
    assert (await other.frame())["sequence"] == 4
    assert await other.quiet()


async def test_two_tabs_show_the_same_conversation(open_chat: OpenChat, student: User, talk: Session) -> None:
    one, two = await open_chat(student, talk, resume=True), await open_chat(student, talk, resume=True)
    await one.say("Hello from one")
    seen_by_one, seen_by_two = await one.until("done"), await two.until("done")
    assert seen_by_two[0]["type"] == "message"
    assert seen_by_two[0]["id"] == seen_by_one[0]["id"]
    assert seen_by_one[-1] == seen_by_two[-1]
    assert await one.quiet()


async def test_a_teacher_sees_tokens_and_cost_of_a_test(
    open_chat: OpenChat, teacher: User, client_profile: Any
) -> None:
    def begin() -> Session:
        sessions.accept_notice(by=teacher)
        return sessions.start(by=teacher, client=client_profile)

    session = await in_database(begin)
    assert session.kind == "test"
    chat = await open_chat(teacher, session)
    await chat.say("Hello")
    assert (await chat.until("done"))[-1]["usage"]["cost_microusd"] == 0


async def test_bad_frames_are_answered_and_the_socket_stays_open(
    open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk)
    await chat.socket.send_to(text_data="not json")
    assert (await chat.frame())["code"] == "invalid"
    await chat.socket.send_to(bytes_data=b"\xff\x00")
    assert (await chat.frame())["code"] == "invalid"
    key = await chat.say("x" * 8001)
    error = await chat.frame()
    assert (error["code"], error["client_key"]) == ("too_long", key)
    await chat.send(type="ping")
    assert await chat.frame() == {"type": "pong"}


async def test_a_paused_or_ended_session_takes_no_message_and_viewers_are_told(
    open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk, resume=True)
    await in_database(sessions.pause, by=student, session=talk)
    assert (await chat.until("session"))[-1]["status"] == "paused"
    await chat.say("Hello?")
    assert (await chat.until("error"))[-1]["code"] == "session_paused"
    await in_database(sessions.resume, by=student, session=talk)
    assert (await chat.until("session"))[-1]["status"] == "active"
    await in_database(sessions.end, by=student, session=talk)
    ended = (await chat.until("session"))[-1]
    assert ended["status"] == "completed"
    assert ended["ended_at"]
    await chat.say("Hello?")
    assert (await chat.until("error"))[-1]["code"] == "session_ended"


async def test_ending_a_session_stops_the_running_reply_and_keeps_it(
    open_chat: OpenChat, student: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent")
    await chat.until("delta")
    await in_database(sessions.end, by=student, session=talk)
    assert (await chat.until("done"))[-1]["status"] == "stopped"


async def test_nobody_else_gets_in(
    engine: Engine, talk: Session, other_student: User, student: User, open_chat: OpenChat
) -> None:
    from conversations.tests.conftest import sign_in

    assert await Chat(talk.pk).open() == {"closed": 4401}
    cookie = await in_database(sign_in, other_student)
    assert await Chat(talk.pk, cookie).open() == {"closed": 4404}
    own = await in_database(sign_in, student)
    assert await Chat(uuid.uuid4(), own).open() == {"closed": 4404}


@pytest.mark.parametrize("origin", [None, b"null", b"https://elsewhere.example"])
async def test_a_socket_from_another_sites_page_is_refused_before_it_opens(
    engine: Engine, talk: Session, origin: bytes | None
) -> None:
    headers = [(b"origin", origin)] if origin else []
    socket = WebsocketCommunicator(application, f"/ws/sessions/{talk.pk}/", headers=headers)
    accepted, _code = await socket.connect()
    assert not accepted


async def test_a_frame_after_a_refused_connection_changes_nothing(engine: Engine, talk: Session) -> None:
    chat = Chat(talk.pk)
    await chat.open()
    await chat.say("Hello")
    assert await chat.quiet()
    assert not await Message.objects.aexists()


def disable(user: User) -> None:
    user.is_active = False
    user.save()


def sign_out(user: User) -> None:
    from django.contrib.sessions.models import Session as SignIn

    SignIn.objects.all().delete()


def unenrol(user: User) -> None:
    from django.utils import timezone

    for enrolment in Enrolment.objects.filter(student=user):
        enrolment.removed_at = timezone.now()
        enrolment.save()


def change_password(user: User) -> None:
    user.set_password("another-word-2")
    user.save()


def delete_user_rights(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("withdraw", [disable, sign_out, unenrol, change_password, delete_user_rights])
async def test_lost_access_closes_an_open_chat_within_two_seconds(
    open_chat: OpenChat, student: User, talk: Session, withdraw: Callable[[User], None]
) -> None:
    chat = await open_chat(student, talk)
    await in_database(withdraw, student)
    # The watch looks twenty times as often here as it must; the machine may stand still for a moment.
    frame = await chat.frame(within=10)
    assert frame == {"closed": 4410}
    await chat.say("Am I still heard?")
    assert not await Message.objects.filter(session=talk, role="student").aexists()


async def test_a_change_of_the_profile_closes_nothing(open_chat: OpenChat, student: User, talk: Session) -> None:
    chat = await open_chat(student, talk)

    def rename() -> None:
        student.display_name = "Someone"
        student.save()

    await in_database(rename)
    assert await chat.quiet(0.5)
    await chat.send(type="ping")
    assert await chat.frame() == {"type": "pong"}


async def test_a_session_with_a_deadline_says_so_at_once(open_chat: OpenChat, student: User, talk: Session) -> None:
    from django.utils import timezone

    await Session.objects.filter(pk=talk.pk).aupdate(deadline_at=timezone.now())
    from conversations.tests.conftest import Chat, sign_in

    chat = Chat(talk.pk, await in_database(sign_in, student))
    assert "deadline" in await chat.open()
    await chat.close()


async def test_a_send_repeated_to_another_process_than_the_one_that_answers_waits_for_the_end(
    engine: Engine, open_chat: OpenChat, student: User, talk: Session
) -> None:
    from conversations.turns import accept as accepting

    key = uuid.uuid4()
    other = Engine()
    await other.start()
    accepted = await in_database(
        accepting.accept,
        by=student,
        session_id=talk.pk,
        client_key=key,
        text="Tell me about the rent",
        owner=other.process_id,
    )
    assert accepted.claimed
    chat = await open_chat(student, talk)
    await chat.say("Tell me about the rent", key)
    assert (await chat.frame())["type"] == "accepted"
    other.runner.start(accepted.claimed)
    assert (await chat.until("done"))[-1]["status"] == "complete"
    await other.stop()


async def test_a_demo_account_has_no_chat_from_another_machine(
    engine: Engine, student: User, talk: Session, settings: Any
) -> None:
    from django.test import Client as Browser

    settings.DEMO = True
    await User.objects.filter(pk=student.pk).aupdate(is_demo=True)

    def cookie() -> str:
        browser = Browser(REMOTE_ADDR="127.0.0.1")
        browser.force_login(User.objects.get(pk=student.pk))
        return browser.cookies[settings.SESSION_COOKIE_NAME].value

    at_home = Chat(talk.pk, await in_database(cookie))
    at_home.socket.scope["client"] = ["127.0.0.1", 5000]
    assert (await at_home.open())["type"] == "hello"
    await at_home.close()
    proxied = Chat(talk.pk, await in_database(cookie))
    proxied.socket.scope["client"] = ["127.0.0.1", 5000]
    proxied.socket.scope["headers"].append((b"x-forwarded-for", b"8.8.8.8"))
    assert await proxied.open() == {"closed": 4401}
