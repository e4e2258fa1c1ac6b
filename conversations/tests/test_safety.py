"""What a student says of their own distress reaches people who can help, and never the client."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import Notification, NotificationChoice, School, Section, SectionTeacher, User
from accounts.services.notification_mail import mail_waiting
from clients.models import ClientProfile
from conversations import safety, sessions
from conversations.models import Message, SafetyAlert, Session, Turn
from conversations.tests.distress import DANGER, DISTRESS, STRAIN, alert_of, say, told
from conversations.tests.pages import at_once, begin, signed_in, words
from conversations.turns.accept import TurnRefusedError, accept
from monitoring import audit
from monitoring.models import LedgerEntry, RateLimit, Reservation

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """The student's conversation."""
    return begin(student, client_profile)


@pytest.mark.parametrize(("text", "tier"), [(STRAIN, 1), (DISTRESS, 2), (DANGER, 3)])
def test_it_is_kept_and_answered_without_a_turn_money_or_the_client(talk: Session, text: str, tier: int) -> None:
    aside = say(talk, text)
    said, answer = talk.messages.order_by("sequence")
    assert (said.content, said.status, said.role) == (text, "aside", "student")
    assert (answer.role, answer.sequence) == ("system", 2)
    assert "Maria Delgado did not hear it" in answer.content
    assert "say it in other words" in answer.content
    assert not any(model.objects.exists() for model in (Turn, Reservation, LedgerEntry))
    assert not [row for row in talk.messages.spoken() if row.role == Message.Role.STUDENT]
    alert = SafetyAlert.objects.get()
    assert (alert.message, alert.tier, alert.session) == (said, tier, talk)
    talk.refresh_from_db()
    assert (talk.last_sequence, talk.exchanges, talk.revision) == (2, 0, aside.revision)
    assert (talk.status, talk.paused_by) == ("paused" if tier == 3 else "active", None)


def test_what_they_say_next_reaches_the_client_without_it(talk: Session) -> None:
    say(talk, DISTRESS)
    answered = accept(
        by=talk.student, session_id=talk.pk, client_key=uuid.uuid4(), text="How are you?", owner=uuid.uuid4()
    )
    assert answered.claimed
    assert [line.text for line in answered.claimed.request.history] == ["How are you?"]


def test_after_danger_it_rests_until_the_student_goes_on(talk: Session) -> None:
    say(talk, DANGER)
    with pytest.raises(TurnRefusedError) as refused:
        accept(by=talk.student, session_id=talk.pk, client_key=uuid.uuid4(), text="Hello", owner=uuid.uuid4())
    assert refused.value.code == "session_paused"
    sessions.resume(by=talk.student, session=talk)
    accept(by=talk.student, session_id=talk.pk, client_key=uuid.uuid4(), text="Hello", owner=uuid.uuid4())


def test_sent_again_it_is_there_once_with_one_alert(talk: Session) -> None:
    key = uuid.uuid4()
    first, again = say(talk, DISTRESS, key), say(talk, DISTRESS, key)
    assert (again.message, again.answer, again.is_new) == (first.message, first.answer, False)
    assert talk.messages.count() == 2
    assert SafetyAlert.objects.count() == 1
    with pytest.raises(TurnRefusedError) as refused:
        accept(by=talk.student, session_id=talk.pk, client_key=key, text="Hello", owner=uuid.uuid4())
    assert refused.value.code == "duplicate_conflict"


def test_it_counts_as_a_message_of_theirs_and_not_against_a_full_site(talk: Session) -> None:
    RateLimit.objects.filter(name=RateLimit.Name.MESSAGES_PER_PERSON).update(count=2)
    RateLimit.objects.filter(name=RateLimit.Name.MESSAGES_OF_SITE).update(count=0)
    for _number in range(2):
        say(talk, DISTRESS)
    with pytest.raises(TurnRefusedError) as refused:
        accept(by=talk.student, session_id=talk.pk, client_key=uuid.uuid4(), text=DISTRESS, owner=uuid.uuid4())
    assert refused.value.code == "rate_limited"
    assert SafetyAlert.objects.count() == 2


def test_a_teachers_test_shows_the_same_and_tells_nobody(
    teacher: User, operator: User, client_profile: ClientProfile
) -> None:
    aside = say(begin(teacher, client_profile), DANGER)
    assert "This is your test, so nobody is told." in aside.answer.content
    assert not SafetyAlert.objects.exists()
    assert not Notification.objects.exists()


def test_the_student_reads_their_schools_words_and_whom_to_turn_to(talk: Session, school: School) -> None:
    school.help_text, school.help_contacts = "Come to us.", "Counselling: 555 0100\n\n Night line: 555 0199 \n"
    school.save()
    assert "Come to us.\n\nCounselling: 555 0100\nNight line: 555 0199" in say(talk, STRAIN).answer.content


