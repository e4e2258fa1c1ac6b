"""Sessions: started once, paused, continued, ended, abandoned, given another model."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts.models import Enrolment, Section, User
from clients.models import ClientOpening, ClientProfile
from conftest import make_client
from conversations import sessions
from conversations.models import Message, NoticeAcceptance, Session, Turn
from conversations.models.notice import NOTICE_VERSION
from conversations.sessions import SessionRuleError
from conversations.tests.pages import add, begin, free_money

KEY = "sk-test"


def run_turn(session: Session) -> Turn:
    """A turn that is being answered somewhere."""
    message = add(session, "student", "Hello")
    return Turn.objects.create(session=session, message=message, reservation=free_money(session.student))


def test_a_start_without_the_notice_is_refused(student: User, client_profile: ClientProfile) -> None:
    with pytest.raises(SessionRuleError, match="notice"):
        sessions.start(by=student, client=client_profile)
    assert not Session.objects.exists()


def test_accepting_the_notice_twice_keeps_the_first_date(student: User) -> None:
    assert NoticeAcceptance.needed_by(student)
    sessions.accept_notice(by=student)
    first = NoticeAcceptance.objects.get().accepted_at
    sessions.accept_notice(by=student)
    assert NoticeAcceptance.objects.get().accepted_at == first
    assert not NoticeAcceptance.needed_by(student)


def test_a_client_not_open_to_a_student_cannot_be_started(other_student: User, client_profile: ClientProfile) -> None:
    with pytest.raises(SessionRuleError, match="cannot start"):
        begin(other_student, client_profile)


def test_a_students_session_belongs_to_the_section_that_the_client_is_opened_to(
    student: User, client_profile: ClientProfile, section: Section
) -> None:
    newer = Section.objects.create(name="Newer")
    Enrolment.objects.create(section=newer, student=student)
    session = begin(student, client_profile)
    assert (session.section, session.kind, session.voice, session.model) == (
        section,
        "practice",
        "scripted",
        "scripted",
    )


def test_practice_with_a_built_in_client_belongs_to_the_newest_section(student: User, section: Section) -> None:
    newer = Section.objects.create(name="Newer")
    Enrolment.objects.create(section=newer, student=student)
    assert begin(student, make_client(None)).section == newer


def test_a_student_without_a_section_can_practise_with_built_in_clients(other_student: User) -> None:
    assert begin(other_student, make_client(None)).section is None


def test_a_teachers_session_is_a_test(teacher: User, client_profile: ClientProfile) -> None:
    session = begin(teacher, client_profile)
    assert (session.kind, session.section) == ("test", None)


def test_with_a_key_the_clients_model_speaks(teacher: User, client_profile: ClientProfile, settings: Any) -> None:
    settings.ANTHROPIC_API_KEY = KEY
    session = begin(teacher, client_profile)
    assert (session.voice, session.model) == ("claude", settings.MODEL_DEFAULT)


def test_a_client_that_speaks_first_has_its_opening_line_as_the_first_message(teacher: User) -> None:
    client = make_client(teacher, opening_line="Hi. I was told to come.", client_speaks_first=True)
    session = begin(teacher, client)
    (message,) = session.messages.all()
    assert (message.sequence, message.role, message.content) == (1, "client", "Hi. I was told to come.")
    assert (session.last_sequence, message.token_count) == (1, 6)


def test_starting_again_gives_the_open_session_and_after_its_end_a_new_one(
    student: User, client_profile: ClientProfile
) -> None:
    first = begin(student, client_profile)
    assert begin(student, client_profile) == first
    sessions.pause(by=student, session=first)
    assert begin(student, client_profile) == first
    sessions.end(by=student, session=first)
    assert begin(student, client_profile) != first


def test_an_edit_of_the_client_does_not_change_a_running_session(student: User, client_profile: ClientProfile) -> None:
    session = begin(student, client_profile)
    client_profile.name = "Somebody else"
    client_profile.save()
    session.refresh_from_db()
    assert session.client_version is not None
    assert session.client_version.snapshot.name == "Maria Delgado"


def test_a_session_left_behind_in_another_section_does_not_bar_a_new_one(student: User, section: Section) -> None:
    client = make_client(None)
    old = begin(student, client)
    Enrolment.objects.get().delete()
    new = begin(student, client)
    old.refresh_from_db()
    assert old != new
    assert old.status == Session.Status.COMPLETED
    assert new.section is None


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_give_one_session(student: User, client_profile: ClientProfile) -> None:
    sessions.accept_notice(by=student)
    together = threading.Barrier(4)
    found: list[Any] = []

    def begin() -> None:
        try:
            together.wait(60)
            found.append(sessions.start(by=student, client=client_profile).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert Session.objects.count() == 1


def test_a_start_that_comes_second_gets_the_winners_session(
    student: User, client_profile: ClientProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = begin(student, client_profile)
    looks = iter([None, winner])
    monkeypatch.setattr(sessions, "open_session", lambda *_: next(looks))
    assert sessions.start(by=student, client=client_profile) == winner


def test_another_broken_constraint_is_not_mistaken_for_a_second_start(
    student: User, client_profile: ClientProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(student, client_profile)
    monkeypatch.setattr(sessions, "open_session", lambda *_: None)
    with pytest.raises(IntegrityError):
        sessions.start(by=student, client=client_profile)


def test_a_pause_and_its_end_move_the_revision(student: User, client_profile: ClientProfile) -> None:
    session = begin(student, client_profile)
    sessions.pause(by=student, session=session)
    session.refresh_from_db()
    assert (session.status, session.revision, session.is_open) == ("paused", 1, True)
    sessions.resume(by=student, session=session)
    session.refresh_from_db()
    assert (session.status, session.revision) == ("active", 2)


def test_an_ended_session_is_not_paused_or_continued(student: User, client_profile: ClientProfile) -> None:
    session = begin(student, client_profile)
    sessions.end(by=student, session=session)
    for verb in (sessions.pause, sessions.resume):
        with pytest.raises(SessionRuleError, match="ended"):
            verb(by=student, session=session)


def test_only_who_holds_the_conversation_can_change_it(
    student: User, teacher: User, client_profile: ClientProfile
) -> None:
    session = begin(student, client_profile)
    for verb in (sessions.pause, sessions.resume, sessions.end):
        with pytest.raises(SessionRuleError, match="Only the person"):
            verb(by=teacher, session=session)
    with pytest.raises(SessionRuleError, match="Only the person"):
        sessions.change_model(by=teacher, session=session, model="claude-haiku-5-5")


def test_ending_stops_the_running_reply_and_ending_twice_changes_nothing(
    student: User, client_profile: ClientProfile
) -> None:
    session = begin(student, client_profile)
    turn = run_turn(session)
    sessions.end(by=student, session=session)
    session.refresh_from_db()
    turn.refresh_from_db()
    ended = session.ended_at
    assert (session.status, session.revision) == ("completed", 1)
    assert turn.stop_requested_at is not None
    sessions.end(by=student, session=session)
    session.refresh_from_db()
    assert (session.ended_at, session.revision) == (ended, 1)


def test_idle_sessions_are_closed_and_living_ones_are_not(
    student: User, teacher: User, client_profile: ClientProfile, settings: Any
) -> None:
    idle, answering, fresh = (begin(by, client_profile) for by in (student, teacher, make_admin()))
    run_turn(answering)
    long_ago = timezone.now() - dt.timedelta(minutes=settings.SESSION_IDLE_MINUTES + 1)
    Session.objects.filter(pk__in=[idle.pk, answering.pk]).update(last_activity_at=long_ago)
    assert sessions.abandon_idle() == 1
    idle.refresh_from_db()
    assert (idle.status, idle.ended_at is not None, idle.revision) == ("abandoned", True, 1)
    assert set(Session.objects.open()) == {answering, fresh}


def make_admin() -> User:
    """An admin, who sees every client."""
    return User.objects.create_superuser("boss@example.com", "secret-word-1", display_name="Boss")


def test_a_session_that_came_back_to_life_is_not_abandoned(student: User, client_profile: ClientProfile) -> None:
    session = begin(student, client_profile)
    assert sessions._abandon(session.pk, timezone.now() - dt.timedelta(hours=1)) is False
    session.refresh_from_db()
    assert session.is_open


def test_a_teacher_lets_another_model_speak(teacher: User, client_profile: ClientProfile, settings: Any) -> None:
    settings.ANTHROPIC_API_KEY = KEY
    session = begin(teacher, client_profile)
    sessions.change_model(by=teacher, session=session, model="claude-sonnet-5-5")
    session.refresh_from_db()
    assert session.model == "claude-sonnet-5-5"
    with pytest.raises(SessionRuleError, match="not offered"):
        sessions.change_model(by=teacher, session=session, model="gpt-1")


def test_the_model_of_practice_and_of_scripted_and_ended_tests_stays(
    student: User, teacher: User, client_profile: ClientProfile, settings: Any
) -> None:
    scripted = begin(teacher, client_profile)
    settings.ANTHROPIC_API_KEY = KEY
    practice = begin(student, client_profile)
    ended = begin(make_admin(), client_profile)
    sessions.end(by=ended.student, session=ended)
    for session in (scripted, practice, ended):
        with pytest.raises(SessionRuleError, match="cannot be changed"):
            sessions.change_model(by=session.student, session=session, model="claude-haiku-5-5")


def test_a_closed_opening_is_no_way_in(student: User, client_profile: ClientProfile) -> None:
    ClientOpening.objects.update(closed_at=timezone.now())
    with pytest.raises(SessionRuleError):
        begin(student, client_profile)


def test_who_sees_which_session(
    student: User,
    other_student: User,
    teacher: User,
    other_teacher: User,
    operator: User,
    client_profile: ClientProfile,
) -> None:
    practice, test = begin(student, client_profile), begin(teacher, client_profile)
    everyone = (student, other_student, teacher, other_teacher, operator)
    seen = {user.email: set(Session.objects.visible_to(user)) for user in everyone}
    assert seen == {
        "student@example.com": {practice},
        "other-student@example.com": set(),
        "teacher@example.com": {practice, test},
        "other-teacher@example.com": set(),
        "operator@example.com": {practice, test},
    }


def test_a_session_says_what_it_used_and_how_long_it_took(student: User, client_profile: ClientProfile) -> None:
    session = begin(student, client_profile)
    session.input_tokens, session.output_tokens = 30, 12
    session.last_activity_at = session.started_at + dt.timedelta(minutes=3)
    assert (session.total_tokens, session.duration) == (42, dt.timedelta(minutes=3))
    session.ended_at = session.started_at + dt.timedelta(minutes=5)
    # It ended by itself two minutes after the last word.
    assert session.duration == dt.timedelta(minutes=3)
    assert session.socket_path == f"/ws/sessions/{session.pk}/"
    assert str(session) == "Student · Maria Delgado"
    assert str(Message(sequence=3, role="client")) == "3 client"
    assert str(run_turn(session)).startswith("accepted ")
    assert str(NoticeAcceptance(user=student)) == f"Student {NOTICE_VERSION}"
