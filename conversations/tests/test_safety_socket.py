"""What open pages are told when a student writes of their own distress."""

import uuid
from typing import Any

import pytest

from accounts.models import User
from conversations.live.database import in_database
from conversations.models import SafetyAlert, Session
from conversations.tests.conftest import OpenChat

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]

DISTRESS, DANGER = "I hate myself so much.", "I want to kill myself."


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


async def test_the_sender_gets_the_answer_and_no_reply_and_again_for_the_same_send(
    open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk)
    key = uuid.uuid4()
    await chat.say(DISTRESS, key)
    first = await chat.until("message")
    assert kinds(first) == ["accepted", "message"]
    assert (first[0]["status"], first[0]["sequence"]) == ("aside", 1)
    assert (first[1]["role"], first[1]["sequence"]) == ("system", 2)
    assert await chat.quiet(0.3)
    await chat.say(DISTRESS, key)
    assert await chat.until("message") == first
    assert await SafetyAlert.objects.acount() == 1
    await chat.say("How are you?")
    assert (await chat.until("done"))[-1]["sequence"] == 4


async def test_others_who_look_get_both_messages_and_all_learn_that_it_rests(
    open_chat: OpenChat, student: User, teacher: User, section: Any, talk: Session
) -> None:
    chat = await open_chat(student, talk, resume=True)
    follower = await open_chat(teacher, talk, resume=True)
    await follower.quiet(0.1)
    await chat.say(DANGER)
    own = await chat.until("session")
    assert kinds(own) == ["accepted", "message", "session"]
    assert own[-1]["status"] == "paused"
    assert "paused_by" not in own[-1]
    seen = await follower.until("session")
    assert [(frame["role"], frame["status"]) for frame in seen[:-1]] == [("student", "aside"), ("system", "complete")]


async def test_a_page_that_comes_back_gets_it_like_all_that_was_said(
    open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk)
    await chat.say(DISTRESS)
    await chat.until("message")
    later = await open_chat(student, await in_database(Session.objects.get, pk=talk.pk), resume=True)
    said, answer = await later.frame(), await later.frame()
    assert (said["text"], said["status"]) == (DISTRESS, "aside")
    assert (answer["role"], answer["sequence"]) == ("system", 2)
    assert await later.quiet(0.2)
