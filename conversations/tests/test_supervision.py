"""What teachers and students may rely on when a teacher steps into a running conversation."""

import datetime as dt
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import Enrolment, Section, User
from clients.models import ClientProfile
from conftest import make_user
from conversations import sessions, supervision
from conversations.live.database import in_database
from conversations.live.engine import Engine
from conversations.models import Message, Nudge, Session, TranscriptReading
from conversations.readings import log_readings
from conversations.sessions import SessionRuleError
from conversations.tests.conftest import OpenChat, another
from conversations.tests.pages import HTMX, add, begin, signed_in, words

pytestmark = pytest.mark.django_db

live = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


def together(*marks: Any) -> Any:
    def mark(test: Any) -> Any:
        for one in marks:
            test = one(test)
        return test

    return mark


on_sockets = together(*live)


@pytest.fixture
def running(student: User, client_profile: ClientProfile) -> Session:
    """A conversation of the student."""
    return begin(student, client_profile)


@pytest.fixture
async def elsewhere(engine: Engine) -> AsyncIterator[Engine]:
    """Another web process on the same database, as far as a process is an engine of its own."""
    other = Engine()
    await other.start()
    yield other
    await other.stop()


# --- On open sockets -------------------------------------------------------------------------------------------------


@on_sockets
async def test_a_nudge_reaches_the_student_alone_and_comes_again_until_it_is_shown(
    open_chat: OpenChat, student: User, teacher: User, talk: Session
) -> None:
    chat = await open_chat(student, talk, resume=True)
    follower = await open_chat(teacher, talk, resume=True)
    await in_database(supervision.nudge, by=teacher, session=talk, text="  Ask about the flat  ")
    told = (await chat.until("notice"))[-1]
    assert (told["kind"], told["text"], told["from"]) == ("nudge", "Ask about the flat", "Teacher")
    assert await follower.quiet(0.5)
    # The connection was lost before the page showed it: the next one hears it again.
    await chat.close()
    back = await open_chat(student, talk, resume=True)
    assert (await back.until("notice"))[-1]["id"] == told["id"]
    await back.send(type="shown", notice=told["id"])
    await back.send(type="ping")
    await back.until("pong")
    assert (await Nudge.objects.aget()).shown_at is not None
    late = await open_chat(student, talk, resume=True)
    assert await late.quiet(0.5)


@on_sockets
async def test_a_follower_cannot_mark_a_nudge_as_shown(open_chat: OpenChat, teacher: User, talk: Session) -> None:
    nudge = await in_database(supervision.nudge, by=teacher, session=talk, text="Hello")
    follower = await open_chat(teacher, talk, resume=True)
    await follower.send(type="shown", notice=str(nudge.pk))
    await follower.send(type="ping")
    assert (await follower.until("pong")) == [{"type": "pong"}]
    assert (await Nudge.objects.aget()).shown_at is None


@on_sockets
async def test_every_process_tells_a_nudge_and_a_pause(
    elsewhere: Engine, engine: Engine, open_chat: OpenChat, student: User, teacher: User, talk: Session
) -> None:
    """The verbs only write rows: whichever process an open socket is in, its own watch finds them."""
    chat = await open_chat(student, talk, resume=True)
    viewer = engine.hub.of(talk.pk)[0]
    engine.hub.remove(viewer)
    elsewhere.hub.add(viewer, talk)
    await in_database(supervision.nudge, by=teacher, session=talk, text="Hello")
    assert (await chat.until("notice"))[-1]["text"] == "Hello"
    await in_database(supervision.hold, by=teacher, session=talk)
    assert (await chat.until("session"))[-1]["paused_by"] == "teacher"
    elsewhere.hub.remove(viewer)
    engine.hub.add(viewer, talk)


@on_sockets
async def test_a_held_conversation_takes_nothing_until_a_teacher_lets_it_go_on(
    open_chat: OpenChat, student: User, teacher: User, talk: Session
) -> None:
    chat = await open_chat(student, talk, resume=True)
    await in_database(supervision.hold, by=teacher, session=talk)
    told = (await chat.until("session"))[-1]
    assert (told["status"], told["paused_by"]) == ("paused", "teacher")
    await chat.say("Hello")
    refused = (await chat.until("error"))[-1]
    assert refused["code"] == "session_paused"
    assert "Your teacher has paused" in refused["detail"]
    await in_database(supervision.release, by=teacher, session=talk)
    assert (await chat.until("session"))[-1] == {"type": "session", "status": "active"}
    await chat.say("Hello")
    await chat.until("done")