def test_in_danger_they_read_first_whom_to_turn_to(talk: Session, school: School) -> None:
    school.support_contact = "help@school.example"
    school.save()
    answer = say(talk, DANGER).answer.content
    assert answer.startswith("Call your local emergency number now, or go to somebody who can stay with you.\nSupp")
    assert "Your teachers and the people who run this portal are told now" in answer
    school.help_contacts = "Counselling: 555 0100"
    school.save()
    sessions.resume(by=talk.student, session=talk)
    assert say(talk, DANGER).answer.content.startswith("Turn to somebody now:\nCounselling: 555 0100\n\n")


def test_the_auditor_notices_an_alert_or_an_answer_that_is_missing(talk: Session) -> None:
    def breaches() -> list[str]:
        return list(dict(audit.run())["acknowledged messages"].breaches)

    aside = say(talk, DISTRESS)
    assert not breaches()
    SafetyAlert.objects.all().delete()
    assert len(breaches()) == 1
    SafetyAlert.objects.create(session=talk, message=aside.message, tier=2)
    Message.objects.filter(pk=aside.answer.pk).update(role=Message.Role.CLIENT)
    assert len(breaches()) == 1


# --- Who is told ------------------------------------------------------------------------------------------------------


def test_all_teachers_of_the_section_are_told_at_once_and_in_danger_the_admins_too(
    talk: Session, teacher: User, colleague: User, other_teacher: User, operator: User
) -> None:
    say(talk, DISTRESS)
    assert told() == {teacher.email, colleague.email}
    say(talk, DANGER)
    assert told() == {teacher.email, colleague.email, operator.email}


def test_where_nobody_teaches_the_student_the_admins_are_told_at_once(
    talk: Session, operator: User, section: Section
) -> None:
    SectionTeacher.objects.all().delete()
    aside = say(talk, STRAIN)
    assert told() == {operator.email}
    assert "The people who run this portal are told" in aside.answer.content


def test_the_mail_names_the_student_and_never_what_they_said_and_cannot_be_switched_off(
    talk: Session, teacher: User, settings: Any
) -> None:
    settings.MAIL_CONFIGURED = True
    NotificationChoice.objects.create(user=teacher, kind="safety", in_portal=False, by_mail=False)
    say(talk, DISTRESS)
    assert mail_waiting() == 1
    text = f"{mail.outbox[0].subject} {mail.outbox[0].body}"
    assert "Student" in text
    assert "hate" not in text
    page = words(signed_in(teacher).get("/notifications/settings/"))
    assert "This cannot be switched off." in page
    assert "safety-mail" not in page


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (STRAIN, dt.timedelta(hours=24)),
        (DISTRESS, dt.timedelta(hours=4)),
        (DANGER, dt.timedelta(minutes=15)),
    ],
)
def test_what_nobody_acknowledges_is_passed_on_to_the_admins_once(
    talk: Session, operator: User, text: str, wait: dt.timedelta
) -> None:
    alert = alert_of(talk, text, wait - dt.timedelta(minutes=1))
    assert safety.pass_on() == 0
    SafetyAlert.objects.update(raised_at=timezone.now() - wait)
    assert safety.pass_on() == 1
    assert safety.pass_on() == 0
    assert told("passed-on") == {operator.email}
    alert.refresh_from_db()
    assert alert.escalated_at


def test_what_somebody_has_acknowledged_is_not_passed_on(talk: Session, teacher: User) -> None:
    safety.acknowledge(by=teacher, alert=alert_of(talk, DANGER, dt.timedelta(hours=1)))
    assert safety.pass_on() == 0


@pytest.mark.servers
@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
def test_of_several_who_acknowledge_at_once_one_is_first_and_the_others_hear_so(talk: Session, teacher: User) -> None:
    alert = alert_of(talk)
    outcomes = at_once(lambda: safety.acknowledge(by=teacher, alert=alert), 4)
    assert outcomes == ["SafetyAlert", *["SafetyRuleError"] * 3]


@pytest.mark.servers
@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("audited")
def test_the_same_words_twenty_times_at_once_are_there_once_with_one_alert(talk: Session) -> None:
    key, owner = uuid.uuid4(), uuid.uuid4()
    outcomes = at_once(
        lambda: accept(by=talk.student, session_id=talk.pk, client_key=key, text=DANGER, owner=owner), 20
    )
    assert outcomes == ["SetAsideError"] * 20
    assert (talk.messages.count(), SafetyAlert.objects.count()) == (2, 1)
