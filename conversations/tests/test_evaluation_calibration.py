"""How far drafts agree with teachers: told on a page, and hidden from it and all others where it is too little."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import evaluation, rubrics
from conversations.evaluation import calibration
from conversations.models import Evaluation, Rubric, ScoringRevision, Session
from conversations.models import RubricVersion as Version
from conversations.rubrics import MarkValue
from conversations.tests.assigned import hand_in, set_work
from conversations.tests.evaluated import checked, drafted, form
from conversations.tests.pages import add, signed_in, words
from conversations.tests.rubrics import ended_talk, listening

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_slice")]

AGREE = [(1, 1), (2, 2), (3, 3), (4, 4), (2, 3), (3, 2), (4, 4), (1, 1), (2, 2), (3, 3)]
DIFFER = [(1, 4), (2, 3), (3, 2), (4, 1), (2, 3), (3, 2), (4, 1), (1, 4), (2, 3), (3, 4)]


@pytest.fixture
def talks(student: User, client_profile: ClientProfile) -> list[Session]:
    return [ended_talk(student, client_profile) for _number in range(10)]


def pairs(
    teacher: User, talks: list[Session], rubric: Rubric, levels: list[tuple[int, int]], *, blind: bool
) -> list[Evaluation]:
    """For each talk a draft and a teacher's scoring, of the first criterion so and of the second always the same."""
    version, made = Version.freeze(rubric), []
    for talk, (mark, level) in zip(talks, levels, strict=True):
        draft = drafted(talk, version, teacher, level, 3)
        seen = None if blind else draft
        rubrics.score(by=teacher, session=talk, rubric=rubric, marks=[MarkValue(mark), MarkValue(3)], evaluation=seen)
        made.append(draft)
    return made


def test_calibration_tells_agreement_and_hides_nothing_that_agrees(
    teacher: User, talks: list[Session], rubric: Rubric
) -> None:
    done = pairs(teacher, talks, rubric, AGREE, blind=True)
    page = words(signed_in(teacher).get(f"/rubrics/{rubric.pk}/calibration/"))
    for text in (
        "By AI: claude-haiku-5-5", "Pairs: 10, of these 10 scored without having seen the draft.", "0.90", "80 %",
        "on average as high as the teacher", "cannot be told: all levels are the same",
    ):  # fmt: skip
        assert text in page, text
    assert "level hidden" not in page
    assert evaluation.shown_levels(done[0]) == {0: 1, 1: 3}


def test_a_level_that_teachers_do_not_share_is_hidden_everywhere_and_its_quotes_stay(
    teacher: User, student: User, talks: list[Session], rubric: Rubric
) -> None:
    done = pairs(teacher, talks, rubric, DIFFER, blind=True)
    assert evaluation.hidden_positions(done[0]) == {0}
    assert evaluation.shown_levels(done[0]) == {0: None, 1: 3}
    browser, path = signed_in(teacher), f"/sessions/{talks[0].pk}/scoring/"
    page = browser.get(path)
    assert "AI draft: no level" in words(page)
    assert "agree too little on this criterion" in words(page)
    assert "Shows 0." in words(page)
    # Using the draft leaves the hidden criterion as it was.
    assert checked(browser.post(path, form(page, use="yes", **{"level-0": "2", "level-1": "1"}))) == ["2", "3"]
    assert "level hidden" in words(browser.get(f"/rubrics/{rubric.pk}/calibration/"))
    # Another rater is judged by its own pairs.
    by_rule = drafted(talks[0], done[0].version, teacher, 2, 2, voice="scripted", model="scripted")
    assert evaluation.hidden_positions(by_rule) == frozenset()
    # A student reads nothing of a hidden criterion either.
    rubrics.score(
        by=teacher, session=talks[0], marks=[MarkValue(3)] * 2, number=1, evaluation=done[0], shows_evidence=True
    )  # fmt: skip
    latest = ScoringRevision.objects.select_related("evaluation").get(number=2)
    assert [claim.says for claim in evaluation.evidence_for(latest)] == ["Shows 1."]


