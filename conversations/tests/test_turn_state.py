"""Where the client stands is kept with each turn, and a client who has had enough ends the talk."""

import uuid

import pytest

from accounts.models import Section, User
from clients.models import ClientProfile
from clients.record import TurnRecord
from clients.state import advance, answered, start
from conversations import assignments, sessions
from conversations.live.database import in_database
from conversations.models import Attempt, Message, Session, Turn
from conversations.tests.assigned import begin_work, set_work
from conversations.tests.conftest import OpenChat
from conversations.turns.accept import Accepted, TurnRefusedError, accept
from conversations.turns.finish import Finished, Outcome, finish
from monitoring.pricing import Usage

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]


def say(student: User, talk: Session, text: str) -> Accepted:
    return accept(by=student, session_id=talk.pk, client_key=uuid.uuid4(), text=text, owner=uuid.uuid4())


def reply(accepted: Accepted, status: Turn.Status = Turn.Status.COMPLETE) -> Finished:
    finished = finish(accepted.turn.pk, accepted.turn.fence, Outcome(status, "I am leaving.", Usage()))
    assert finished
    return finished


def will_leave(accepted: Accepted) -> None:
    Turn.objects.filter(pk=accepted.turn.pk).update(state=accepted.turn.state | {"outcome": "walks_out"})


async def test_what_a_message_did_and_where_the_client_stands_is_kept_with_its_turn(
    open_chat: OpenChat, student: User, talk: Session
) -> None:
    chat = await open_chat(student, talk)
    for text in ("It sounds like the rent weighs on you.", "You only have yourself to blame."):
        await chat.say(text)
        await chat.until("done")
    version = await in_database(lambda: Session.objects.get(pk=talk.pk).client_version)
    assert version
    snapshot = version.snapshot
    now, expected = start(snapshot), []
    async for message in Message.objects.filter(session=talk).order_by("sequence"):
        if message.role == Message.Role.CLIENT:
            now = answered(now, snapshot, message.content)
            continue
        after = advance(now, snapshot, message.content)
        expected.append(TurnRecord.of(now, after))
        now = after
    kept = [TurnRecord.from_json(turn.state) async for turn in Turn.objects.order_by("accepted_at")]
    assert kept == expected
    assert kept[0].change > 0 > kept[1].change
    assert kept[1].ruptured


def test_a_client_who_walks_out_ends_the_talk_with_their_last_words(student: User, talk: Session) -> None:
    accepted = say(student, talk, "You only have yourself to blame.")
    will_leave(accepted)
    finished = reply(accepted)
    assert finished.walked_out
    talk.refresh_from_db()
    assert (talk.status, talk.outcome, talk.ended_at) == ("completed", "walks_out", finished.reply.created_at)
    with pytest.raises(TurnRefusedError) as refused:
        say(student, talk, "Wait!")
    assert refused.value.code == "session_ended"


def test_a_client_whose_last_words_did_not_come_has_not_left_yet(student: User, talk: Session) -> None:
    accepted = say(student, talk, "You only have yourself to blame.")
    will_leave(accepted)
    assert not reply(accepted, Turn.Status.INTERRUPTED).walked_out
    talk.refresh_from_db()
    assert (talk.status, talk.outcome) == ("active", "")


def test_who_ends_a_talk_keeps_how_the_client_stood(student: User, talk: Session) -> None:
    reply(say(student, talk, "It sounds like the rent weighs on you."))
    sessions.end(by=student, session=talk)
    talk.refresh_from_db()
    assert talk.outcome == Session.Outcome.AMBIVALENT


def test_a_talk_in_which_nothing_was_said_has_no_outcome(student: User, talk: Session) -> None:
    sessions.end(by=student, session=talk)
    talk.refresh_from_db()
    assert talk.outcome == ""


def test_an_attempt_that_the_client_walked_out_of_is_not_reopened(
    student: User, teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile)
    attempt: Attempt = begin_work(student, work).attempt
    accepted = say(student, attempt.session, "You only have yourself to blame.")
    will_leave(accepted)
    reply(accepted)
    with pytest.raises(assignments.NotReadyError, match="walked out"):
        assignments.reopen_attempt(by=teacher, attempt=attempt)
