"""Looking back first: what a student writes of their own conversation, when, and who reads it beside what."""

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, Section, User
from clients.models import ClientProfile
from conversations import reflections, rubrics, sessions
from conversations.models import (
    Evaluation,
    EvaluationFinding,
    Reflection,
    Rubric,
    RubricVersion,
    Session,
    TranscriptReading,
)
from conversations.reflections import RUBRIC_OF_FIELD, ReflectionRuleError, rubric_for
from conversations.reminders import remind_to_reflect
from conversations.rubrics import MarkValue
from conversations.rubrics_builtin import load_rubrics
from conversations.tests.assigned import hand_in, set_work
from conversations.tests.pages import HTMX, begin, signed_in, words
from conversations.views import reflection as pages

pytestmark = pytest.mark.django_db

FORMULATION = "She fears for the flat, wants a way out, and is ashamed of the debts."


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """A free conversation of two exchanges that has ended."""
    talk = begin(student, client_profile)
    Session.objects.filter(pk=talk.pk).update(exchanges=2)
    sessions.end(by=student, session=talk)
    talk.refresh_from_db()
    return talk


def write(student: User, talk: Session, *levels: int | None, **texts: str) -> Reflection:
    chosen = levels or (3,) * len(rubric_for(talk).value.criteria)
    return reflections.write(by=student, session=talk, levels=chosen, **{"formulation": FORMULATION, **texts})


def path(talk: Session) -> str:
    return reverse("session-reflection", args=[talk.pk])


def form_of(talk: Session, level: str = "3", **fields: str) -> dict[str, str]:
    """The form as a browser sends it."""
    levels = {f"level-{place}": level for place in range(len(rubric_for(talk).value.criteria))}
    return {**levels, "formulation": FORMULATION, "next_time": "", **fields}


@pytest.mark.parametrize(("field", "slug"), RUBRIC_OF_FIELD.items())
def test_free_practice_is_judged_by_the_built_in_rubric_of_the_clients_field(
    field: str, slug: str, student: User, client_profile: ClientProfile
) -> None:
    client_profile.domain = field
    client_profile.save()
    talk = begin(student, client_profile)
    assert rubric_for(talk).value == load_rubrics()[slug]
    assert rubric_for(talk) == rubric_for(talk)


