"""Feedback while they talk: who is told what each message did, when, and that nobody else pays for it."""

import uuid
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import translation

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import consumers, sessions
from conversations.live import watch
from conversations.live.database import in_database
from conversations.models import Session
from conversations.protocol import session_changed
from conversations.tests.assigned import begin_work, set_work
from conversations.tests.conftest import OpenChat
from conversations.tests.pages import signed_in, words
from conversations.tips import tips_of
from conversations.turns.accept import accept
from conversations.turns.finish import Outcome, finish
from monitoring.pricing import Usage

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]

SAID = "It sounds like the rent weighs on you."


@pytest.fixture
def attempt(
    transactional_db: None, teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> Session:
    """An attempt at practice whose feedback is shown while they talk."""
    return begin_work(student, set_work(teacher, section, client_profile, feedback="live"))


def feedback(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame for frame in frames if frame.get("kind") == "feedback"]


@transaction.atomic
def elsewhere(student: User, attempt: Session) -> uuid.UUID:
    """Say it and have it answered by another process, before an engine misses that one; the message's key."""
    accepted = accept(by=student, session_id=attempt.pk, client_key=uuid.uuid4(), text=SAID, owner=uuid.uuid4())
    finish(accepted.turn.pk, accepted.turn.fence, Outcome("complete", "It does.", Usage()))  # type: ignore[arg-type]
    return accepted.message.pk


async def test_after_each_reply_the_student_is_told_what_their_message_did_and_nobody_else(
    open_chat: OpenChat, student: User, teacher: User, attempt: Session
) -> None:
    chat = await open_chat(student, attempt)
    other = await open_chat(student, attempt, resume=True)
    watching = await open_chat(teacher, attempt, resume=True)
    await chat.say(SAID)
    frames = await chat.until("done")
    told = await chat.frame()
    assert (told["type"], told["kind"], told["message"]) == ("notice", "feedback", frames[0]["id"])
    assert told["text"]
    assert feedback(await other.until("notice")) == [told]
    assert not feedback(await watching.until("done"))
    assert await watching.quiet()
    assert await chat.quiet(), "once each"


async def test_who_comes_back_finds_it_beside_what_they_said(
    open_chat: OpenChat, student: User, teacher: User, attempt: Session
) -> None:
    chat = await open_chat(student, attempt)
    await chat.say(SAID)
    told = (await chat.until("notice"))[-1]
    again = await open_chat(student, attempt, resume=True)
    said, replied = await again.frame(), await again.frame()
    assert (said["id"], said["feedback"]) == (told["message"], told["text"])
    assert "feedback" not in replied
    assert await again.quiet()
    watching = await open_chat(teacher, attempt, resume=True)
    assert "feedback" not in await watching.frame()
    own, theirs = [await in_database(read, user, attempt) for user in (student, teacher)]
    assert f'<p class="message-tip" dir="auto">{told["text"]}</p>' in own
    assert 'id="tips-button"' in own
    assert told["text"] not in theirs


def read(user: User, attempt: Session) -> str:
    return words(signed_in(user).get(reverse("session", args=[attempt.pk])))


async def test_a_reply_of_another_process_brings_its_feedback_too(
    open_chat: OpenChat, student: User, attempt: Session
) -> None:
    chat = await open_chat(student, attempt, resume=True)
    message = await in_database(elsewhere, student, attempt)
    (told,) = feedback(await chat.until("notice"))
    assert told["message"] == str(message)
    assert await chat.quiet()


async def test_it_is_said_in_the_readers_language(open_chat: OpenChat, student: User, attempt: Session) -> None:
    student.language = "es"
    await student.asave()
    chat = await open_chat(student, attempt)
    await chat.say(SAID)
    here = (await chat.until("notice"))[-1]["text"]
    said = await attempt.messages.aget(role="student")
    tip = (await in_database(tips_of, attempt.pk, [said.pk]))[said.pk]
    with translation.override("es"):
        assert tip.words == here


@pytest.mark.parametrize("way", ["end", "release", ""])
async def test_elsewhere_nothing_is_told_and_nothing_more_is_asked_of_the_database(
    way: str, open_chat: OpenChat, teacher: User, student: User, section: Section, client_profile: ClientProfile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def begin() -> Session:
        if way:
            return begin_work(student, set_work(teacher, section, client_profile, feedback=way))
        sessions.accept_notice(by=student)
        return sessions.start(by=student, client=client_profile)

    def never(*_anything: object) -> None:
        raise AssertionError("asked for tips")

    for module in (consumers, watch):
        monkeypatch.setattr(module, "tips_of", never)
    talk = await in_database(begin)
    chat = await open_chat(student, talk, resume=True)
    await chat.say(SAID)
    assert not feedback(await chat.until("done"))
    assert await chat.quiet()
    again = await open_chat(student, talk, resume=True)
    assert "feedback" not in await again.frame()


def test_that_the_client_has_walked_out_comes_with_the_end(attempt: Session) -> None:
    assert "outcome" not in session_changed(attempt)
    attempt.outcome = Session.Outcome.WALKS_OUT
    assert '"outcome":"walks_out"' in session_changed(attempt)
