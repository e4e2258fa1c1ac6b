"""The auditor finds every damage to a conversation, and nothing in one that went as promised."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from clients.models import ClientProfile
from conversations import sessions
from conversations.models import Message, Session, Turn
from conversations.turns.accept import accept, retry
from conversations.turns.finish import Outcome, finish
from monitoring import audit, heartbeats
from monitoring.models import Heartbeat, LedgerEntry, Reservation
from monitoring.pricing import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def found(*, at_rest: bool = False) -> set[str]:
    """The names of the checks that found a breach."""
    return {name for name, finding in audit.run(at_rest=at_rest) if finding.breaches}


@dataclass
class Talk:
    """A conversation with Claude: an opening line, a reply, and one that was stopped and tried again."""

    student: User
    session: Session

    def say(self, owner: uuid.UUID | None = None) -> Turn:
        """A turn of that process (of one that just died, by default), not answered yet."""
        key, owner = uuid.uuid4(), owner or uuid.uuid4()
        return accept(by=self.student, session_id=self.session.pk, client_key=key, text="Hello", owner=owner).turn

    def answer(self, turn: Turn, status: Turn.Status = Turn.Status.COMPLETE) -> Message:
        outcome = Outcome(status, "Good morning.", Usage(input=900, output=50, cache_read=90))
        finished = finish(turn.pk, turn.fence, outcome)
        assert finished
        return finished.reply

    @property
    def reply(self) -> Message:
        """The last reply."""
        return Message.objects.filter(reply_to__isnull=False).latest("sequence")

    @property
    def question(self) -> Message:
        """The last message of the student."""
        return Message.objects.filter(role="student").latest("sequence")

    @property
    def reply_turn(self) -> Turn:
        """The turn of the last reply."""
        return Turn.objects.get(reply_id=self.reply.pk)

    def counted(self, count: int) -> None:
        Session.objects.filter(pk=self.session.pk).update(last_sequence=count)


@pytest.fixture
def talk(student: User, client_profile: ClientProfile, prices: None) -> Talk:
    client_profile.client_speaks_first, client_profile.opening_line = True, "Is this the advice centre?"
    client_profile.save()
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client_profile)
    Session.objects.filter(pk=session.pk).update(voice="claude", model="claude-haiku-5-5")
    talk = Talk(student, session)
    talk.answer(talk.say())
    stopped = talk.answer(talk.say(), Turn.Status.STOPPED)
    talk.answer(retry(by=student, session_id=session.pk, reply_id=stopped.pk, owner=uuid.uuid4()).turn)
    return talk


def test_a_conversation_that_went_as_promised_audits_clean(talk: Talk) -> None:
    assert found(at_rest=True) == set()
    looked_at = {name: finding.checked for name, finding in audit.run()}
    expected = {
        "acknowledged messages": 2,
        "numbers of messages": 1,
        "replies of turns": 3,
        "turns of replies": 3,
        "session figures": 1,
        "reply figures": 3,
        "messages without a bill": 3,
        "retries": 1,
        "settlements": 3,
        "costs": 3,
    }
    assert looked_at.items() >= expected.items()
    assert Session.objects.get().cost_microusd > 0


def test_a_turn_that_a_living_process_runs_is_in_order_but_not_at_rest(talk: Talk) -> None:
    process = uuid.uuid4()
    turn = talk.say(process)
    assert found() == set()
    heartbeats.beat(process, Heartbeat.Kind.WEB)
    long_ago = timezone.now() - dt.timedelta(hours=1)
    Turn.objects.filter(pk=turn.pk).update(accepted_at=long_ago)
    Reservation.objects.filter(state="held").update(created_at=long_ago)
    assert found() == set()
    assert found(at_rest=True) == {"running turns", "nothing held"}


def test_figures_of_entries_that_do_not_name_their_reply_are_found_by_their_turn(talk: Talk) -> None:
    LedgerEntry.objects.update(message_uuid=None)
    assert found() == set()
    Message.objects.filter(pk=talk.reply.pk).update(token_count=1)
    assert found() == {"reply figures"}


def test_a_reply_that_took_two_attempts_has_the_sum_of_both(talk: Talk) -> None:
    second_settlement(talk)
    assert found() == {"session figures", "reply figures"}
    cost = talk.reply.cost_microusd
    Message.objects.filter(pk=talk.reply.pk).update(token_count=100, input_tokens=1_980, cost_microusd=2 * cost)
    Session.objects.update(output_tokens=200, input_tokens=3_960, cost_microusd=4 * cost)
    assert found() == set()


def lose_a_reply(talk: Talk) -> None:
    talk.reply.delete()
    talk.counted(5)


def lose_what_was_said(talk: Talk) -> None:
    Message.objects.filter(pk=talk.question.pk).update(content="")


def take_a_message_without_a_turn(talk: Talk) -> None:
    fields = {"role": "student", "content": "Lost", "client_key": uuid.uuid4()}
    Message.objects.create(session=talk.session, sequence=7, **fields)
    talk.counted(7)


def take_the_client_for_a_student(talk: Talk) -> None:
    Message.objects.filter(pk=talk.question.pk).update(role="client")


def keep_a_message_twice(talk: Talk) -> None:
    talk.answer(talk.say())
    drop("one_message_per_send")
    key = Message.objects.filter(role="student").earliest("sequence").client_key
    Message.objects.filter(pk=talk.question.pk).update(client_key=key)


def leave_a_hole(talk: Talk) -> None:
    Message.objects.filter(pk=talk.reply.pk).update(sequence=7)
    talk.counted(7)


def miscount_the_messages(talk: Talk) -> None:
    talk.counted(7)


def end_otherwise_than_the_reply(talk: Talk) -> None:
    Turn.objects.filter(reply_id=talk.reply.pk).update(status="truncated")


def answer_another_message(talk: Talk) -> None:
    first = Message.objects.filter(role="student").earliest("sequence")
    Message.objects.filter(pk=talk.reply.pk).update(reply_to=first)


def never_say_when_it_ended(talk: Talk) -> None:
    Turn.objects.filter(reply_id=talk.reply.pk).update(finished_at=None)


def let_an_answered_turn_run_on(talk: Talk) -> None:
    Turn.objects.filter(reply_id=talk.reply.pk).update(status="streaming")


def answer_out_of_nowhere(talk: Talk) -> None:
    fields = {"role": "client", "content": "Boo", "reply_to": talk.question}
    Message.objects.create(session=talk.session, sequence=7, **fields)
    talk.counted(7)


def die(talk: Talk) -> None:
    process = uuid.uuid4()
    heartbeats.beat(process, Heartbeat.Kind.WEB)
    turn = talk.say(process)
    minute_ago = timezone.now() - dt.timedelta(minutes=1)
    Turn.objects.filter(pk=turn.pk).update(accepted_at=minute_ago)
    Heartbeat.objects.update(beat_at=minute_ago)


def never_take_a_turn(talk: Talk) -> None:
    turn = talk.say()
    Turn.objects.filter(pk=turn.pk).update(owner=None, accepted_at=timezone.now() - dt.timedelta(minutes=1))


def run_two_turns_at_once(talk: Talk) -> None:
    turn = talk.say()
    drop("one_running_turn_per_session")
    second = Reservation.objects.get(pk=turn.reservation_id)
    second.pk = uuid.uuid4()
    second.save(force_insert=True)
    Turn.objects.create(session=talk.session, message=turn.message, reservation=second)


def miscount_the_session(talk: Talk) -> None:
    Session.objects.update(input_tokens=7)


def charge_the_session_less(talk: Talk) -> None:
    Session.objects.update(cost_microusd=0)


def miscount_a_reply(talk: Talk) -> None:
    Message.objects.filter(pk=talk.reply.pk).update(input_tokens=7)


def charge_a_reply_more(talk: Talk) -> None:
    Message.objects.filter(pk=talk.reply.pk).update(cost_microusd=10**6)


def charge_for_the_opening_line(talk: Talk) -> None:
    Message.objects.filter(sequence=1).update(cost_microusd=1)


def supersede_without_a_new_attempt(talk: Talk) -> None:
    Message.objects.filter(pk=talk.reply.pk).update(status="superseded")


def try_again_and_keep_the_old(talk: Talk) -> None:
    Message.objects.filter(status="superseded").update(status="stopped")


def second_settlement(talk: Talk) -> None:
    """A second bill for the last reply, as a send that was billed twice would leave it."""
    entries = LedgerEntry.objects.filter(reservation=talk.reply_turn.reservation)
    entries.update(message_uuid=talk.reply.pk)
    entry = entries.get()
    reservation = Reservation.objects.get(pk=entry.reservation_id)
    reservation.pk = uuid.uuid4()
    reservation.save(force_insert=True)
    entry.pk, entry.reservation, entry.message_uuid = uuid.uuid4(), reservation, talk.reply.pk
    entry.save(force_insert=True)


def drop(constraint: str) -> None:
    """Take away the index that would refuse the damage; the test's rollback brings it back."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {constraint}")