@on_sockets
async def test_a_teacher_ends_a_conversation_and_what_had_arrived_of_the_reply_is_kept(
    open_chat: OpenChat, student: User, teacher: User, talk: Session, quick: Any
) -> None:
    quick.SCRIPTED_PIECE_SECONDS = 0.2
    chat = await open_chat(student, talk, resume=True)
    await chat.say("Tell me about the rent")
    await chat.until("delta")
    await in_database(supervision.end_for, by=teacher, session=talk)
    frames = await chat.until("done")
    assert frames[-1]["status"] == "stopped"
    assert frames[-1]["text"]
    await talk.arefresh_from_db()
    assert talk.status == "completed"


@on_sockets
async def test_a_teacher_follows_live_and_cannot_write(
    open_chat: OpenChat, student: User, teacher: User, talk: Session
) -> None:
    chat = await open_chat(student, talk, resume=True)
    follower = await open_chat(teacher, talk, resume=True)
    await chat.say("Hello")
    done = (await chat.until("done"))[-1]
    heard = await follower.until("done")
    assert heard[-1]["text"] == done["text"]
    assert next(frame for frame in heard if frame["type"] == "message")["text"] == "Hello"
    key = await follower.say("I am the teacher")
    assert (await follower.frame())["client_key"] == key
    for frame in ({"type": "stop"}, {"type": "retry"}):
        await follower.send(message=done["message"], **frame)
        assert (await follower.frame())["code"] == "forbidden"
    assert await Message.objects.filter(role="student").acount() == 1
    readings = [row async for row in TranscriptReading.objects.values_list("reader", "how")]
    assert readings == [(teacher.pk, "live")]


# --- The verbs -------------------------------------------------------------------------------------------------------


def test_only_those_who_teach_the_section_step_in(
    running: Session, other_teacher: User, student: User, operator: User
) -> None:
    for person in (other_teacher, student):
        for verb in (supervision.hold, supervision.release, supervision.end_for):
            with pytest.raises(SessionRuleError, match="Only those who teach"):
                verb(by=person, session=running)
        with pytest.raises(SessionRuleError, match="Only those who teach"):
            supervision.nudge(by=person, session=running, text="Hello")
    supervision.hold(by=operator, session=running)


def test_the_student_neither_continues_nor_takes_over_a_teachers_pause_but_may_end(
    running: Session, student: User, teacher: User
) -> None:
    sessions.pause(by=student, session=running)
    with pytest.raises(SessionRuleError, match="taking a moment"):
        supervision.release(by=teacher, session=running)
    supervision.hold(by=teacher, session=running)
    for verb in (sessions.pause, sessions.resume):
        with pytest.raises(SessionRuleError, match="Your teacher has paused"):
            verb(by=student, session=running)
    running.refresh_from_db()
    assert running.is_held
    sessions.end(by=student, session=running)
    running.refresh_from_db()
    assert (running.status, running.paused_by_id) == ("completed", None)
    with pytest.raises(SessionRuleError, match="has ended"):
        supervision.hold(by=teacher, session=running)


def test_the_deadline_waits_while_a_teacher_pauses(running: Session, teacher: User) -> None:
    now = timezone.now()
    deadline = now + dt.timedelta(minutes=1)
    Session.objects.update(deadline_at=deadline)
    supervision.hold(by=teacher, session=running)
    # Ten minutes go by; pausing again does not begin them anew.
    Session.objects.update(paused_at=now - dt.timedelta(minutes=10), deadline_at=deadline - dt.timedelta(minutes=10))
    supervision.hold(by=teacher, session=running)
    assert sessions.close_overdue() == 0
    supervision.release(by=teacher, session=running)
    running.refresh_from_db()
    assert running.status == "active"
    assert running.deadline_at
    assert abs(running.deadline_at - deadline) < dt.timedelta(seconds=5)
    assert (running.paused_by, running.paused_at) == (None, None)


def test_everybody_is_paused_and_goes_on_at_once_but_no_other_section(
    running: Session, section: Section, student: User, teacher: User, other_teacher: User
) -> None:
    second = another(student)
    sessions.pause(by=student, session=second)
    aside = another_in(Section.objects.create(name="Elsewhere"), student)
    ended = another_in(section, student, name="Ended")
    sessions.end(by=student, session=ended)
    assert supervision.hold_all(by=other_teacher, section=section) == 0
    assert supervision.hold_all(by=teacher, section=section) == 2
    assert supervision.hold_all(by=teacher, section=section) == 0
    held = Session.objects.filter(supervision.HELD)
    assert set(held.values_list("pk", flat=True)) == {running.pk, second.pk}
    assert supervision.release_all(by=teacher, section=section) == 2
    assert not held.exists()
    aside.refresh_from_db()
    assert aside.revision == 0


def another_in(section: Section, student: User, name: str = "Third") -> Session:
    from conftest import make_client

    session = sessions.start(by=student, client=make_client(None, name=name))
    Session.objects.filter(pk=session.pk).update(section=section)
    return session


