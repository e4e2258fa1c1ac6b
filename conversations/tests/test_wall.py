"""What a teacher may rely on who looks at the wall of a class."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Enrolment, Section, User
from clients.models import ClientProfile
from conftest import make_user
from conversations import sessions, supervision
from conversations.models import Assignment, Session, Turn
from conversations.tests.pages import add, begin, free_money, signed_in, words
from conversations.wall import IDLE_AFTER, LOOKS_BACK, STUCK_AFTER, Sight, State, look, mark_of, state_of

NOW = dt.datetime(2026, 3, 3, 12, 0, tzinfo=dt.UTC)
TICK = dt.timedelta(seconds=1)


def state(quiet: dt.timedelta = TICK, **facts: Any) -> State:
    known = {"status": "active", "held": False, "answering": False, "unanswered": False, **facts}
    return state_of(NOW, active_at=NOW - quiet, **known)


# --- How a conversation stands ---------------------------------------------------------------------------------------


def test_the_state_says_who_needs_somebody() -> None:
    assert state() == State.TALKING
    assert state(answering=True) == State.WAITING
    assert state(STUCK_AFTER - TICK) == State.TALKING
    assert state(STUCK_AFTER) == State.STUCK
    assert state(STUCK_AFTER, answering=True) == State.STUCK
    assert state(unanswered=True) == State.STUCK
    assert state(unanswered=True, answering=True) == State.WAITING  # it is being tried again
    assert state(IDLE_AFTER, unanswered=True) == State.IDLE
    assert state(IDLE_AFTER, status="paused") == State.PAUSED
    assert state(IDLE_AFTER, status="paused", held=True) == State.HELD
    assert state(status="completed", held=True) == State.FINISHED
    assert state(status="abandoned") == State.LEFT


@given(st.sampled_from(Session.Status.values), st.booleans(), st.integers(0, 86_400), st.booleans(), st.booleans())
def test_time_alone_only_brings_a_conversation_nearer_to_idle(
    status: str, held: bool, seconds: int, answering: bool, unanswered: bool
) -> None:
    facts = {"status": status, "held": held, "answering": answering, "unanswered": unanswered}
    path = [State.WAITING, State.TALKING, State.STUCK, State.IDLE]
    now, later = state(dt.timedelta(seconds=seconds), **facts), state(dt.timedelta(seconds=seconds + 60), **facts)
    assert later == now or path.index(later) > path.index(now)


# --- What hangs there ------------------------------------------------------------------------------------------------


@pytest.fixture
def running(db: None, student: User, client_profile: ClientProfile) -> Session:
    """A conversation of the student."""
    return begin(student, client_profile)


def someone(section: Section, client: ClientProfile, name: str, quiet: dt.timedelta = TICK, **fields: Any) -> Session:
    """A conversation of one more student in which nothing was said for so long."""
    student = make_user(name, User.Role.STUDENT)
    Enrolment.objects.create(section=section, student=student)
    session = begin(student, client)
    values = {"last_activity_at": timezone.now() - quiet, **fields}
    Session.objects.filter(pk=session.pk).update(**values)
    session.refresh_from_db()
    return session


def sight(user: User, section: Section, assignment: Assignment | None = None) -> Sight:
    return Sight(user, section, assignment, timezone.now())


def hanging(user: User, section: Section) -> list[tuple[str, str]]:
    return [(tile.student, tile.state.value) for tile in look(sight(user, section)).tiles]


def test_tiles_hang_by_need_with_what_makes_them_so(
    running: Session, section: Section, teacher: User, client_profile: ClientProfile, other_teacher: User
) -> None:
    ended = someone(section, client_profile, "Ended")
    sessions.end(by=ended.student, session=ended)
    held = someone(section, client_profile, "Held")
    supervision.hold(by=teacher, session=held)
    someone(section, client_profile, "Quiet", STUCK_AFTER + TICK)
    someone(section, client_profile, "Idle", IDLE_AFTER + TICK)
    failed = someone(section, client_profile, "Unlucky")
    add(failed, "student", "Hello")
    add(failed, "client", "One moment", "failed")
    waiting = someone(section, client_profile, "Waiting")
    said = add(waiting, "student", "Hello")
    Turn.objects.create(session=waiting, message=said, reservation=free_money(waiting.student))
    supervision.nudge(by=teacher, session=held, text="Wait for me")
    seen = look(sight(teacher, section))
    assert [(tile.student, tile.state.value) for tile in seen.tiles] == [
        ("Quiet", "stuck"),
        ("Unlucky", "stuck"),
        ("Idle", "idle"),
        ("Held", "held"),
        ("Waiting", "waiting"),
        ("Student", "talking"),
        ("Ended", "finished"),
    ]
    tiles = {tile.student: tile for tile in seen.tiles}
    assert tiles["Unlucky"].unanswered
    assert not tiles["Quiet"].unanswered
    assert (tiles["Held"].paused_by, bool(tiles["Held"].nudged_at), tiles["Held"].nudge_seen) == (
        "Teacher",
        True,
        False,
    )
    assert (seen.counts[State.STUCK], seen.ended) == (2, 1)
    assert hanging(other_teacher, section) == []


def test_who_left_the_section_and_what_rested_for_long_do_not_hang_there(
    running: Session, section: Section, teacher: User, client_profile: ClientProfile
) -> None:
    long_ago = LOOKS_BACK + dt.timedelta(days=1)
    someone(section, client_profile, "Long ago", long_ago)
    held = someone(section, client_profile, "Held")
    supervision.hold(by=teacher, session=held)
    Session.objects.filter(pk=held.pk).update(last_activity_at=timezone.now() - long_ago)
    gone = someone(section, client_profile, "Gone")
    Enrolment.objects.filter(student=gone.student).update(removed_at=timezone.now())
    assert hanging(teacher, section) == [("Held", "held"), ("Student", "talking")]


def test_an_assignment_shows_its_own_conversations_and_who_has_not_begun(
    running: Session, section: Section, teacher: User, client_profile: ClientProfile
) -> None:
    assignment = Assignment.objects.create(
        section=section, created_by=teacher, title="First talk", published_at=timezone.now()
    )
    begun = someone(section, client_profile, "Begun", assignment=assignment)
    before = mark_of(sight(teacher, section, assignment))
    late = make_user("late", User.Role.STUDENT)
    Enrolment.objects.create(section=section, student=late)
    assert mark_of(sight(teacher, section, assignment)) != before
    browser = signed_in(teacher)
    page = words(browser.get(f"/sections/{section.pk}/wall/?assignment={assignment.pk}"))
    assert f'data-id="{begun.pk}"' in page
    assert f'data-id="{running.pk}"' not in page
    assert "<li>Late</li><li>Student</li>" in page.replace("</li> <li>", "</li><li>")
    part = browser.get(f"/sections/{section.pk}/wall/part/?assignment={assignment.pk}").json()
    assert part["not_started"] == ["Late", "Student"]


# --- The part that changes -------------------------------------------------------------------------------------------


def test_the_part_is_sent_again_only_when_something_changed(running: Session, section: Section, teacher: User) -> None:
    browser = signed_in(teacher)
    path = f"/sections/{section.pk}/wall/part/"

    def ask(etag: str) -> Any:
        return browser.get(path, headers={"if-none-match": etag})

    def changed(etag: str) -> str:
        answer = ask(etag)
        assert answer.status_code == 200
        assert ask(answer["ETag"]).status_code == 304
        return str(answer["ETag"])

    etag = changed("")
    nudge = supervision.nudge(by=teacher, session=running, text="Hello")
    etag = changed(etag)
    supervision.mark_shown(by=running.student, session_id=running.pk, nudge_id=nudge.pk)
    etag = changed(etag)
    supervision.hold(by=teacher, session=running)
    etag = changed(etag)
    supervision.release(by=teacher, session=running)
    etag = changed(etag)
    Session.objects.update(last_activity_at=timezone.now() - STUCK_AFTER)  # time alone
    etag = changed(etag)
    Session.objects.update(last_activity_at=timezone.now() - IDLE_AFTER)
    etag = changed(etag)
    supervision.end_for(by=teacher, session=running)
    changed(etag)


@pytest.mark.usefixtures("still")
def test_the_wall_asks_as_few_questions_for_many_as_for_one(
    running: Session, section: Section, teacher: User, client_profile: ClientProfile
) -> None:
    assignment = Assignment.objects.create(
        section=section, created_by=teacher, title="First talk", published_at=timezone.now()
    )
    browser = signed_in(teacher)
    paths = [f"/sections/{section.pk}/wall/{part}?assignment={assignment.pk}" for part in ("", "part/")]

    def questions() -> list[int]:
        numbers = []
        for path in paths:
            with CaptureQueriesContext(
                connection,
            ) as asked:
                assert browser.get(path).status_code == 200
            numbers.append(len(asked))
        return numbers

    few = questions()
    for number in range(12):
        someone(section, client_profile, f"Student {number}", assignment=assignment)
    assert questions() == few
    assert max(few) <= 12


def test_the_page_hangs_the_tiles_without_scripts_and_shows_only_those_in_need_on_request(
    running: Session, section: Section, teacher: User, client_profile: ClientProfile
) -> None:
    stuck = someone(section, client_profile, "Quiet", STUCK_AFTER + TICK)
    browser = signed_in(teacher)
    page = words(browser.get(f"/sections/{section.pk}/wall/"))
    assert page.index(f'data-id="{stuck.pk}"') < page.index(f'data-id="{running.pk}"')
    assert "Nothing said for 3 min." in page
    part = browser.get(f"/sections/{section.pk}/wall/part/?show=attention").json()
    assert [tile["id"] for tile in part["tiles"]] == [str(stuck.pk)]
    assert part["open"] == 2
    done = browser.post(f"/sections/{section.pk}/wall/hold/", follow=True)
    assert "2 conversations are paused." in words(done)
    done = browser.post(f"/sections/{section.pk}/wall/release/", headers={"accept": "application/json"})
    assert done.json() == {"text": "2 conversations go on."}