DAMAGES: dict[Callable[[Talk], None], set[str]] = {
    lose_a_reply: {"replies of turns"},
    lose_what_was_said: {"acknowledged messages"},
    take_a_message_without_a_turn: {"acknowledged messages"},
    take_the_client_for_a_student: {"acknowledged messages"},
    keep_a_message_twice: {"acknowledged messages"},
    leave_a_hole: {"numbers of messages"},
    miscount_the_messages: {"numbers of messages"},
    end_otherwise_than_the_reply: {"replies of turns"},
    answer_another_message: {"replies of turns"},
    never_say_when_it_ended: {"replies of turns"},
    let_an_answered_turn_run_on: {"replies of turns"},
    answer_out_of_nowhere: {"turns of replies"},
    die: {"owners of turns"},
    never_take_a_turn: {"owners of turns"},
    run_two_turns_at_once: {"one turn at a time"},
    miscount_the_session: {"session figures"},
    charge_the_session_less: {"session figures"},
    miscount_a_reply: {"reply figures"},
    charge_a_reply_more: {"reply figures"},
    charge_for_the_opening_line: {"messages without a bill"},
    supersede_without_a_new_attempt: {"retries"},
    try_again_and_keep_the_old: {"retries"},
    second_settlement: {"session figures", "reply figures"},
}


@pytest.mark.parametrize(("damage", "checks"), DAMAGES.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_each_damage_is_found_by_its_check_and_by_no_other(
    talk: Talk, damage: Callable[[Talk], None], checks: set[str]
) -> None:
    damage(talk)
    assert found() == checks