def test_pairs_made_with_the_draft_in_sight_count_only_where_there_are_too_few_others(
    teacher: User, talks: list[Session], rubric: Rubric
) -> None:
    pairs(teacher, talks[:9], rubric, DIFFER[:9], blind=False)
    version = Version.objects.get()
    (agreement,) = (found[0] for found in calibration.agreements(version).values())
    assert (agreement.number, agreement.number_blind, agreement.kappa, agreement.is_hidden) == (9, 0, None, False)
    page = words(signed_in(teacher).get(f"/rubrics/{rubric.pk}/calibration/"))
    assert "Too few to tell: 9 of at least 10 pairs." in page
    pairs(teacher, talks[9:], rubric, DIFFER[9:], blind=False)
    (agreement,) = (found[0] for found in calibration.agreements(version).values())
    assert (agreement.blind, agreement.is_hidden) == (False, True)
    assert "agreement may look better than it is" in words(signed_in(teacher).get(f"/rubrics/{rubric.pk}/calibration/"))
    # Whoever scored first and looked then has been blind.
    for talk, (mark, _level) in zip(talks, AGREE, strict=True):
        scoring = ScoringRevision.objects.filter(scoring__session=talk)
        scoring.update(evaluation=None)
        draft = Evaluation.objects.get(session=talk)
        rubrics.score(by=teacher, session=talk, marks=[MarkValue(mark)] * 2, number=1, evaluation=draft)
    (agreement,) = (found[0] for found in calibration.agreements(version).values())
    assert (agreement.blind, agreement.number_blind) == (True, 10)
    assert [(pair.teacher, pair.draft) for pair in agreement.pairs[::-1]] == DIFFER


def test_calibration_counts_only_conversations_that_one_may_score(
    teacher: User, other_teacher: User, talks: list[Session], rubric: Rubric
) -> None:
    Rubric.objects.update(owner=None, slug="shared")
    pairs(teacher, talks, rubric, AGREE, blind=True)
    page = words(signed_in(other_teacher).get(f"/rubrics/{rubric.pk}/calibration/"))
    assert "Nothing to compare yet" in page
    assert "Pairs:" in words(signed_in(teacher).get(f"/rubrics/{rubric.pk}/calibration/"))


def test_an_older_version_of_the_rubric_keeps_its_own_pairs(
    teacher: User, talks: list[Session], rubric: Rubric
) -> None:
    pairs(teacher, talks[:1], rubric, AGREE[:1], blind=True)
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(5_000, 5_000), revision=0)
    pairs(teacher, talks[1:3], rubric, AGREE[1:3], blind=True)
    old, _new = Version.objects.order_by("created_at")
    browser, path = signed_in(teacher), f"/rubrics/{rubric.pk}/calibration/"
    assert "Pairs: 2," in words(browser.get(path))
    assert "Pairs: 1," in words(browser.get(f"{path}?version={old.pk}"))
    assert "Pairs: 2," in words(browser.get(f"{path}?version=x"))


def test_words_for_the_mean_difference() -> None:
    def difference(*both: tuple[int, int]) -> str:
        return calibration.Agreement.of([calibration.Pair(*one, blind=True) for one in both]).difference

    assert difference((2, 3), (2, 2)) == "on average 0.5 of a level higher than the teacher"
    assert difference((3, 1)) == "on average 2.0 of a level lower than the teacher"


def test_pages_with_drafts_ask_few_questions_whatever_there_is(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, talks: list[Session], rubric: Rubric
) -> None:
    pairs(teacher, talks, rubric, AGREE, blind=False)
    assignment = set_work(teacher, section, client_profile, rubric=rubric)
    add(hand_in(student, assignment).session, "student", "How are you getting on today?")
    latest = ScoringRevision.objects.select_related("evaluation").filter(scoring__session=talks[0]).get()
    ScoringRevision.objects.filter(pk=latest.pk).update(shows_evidence=True)
    latest.refresh_from_db()
    rubrics.release(by=teacher, session=talks[0], number=1, evidence=evaluation.evidence_for(latest))
    pages = [
        (teacher, f"/sessions/{talks[0].pk}/scoring/"),
        (teacher, f"/sessions/{talks[0].pk}/scoring/release/"),
        (student, f"/sessions/{talks[0].pk}/transcript/"),
        (teacher, f"/rubrics/{rubric.pk}/calibration/"),
        (teacher, f"/assignments/{assignment.pk}/"),
        (teacher, f"/evaluations/{Evaluation.objects.all()[0].pk}/state/"),
    ]
    counted = {}
    for user, path in pages:
        browser = signed_in(user)
        # Which levels are hidden is asked once a minute.
        browser.get(path)
        with CaptureQueriesContext(connection) as found:
            assert browser.get(path).status_code == 200
        counted[path] = len(found)
    assert max(counted.values()) <= 12, counted
