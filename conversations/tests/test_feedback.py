"""What people think of a conversation: given by whoever held it, summed for those who wrote the client."""

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Section, User
from clients.models import ClientProfile
from conftest import make_client, make_user
from conversations import feedback, sessions
from conversations.feedback import FeedbackRuleError
from conversations.models import Session, SessionFeedback
from conversations.tests.pages import begin, signed_in, words
from conversations.tests.rubrics import ended_talk
from monitoring.cells import unguarded

pytestmark = pytest.mark.django_db

MARKS = SessionFeedback.MARKS


def all_of(mark: int, **others: int) -> dict[str, int]:
    return dict.fromkeys(MARKS, mark) | others


def thought(client: ClientProfile, mark: int, comment: str = "", name: str = "", **others: int) -> SessionFeedback:
    """Feedback of a student of their own on this client."""
    pupil = make_user(name or f"pupil-{User.objects.count()}", User.Role.STUDENT)
    built_in = Session.objects.filter(pk=ended_talk(pupil, make_client(None)).pk)
    built_in.update(client=client)
    return feedback.give(by=pupil, session=built_in.get(), marks=all_of(mark, **others), comment=comment)


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """The student's conversation, ended."""
    return ended_talk(student, client_profile)


def test_a_student_gives_feedback_after_the_end_and_changes_it(student: User, talk: Session) -> None:
    browser, address = signed_in(student), f"/sessions/{talk.pk}/feedback/"
    assert address in words(browser.get(f"/sessions/{talk.pk}/ended/"))
    assert address in words(browser.get(f"/sessions/{talk.pk}/transcript/"))
    answer = browser.post(address, all_of(8) | {"comment": "She felt real."})
    assert answer["Location"] == f"/sessions/{talk.pk}/ended/"
    assert "Change your feedback" in words(browser.get(f"/sessions/{talk.pk}/ended/"))
    page = words(browser.get(address))
    assert "She felt real." in page
    assert page.count("checked") == 7
    browser.post(address, all_of(8, flow=3))
    row = SessionFeedback.objects.get()
    assert (row.flow, row.client_sum, row.mean, row.comment, row.client) == (3, 35, 7.0, "", talk.client)


def test_a_question_without_an_answer_is_named_and_nothing_typed_is_lost(student: User, talk: Session) -> None:
    sent: dict[str, Any] = all_of(8) | {"flow": "11", "comment": "y" * 2_001}
    del sent["relevant"]
    page = words(signed_in(student).post(f"/sessions/{talk.pk}/feedback/", sent))
    assert '<a href="#id_relevant">Answered what was said</a>: Choose a number from 1 to 10.' in page
    assert '<a href="#id_flow">' in page
    assert "2000" in page or "2,000" in page
    assert "y" * 2_001 in page
    assert page.count("checked") == 5
    assert not SessionFeedback.objects.exists()


def test_only_who_held_the_conversation_says_so_and_only_when_it_has_ended(
    student: User, teacher: User, client_profile: ClientProfile
) -> None:
    talk = begin(student, client_profile)
    with pytest.raises(FeedbackRuleError, match="still going on"):
        feedback.give(by=student, session=talk, marks=all_of(8))
    assert signed_in(student).get(f"/sessions/{talk.pk}/feedback/")["Location"] == f"/sessions/{talk.pk}/"
    sessions.end(by=student, session=talk)
    with pytest.raises(FeedbackRuleError, match="Only the person"):
        feedback.give(by=teacher, session=talk, marks=all_of(8))
    for marks in (all_of(11), all_of(0), {"flow": 3}):
        with pytest.raises(ValueError):
            feedback.give(by=student, session=talk, marks=marks)
    assert signed_in(teacher).get(f"/sessions/{talk.pk}/feedback/").status_code == 404


def test_a_teachers_test_counts_too(teacher: User, client_profile: ClientProfile) -> None:
    test = ended_talk(teacher, client_profile)
    assert signed_in(teacher).post(f"/sessions/{test.pk}/feedback/", all_of(9)).status_code == 302
    assert feedback.sums(client_profile).count == 1


