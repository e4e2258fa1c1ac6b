"""The review: who reads it when, what stands in it, and that a long talk stays quick."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Section, User
from clients.models import ClientProfile
from clients.voices.scripted import Line, reply
from conversations import reflections, sessions
from conversations.coaching.gate import Gate, feedback_open
from conversations.coaching.records import talk_of
from conversations.models import Rubric, Scoring, Session, TranscriptReading, Turn
from conversations.tests.assigned import begin_work, set_work
from conversations.tests.pages import add, begin, free_money, look_back, signed_in, words

pytestmark = pytest.mark.django_db

SAID = ["Hello Maria.", "What worries you most?", "You should calm down.", "Are you behind with the rent?"]


def talk_with(session: Session, said: list[str]) -> None:
    """Say this, each answered by the scripted client."""
    snapshot = session.client_version.snapshot  # type: ignore[union-attr]
    history: list[Line] = []
    for text in said:
        add(session, "student", text)
        history.append(Line("student", text))
        history.append(Line("client", reply(snapshot, history)))
        add(session, "client", history[-1].text)
    Session.objects.filter(pk=session.pk).update(exchanges=len(said))


@pytest.fixture
def ended(student: User, client_profile: ClientProfile) -> Session:
    """A talk of the student's that has ended and waits for them to look back."""
    session = begin(student, client_profile)
    talk_with(session, SAID)
    sessions.end(by=student, session=session)
    session.refresh_from_db()
    return session


def page(user: User, session: Session, query: str = "") -> Any:
    return signed_in(user).get(f"/sessions/{session.pk}/review/{query}")


def test_its_student_reads_it_after_the_end_and_after_looking_back(
    student: User, client_profile: ClientProfile
) -> None:
    session = begin(student, client_profile)
    talk_with(session, SAID)
    session.refresh_from_db()
    assert feedback_open(session, student) is Gate.TALKING
    assert page(student, session)["Location"] == f"/sessions/{session.pk}/"
    sessions.end(by=student, session=session)
    session.refresh_from_db()
    waits = words(page(student, session))
    assert f'href="/sessions/{session.pk}/reflection/"' in waits
    assert "Message by message" not in waits
    look_back(session)
    assert "Message by message" in words(page(student, session))


def test_graded_feedback_waits_for_its_release(
    student: User, teacher: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, feedback="release")
    session = begin_work(student, work)
    talk_with(session, SAID)
    sessions.end(by=student, session=session)
    session.refresh_from_db()
    look_back(session)
    assert feedback_open(session, student) is Gate.RELEASE
    assert "Your teacher releases this feedback" in words(page(student, session))
    assert "Message by message" in words(page(teacher, session))
    branch = Session(student=student, branch_of=session.messages.first(), status="completed")
    assert feedback_open(branch, student) is Gate.RELEASE
    scoring = Scoring.objects.create(session=session)
    version = reflections.rubric_for(session)
    scoring.released = scoring.revisions.create(number=1, version=version, saved_by=teacher)
    scoring.save()
    assert feedback_open(session, student) is Gate.OPEN


def test_its_teachers_read_it_at_any_time_which_is_written_down_and_nobody_else_does(
    student: User, teacher: User, other_teacher: User, other_student: User, ended: Session
) -> None:
    for outsider in (other_teacher, other_student):
        assert page(outsider, ended).status_code == 404
    theirs = words(page(teacher, ended))
    assert "This is what Student reads" in theirs
    assert "Try again from here" not in theirs
    assert TranscriptReading.objects.get(session=ended).reader == teacher
    look_back(ended)
    page(student, ended)
    assert TranscriptReading.objects.filter(session=ended).count() == 1


def test_it_holds_summary_map_and_each_message_but_nothing_untold(student: User, ended: Session) -> None:
    look_back(ended)
    text = words(page(student, ended))
    for part in ("What to try next time", "The map of the conversation", "Message by message", *SAID):
        assert part in text
    assert text.count('class="review-row"') == len(SAID)
    # What is quoted above leads down to its own row.
    ways = re.findall(r'href="([^"]*#message-[^"]*)">Message', text)
    assert ways
    assert all(way.startswith("#message-") and f'id="{way[1:]}"' in text for way in ways)
    assert text.count("Try again from here") == len(SAID)
    assert text.count("review-another") >= 1
    assert re.search(r"(was 1 thing|were \d things) that Maria did not tell you", text)
    assert "I gave the money to my brother" not in text
    assert "brother" not in text


def test_what_they_said_is_text(student: User, client_profile: ClientProfile) -> None:
    session = begin(student, client_profile)
    talk_with(session, ["You should <b>stop</b> that."])
    sessions.end(by=student, session=session)
    session.refresh_from_db()
    look_back(session)
    assert "<b>stop" not in words(page(student, session))


def test_a_talk_in_which_nothing_was_said_has_an_empty_review(student: User, client_profile: ClientProfile) -> None:
    session = begin(student, client_profile)
    sessions.end(by=student, session=session)
    assert "Nothing was said" in words(page(student, session))


def test_records_are_the_kept_ones_and_else_worked_out_from_the_whole_talk(student: User, ended: Session) -> None:
    snapshot = ended.client_version.snapshot  # type: ignore[union-attr]
    worked_out = [step.record for step in talk_of(ended, snapshot).steps]
    first = ended.messages.get(sequence=1)
    kept = {**worked_out[0].to_json(), "trust": 99}
    for state in ({}, kept):
        Turn.objects.create(
            session=ended, message=first, state=state, status="complete", reservation=free_money(student)
        )
    add(ended, "student", "This stays with me.", "aside")
    steps = talk_of(ended, snapshot).steps
    assert [step.record.trust for step in steps] == [99, *(record.trust for record in worked_out[1:])]
    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert steps[1].heard == ended.messages.get(sequence=2).content


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("count", [2, 60])
def test_a_long_talk_takes_as_few_queries_as_a_short_one_and_is_read_in_pages(
    student: User, client_profile: ClientProfile, count: int
) -> None:
    session = begin(student, client_profile)
    talk_with(session, [f"What happened on day {number}?" for number in range(count)])
    sessions.end(by=student, session=session)
    session.refresh_from_db()
    look_back(session)
    browser = signed_in(student)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        text = words(browser.get(f"/sessions/{session.pk}/review/"))
    assert len(asked) <= 12
    assert text.count('class="review-row"') == min(count, 25)
    assert text.count('class="map-mark"') == count
    if count > 25:
        last = words(browser.get(f"/sessions/{session.pk}/review/?page=3"))
        assert last.count('class="review-row"') == count - 50
        assert "map-mark" not in last