def test_an_attempt_is_judged_by_the_rubric_it_was_begun_with(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    attempt = hand_in(student, set_work(teacher, section, client_profile, rubric=rubric))
    Rubric.objects.filter(pk=rubric.pk).update(name="Renamed")
    assert rubric_for(attempt.session) == attempt.rubric_version


def test_what_was_written_stays_and_so_does_its_rubric(student: User, talk: Session) -> None:
    kept = write(student, talk, next_time="Ask less.")
    Rubric.objects.filter(pk=kept.version.rubric_id).update(name="Renamed")
    assert rubric_for(talk) == kept.version
    with pytest.raises(ReflectionRuleError, match="already"):
        write(student, talk, formulation="x" * 50)
    kept.refresh_from_db()
    assert (kept.formulation, kept.next_time) == (FORMULATION, "Ask less.")
    shown = words(signed_in(student).get(path(talk)))
    assert FORMULATION in shown
    assert "<textarea" not in shown
    assert "3 · good" in shown


def test_only_the_student_looks_back_and_only_on_what_has_ended_with_an_answer(
    student: User, other_student: User, teacher: User, talk: Session, client_profile: ClientProfile
) -> None:
    for who in (other_student, teacher):
        with pytest.raises(ReflectionRuleError, match="Only the student"):
            write(who, talk)
    running = begin(student, client_profile)
    with pytest.raises(ReflectionRuleError, match="still going on"):
        write(student, running)
    assert signed_in(student).get(path(running))["Location"] == reverse("session", args=[running.pk])
    sessions.end(by=student, session=running)
    with pytest.raises(ReflectionRuleError, match="nothing to look back on"):
        write(student, running)
    running.refresh_from_db()
    assert not reflections.is_awaited(running)
    assert reflections.is_awaited(talk)
    assert list(reflections.awaiting(Session.objects.all())) == [talk]
    assert "nothing to look back on" in words(signed_in(student).get(path(running), follow=True))
    test = begin(teacher, client_profile)
    sessions.end(by=teacher, session=test)
    with pytest.raises(ReflectionRuleError, match="Only the student"):
        write(teacher, test)


@pytest.mark.parametrize("levels", [(), (3,), (3,) * 30, (5,) * 5])
def test_levels_must_fit_the_rubric(student: User, talk: Session, levels: tuple[int, ...]) -> None:
    assert len(rubric_for(talk).value.criteria) > 1
    with pytest.raises(ValueError, match=r"\["):
        reflections.write(by=student, session=talk, levels=list(levels), formulation=FORMULATION)


def test_what_is_too_short_or_left_out_is_said_plainly_and_nothing_is_lost(student: User, talk: Session) -> None:
    browser = signed_in(student)
    answer = words(browser.post(path(talk), form_of(talk, formulation="She is sad.", next_time="Wait longer.")))
    assert "at least 40 characters, a sentence or two. So far there are 11." in answer
    assert "She is sad." in answer
    assert "Wait longer." in answer
    assert answer.count(' value="3" checked') == len(rubric_for(talk).value.criteria)
    answer = words(browser.post(path(talk), form_of(talk, formulation="x" * 2_001) | {"level-0": ""}))
    assert "yours has 2001" in answer
    assert "Choose what fits best, or that you cannot say." in answer
    assert "x" * 2_001 in answer
    assert not Reflection.objects.exists()
    for text, why in (("short", "at least 40"), ("x" * 2_001, "2000 characters")):
        with pytest.raises(ReflectionRuleError, match=why):
            write(student, talk, formulation=text)
    with pytest.raises(ReflectionRuleError, match="Next time"):
        write(student, talk, next_time="x" * 1_001)


def test_the_page_after_the_end_leads_to_looking_back_and_then_to_feedback(student: User, talk: Session) -> None:
    browser, end = signed_in(student), reverse("session-ended", args=[talk.pk])
    before = words(browser.get(end))
    assert "Look back first (2 minutes), then read your feedback" in before
    assert f'class="button button-primary" href="{path(talk)}"' in before
    assert before.count("button-primary") == 1
    form = words(browser.get(path(talk)))
    assert "Once saved it stays as it is." in form
    assert rubric_for(talk).value.criteria[0].descriptions[3] in form.replace("&#x27;", "'")
    answer = browser.post(path(talk), form_of(talk, "-", next_time="Ask less."))
    assert answer["Location"] == end
    kept = Reflection.objects.get(session=talk)
    assert set(kept.levels) == {None}
    assert (kept.formulation, kept.next_time) == (FORMULATION, "Ask less.")
    after = words(browser.get(end))
    assert "Look back first" not in after
    assert "Read your feedback" in after


def test_where_the_teacher_releases_feedback_that_is_said_before_and_after_looking_back(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    talk = hand_in(student, set_work(teacher, section, client_profile, feedback="release")).session
    browser, end = signed_in(student), reverse("session-ended", args=[talk.pk])
    for title in ("Look back now (2 minutes)", "Your feedback comes later"):
        page = words(browser.get(end))
        assert title in page
        assert "Your teacher opens the feedback when they release it." in page
        assert "read your feedback" not in page.lower()
        browser.post(path(talk), form_of(talk))


def test_my_work_says_where_a_look_back_is_missing_and_students_are_reminded_once(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    attempt = hand_in(student, set_work(teacher, section, client_profile))
    browser, detail = signed_in(student), reverse("work-detail", args=[attempt.assignment_id])
    assert "Look back missing" in words(browser.get(reverse("work")))
    assert path(attempt.session) in words(browser.get(detail))
    assert remind_to_reflect() == 0, "nobody is reminded at once"
    Session.objects.update(ended_at=timezone.now() - dt.timedelta(hours=3))
    assert remind_to_reflect() == remind_to_reflect() == 1
    (told,) = Notification.objects.filter(kind="reflect")
    assert (told.user, told.path) == (student, detail)
    assert told.sentence == "“First talk” waits for your look back: it takes two minutes"
    write(student, attempt.session)
    assert remind_to_reflect() == 0
    assert "Look back missing" not in words(browser.get(reverse("work")))
    assert path(attempt.session) not in words(browser.get(detail))


def drafted(talk: Session, version: RubricVersion, teacher: User, *levels: int | None) -> Evaluation:
    """A finished evaluation with these levels."""
    draft = Evaluation.objects.create(
        session=talk, version=version, voice="scripted", model="scripted", status="done", asked_by=teacher
    )
    EvaluationFinding.objects.bulk_create(
        EvaluationFinding(evaluation=draft, position=place, level=level) for place, level in enumerate(levels)
    )
    return draft


def rows_of(user: User, talk: Session) -> list[tuple[dict[str, str], str]]:
    views = pages.side_by_side(user, talk)
    return [(dict(row.cells), row.apart) for row in views.rows] if views else []


def test_student_draft_and_teacher_stand_side_by_side_and_what_is_far_apart_is_said(
    teacher: User,
    student: User,
    section: Section,
    client_profile: ClientProfile,
    rubric: Rubric,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = hand_in(student, set_work(teacher, section, client_profile, rubric=rubric)).session
    assert pages.side_by_side(teacher, talk) is None
    version = write(student, talk, 4, None).version
    drafted(talk, version, teacher, 2, None)
    assert rows_of(student, talk) == [({"You": "4 · excellent"}, ""), ({"You": "cannot say"}, "")]
    expected = {"Student": "4 · excellent", "Draft by rule": "2 · satisfactory"}
    assert rows_of(teacher, talk)[0] == (expected, "Student and Draft by rule: 2 levels apart")
    assert rows_of(teacher, talk)[1][0]["Draft by rule"] == "no evidence"
    rubrics.score(by=teacher, session=talk, marks=[MarkValue(1), MarkValue(3)])
    cells, apart = rows_of(teacher, talk)[0]
    assert cells["Teacher"] == "1 · needs improvement"
    assert apart == "Student and Draft by rule: 2 levels apart. Student and Teacher: 3 levels apart"
    # A draft of the teacher's is no business of the student's, and the evaluation's draft never is.
    assert list(rows_of(student, talk)[0][0]) == ["You"]
    rubrics.release(by=teacher, session=talk, number=1)
    assert rows_of(student, talk)[0] == (
        {"You": "4 · excellent", "Teacher": "1 · needs improvement"}, "You and Teacher: 3 levels apart"
    )  # fmt: skip
    monkeypatch.setattr(pages, "hidden_positions", lambda _draft: frozenset({0}))
    cells, apart = rows_of(teacher, talk)[0]
    assert cells["Draft by rule"] == "not shown"
    assert apart == "Student and Teacher: 3 levels apart"


def test_levels_by_another_rubric_are_not_set_beside_these(
    teacher: User, student: User, talk: Session, rubric: Rubric
) -> None:
    write(student, talk)
    rubrics.score(by=teacher, session=talk, marks=[MarkValue(1), MarkValue(3)], rubric=rubric)
    views = pages.side_by_side(teacher, talk)
    assert views
    assert (views.columns, views.elsewhere) == (["Student"], "Listening")


def test_teachers_read_the_views_with_few_queries_and_that_is_written_down(
    teacher: User, student: User, talk: Session, django_assert_max_num_queries: Any
) -> None:
    version = write(student, talk, next_time="Ask less.").version
    levels = [1] * len(version.value.criteria)
    drafted(talk, version, teacher, *levels)
    rubrics.score(by=teacher, session=talk, marks=[MarkValue(1) for _ in levels], rubric=version.rubric)
    rubrics.release(by=teacher, session=talk, number=1)
    place = reverse("session-views", args=[talk.pk])
    browser = signed_in(teacher)
    with django_assert_max_num_queries(12):
        page = words(browser.get(place))
    for text in (FORMULATION, "Ask less.", "Draft by rule", "Student and Teacher: 2 levels apart"):
        assert text in page
    assert TranscriptReading.objects.filter(reader=teacher, session=talk).exists()
    part = words(browser.get(place, headers=HTMX))
    assert FORMULATION in part
    assert "<html" not in part
    assert place in words(browser.get(reverse("scoring", args=[talk.pk])))
    own = signed_in(student)
    for name in ("session-views", "session-reflection", "session-ended", "transcript"):
        with django_assert_max_num_queries(12):
            own.get(reverse(name, args=[talk.pk]))
    assert place in words(own.get(reverse("transcript", args=[talk.pk])))