@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_a_pause_of_everybody_and_an_export_of_their_conversations_do_not_stop_each_other(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    talks = []
    for number in range(20):
        student = make_user(f"student-{number}", User.Role.STUDENT)
        Enrolment.objects.create(section=section, student=student)
        talks.append(begin(student, client_profile).pk)
    gate = threading.Barrier(2)

    def at_once(act: Callable[[], object]) -> None:
        gate.wait(60)
        try:
            for _ in range(10):
                act()
        finally:
            connections.close_all()

    hold = partial(supervision.hold_all, by=teacher, section=section)
    read = partial(log_readings, by=teacher, sessions=sorted(talks)[::-1], how=TranscriptReading.How.EXPORT)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(at_once, [transaction.atomic(hold), transaction.atomic(read)]))
    assert Session.objects.filter(paused_by=teacher).count() == 20


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "Write something"), ("x" * 501, "500 characters; this one has 501"), ("a\0b", "cannot be stored")],
)
def test_a_nudge_that_cannot_be_sent_says_why(running: Session, teacher: User, text: str, says: str) -> None:
    with pytest.raises(SessionRuleError, match=says):
        supervision.nudge(by=teacher, session=running, text=text)


# --- The pages -------------------------------------------------------------------------------------------------------


def test_the_chat_page_says_that_a_teacher_has_paused_and_keeps_words_of_teachers_to_read_again(
    running: Session, teacher: User, student: User
) -> None:
    assert "Your teachers can follow this conversation." in words(signed_in(student).get(f"/sessions/{running.pk}/"))
    nudge = supervision.nudge(by=teacher, session=running, text="Ask <b>more</b>")
    supervision.hold(by=teacher, session=running)
    page = words(signed_in(student).get(f"/sessions/{running.pk}/"))
    assert 'data-held="yes"' in page
    assert "Ask &lt;b&gt;more&lt;/b&gt;" in page
    assert 'id="nudge-box">' in page
    supervision.mark_shown(by=student, session_id=running.pk, nudge_id=nudge.pk)
    page = words(signed_in(student).get(f"/sessions/{running.pk}/"))
    assert 'id="nudge-box" hidden>' in page
    assert page.count("Ask &lt;b&gt;more&lt;/b&gt;") == 1


def test_a_teacher_who_follows_has_nothing_to_write_with_and_is_written_down_once(
    running: Session, teacher: User, other_teacher: User
) -> None:
    add(running, "student", "Hello there")
    browser = signed_in(teacher)
    for _ in range(2):
        page = words(browser.get(f"/sessions/{running.pk}/"))
    assert "You are following Student." in page
    assert "Hello there" in page
    assert 'id="composer" hidden>' in page
    assert list(TranscriptReading.objects.values_list("how", flat=True)) == ["live"]
    assert signed_in(other_teacher).get(f"/sessions/{running.pk}/").status_code == 404
    TranscriptReading.objects.all().delete()
    assert "Hello there" in words(browser.get(f"/sessions/{running.pk}/?before=9", headers=HTMX))
    assert TranscriptReading.objects.count() == 1
    Session.objects.update(status="completed", ended_at=timezone.now())
    assert browser.get(f"/sessions/{running.pk}/")["Location"] == f"/sessions/{running.pk}/transcript/"


def test_a_nudge_can_be_sent_without_scripts_and_loses_nothing_typed(running: Session, teacher: User) -> None:
    browser = signed_in(teacher)
    path = f"/sessions/{running.pk}/nudge/"
    wrong = words(browser.post(path, {"text": "y" * 600}))
    assert "y" * 600 in wrong
    assert "500 characters; this one has 600" in wrong
    sent = browser.post(path, {"text": "ignored", "ready": "help", "back": "session"})
    assert sent["Location"] == f"/sessions/{running.pk}/"
    assert Nudge.objects.get().text == "Raise your hand if you would like help."


def test_ending_for_a_student_asks_first(running: Session, teacher: User) -> None:
    browser = signed_in(teacher)
    path = f"/sessions/{running.pk}/end-for/"
    assert "End the conversation of Student with Maria Delgado?" in words(browser.get(path))
    running.refresh_from_db()
    assert running.is_open
    assert browser.post(path)["Location"] == f"/sections/{running.section_id}/wall/"
    running.refresh_from_db()
    assert running.status == "completed"
    refused = browser.post(f"/sessions/{running.pk}/hold/", headers={"accept": "application/json"})
    assert (refused.status_code, refused.json()) == (409, {"text": "This conversation has ended."})


def test_unknown_nudges_are_nobodys(running: Session, student: User) -> None:
    before = running.revision
    supervision.mark_shown(by=student, session_id=running.pk, nudge_id=uuid.uuid4())
    running.refresh_from_db()
    assert running.revision == before