def test_the_owner_sees_figures_and_comments_without_names(
    teacher: User, student: User, talk: Session, client_profile: ClientProfile
) -> None:
    feedback.give(by=student, session=talk, marks=all_of(9), comment="Too <b>kind</b>")
    thought(client_profile, 6, "Wooden", name="zoe-quill")
    page = words(signed_in(teacher).get(f"/clients/{client_profile.pk}/feedback/"))
    assert "<dd>50 %</dd>" in page
    assert page.count(">7.5 of 10<") == 7
    assert "Too &lt;b&gt;kind&lt;/b&gt;" in page
    assert "Wooden" in page
    assert "Zoe" not in page
    assert "Student" not in page
    assert page.count("/transcript/") == 1, "only the conversation of an own section may be opened"
    assert f"/clients/{client_profile.pk}/feedback/" in words(signed_in(teacher).get(f"/clients/{client_profile.pk}/"))


def test_before_the_first_feedback_the_page_says_how_it_comes(teacher: User, client_profile: ClientProfile) -> None:
    assert "No feedback yet" in words(signed_in(teacher).get(f"/clients/{client_profile.pk}/feedback/"))


def test_best_and_worst_are_pinned_and_none_twice(client_profile: ClientProfile) -> None:
    rows = [thought(client_profile, mark) for mark in (5, 9, 2, 7)]
    best, worst = feedback.best_and_worst(client_profile)
    assert [row.pk for row in best] == [rows[1].pk, rows[3].pk, rows[0].pk]
    assert [row.pk for row in worst] == [rows[2].pk]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.integers(1, 10)] * 7), min_size=1, max_size=8))
def test_the_figures_are_those_of_the_marks(client_profile: ClientProfile, given_marks: list[tuple[int, ...]]) -> None:
    SessionFeedback.objects.all().delete()
    while Session.objects.count() < len(given_marks):
        ended_talk(make_user(f"p-{User.objects.count()}", User.Role.STUDENT), make_client(None))
    for session, marks in zip(Session.objects.select_related("student"), given_marks, strict=False):
        Session.objects.filter(pk=session.pk).update(client=client_profile)
        feedback.give(by=session.student, session=session, marks=dict(zip(MARKS, marks, strict=True)))
    sums = feedback.sums(client_profile)
    good = [mean for mean in (sum(marks[:5]) / 5 for marks in given_marks) if mean >= 7]
    assert sums.count == sum(sums.spread) == len(given_marks)
    assert sums.positive == len(good) / len(given_marks)
    assert sum(sums.spread[6:]) == len(good), "the bars from 7 on are the good conversations"
    for place, name in enumerate(MARKS):
        assert sums.means[name] == pytest.approx(sum(marks[place] for marks in given_marks) / len(given_marks))


@pytest.mark.usefixtures("still")
def test_the_page_asks_as_little_however_much_feedback_there_is(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    browser = signed_in(teacher)

    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            page = words(browser.get(f"/clients/{client_profile.pk}/feedback/"))
        assert "Lowest marks" in page
        return len(found)

    for mark in (9, 8, 7, 2):
        thought(client_profile, mark, "Fine")
    few = asked()
    for number in range(18):
        thought(client_profile, 1 + number % 10, f"Comment {number}")
    assert asked() == few <= 12
    assert "Page 2 of 2" in words(browser.get(f"/clients/{client_profile.pk}/feedback/?page=2"))


def test_exports_hold_all_of_it_without_names_and_nothing_that_runs(
    teacher: User, client_profile: ClientProfile
) -> None:
    hostile = ["=1+1", "+cmd", "-2", "@SUM(A1)", "\tx", 'a "quoted", cell\nwith lines', "'=1", "ñandú 🙂"]
    for number, text in enumerate(hostile):
        thought(client_profile, 1 + number, text, name=f"zoe-{number}")
    browser = signed_in(teacher)
    body = browser.get(f"/clients/{client_profile.pk}/feedback.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [unguarded(row["comment"]) for row in reversed(rows)] == hostile
    assert not any(cell[:1] in "=+-@\t" for row in rows for cell in row.values() if cell)
    assert rows[-1]["mean_about_client"] == "1.0"
    found = json.loads(browser.get(f"/clients/{client_profile.pk}/feedback.json").content)
    assert (found["count"], found["means"]["flow"]) == (8, 4.5)
    assert [row["comment"] for row in reversed(found["feedback"])] == hostile
    assert "oe" not in body + json.dumps(found["feedback"])
