"""The pages of rubrics and scorings: forms that lose nothing, sums that are named, drafts that stay with teachers."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Section, SectionTeacher, User
from clients.models import ClientProfile
from conversations import rubrics
from conversations.models import Rubric, ScoringRevision, Session
from conversations.tests.pages import HTMX, add, begin, signed_in, words
from conversations.tests.rubrics import WHOLE_MARKS, ended_talk, form_of, listening

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """The student's conversation, ended."""
    return ended_talk(student, client_profile)


def scored(page: Any, **fields: object) -> dict[str, object]:
    """The form of a scoring as a browser sends it back, with these fields."""
    form = page.context["form"]
    return {"number": form["number"].value(), "fingerprint": form["fingerprint"].value(), **fields}


def test_a_teacher_writes_and_edits_a_rubric(teacher: User) -> None:
    browser = signed_in(teacher)
    answer = browser.post("/rubrics/new/", form_of(listening(3_333, 6_667)))
    rubric = Rubric.objects.get()
    assert answer["Location"] == f"/rubrics/{rubric.pk}/"
    assert rubric.value() == listening(3_333, 6_667)
    page = words(browser.get(f"/rubrics/{rubric.pk}/"))
    assert "33.33 %" in page
    assert "needs improvement" in page
    browser.post(f"/rubrics/{rubric.pk}/edit/", form_of(listening(10_000, name="Shorter"), revision=rubric.revision))
    assert Rubric.objects.get().value() == listening(10_000, name="Shorter")


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ("20", "The weights sum to 95 percent. They must sum to 100: add 5."),
        ("26.5", "The weights sum to 101.5 percent. They must sum to 100: take away 1.5."),
        ("0", "A weight is a number above 0"),
        ("25.001", "A weight is a number above 0"),
        ("a lot", "A weight is a number above 0"),
        ("NaN", "A weight is a number above 0"),
    ],
)
def test_weights_that_are_no_whole_are_refused_and_the_sum_is_named(teacher: User, weight: str, said: str) -> None:
    page = words(signed_in(teacher).post("/rubrics/new/", form_of(listening(), **{"criteria-0-weight": weight})))
    assert said in page
    assert "Nothing you typed is lost." in page
    assert f'value="{weight}"' in page
    assert not Rubric.objects.exists()


def test_every_level_needs_its_words_and_a_rubric_a_criterion(teacher: User) -> None:
    browser = signed_in(teacher)
    page = words(browser.post("/rubrics/new/", form_of(listening(), **{"criteria-1-good": " "})))
    assert "Criterion 2, 3 · Good" in page
    none = {"name": "None", "criteria-TOTAL_FORMS": 0, "criteria-INITIAL_FORMS": 0}
    assert "A rubric needs at least one criterion." in words(browser.post("/rubrics/new/", none))
    assert browser.post("/rubrics/new/", {"name": "Broken"}).status_code == 200
    assert not Rubric.objects.exists()


@pytest.mark.parametrize(
    ("button", "left"),
    [
        ({"down": "0"}, ["Criterion 2", "Criterion 1", "Criterion 3"]),
        ({"up": "2"}, ["Criterion 1", "Criterion 3", "Criterion 2"]),
        ({"up": "0"}, ["Criterion 1", "Criterion 2", "Criterion 3"]),
        ({"remove": "1"}, ["Criterion 1", "Criterion 3"]),
        ({"remove": "7"}, ["Criterion 1", "Criterion 2", "Criterion 3"]),
        ({"down": "x"}, ["Criterion 1", "Criterion 2", "Criterion 3"]),
        ({"add": "yes"}, ["Criterion 1", "Criterion 2", "Criterion 3", ""]),
    ],
)
def test_criteria_are_added_removed_and_moved_without_scripts_and_without_saving(
    teacher: User, button: dict[str, str], left: list[str]
) -> None:
    browser = signed_in(teacher)
    sent = form_of(listening(2_000, 2_000, 6_000), **{"name": "Half written", "criteria-2-weight": "5", **button})
    page = browser.post("/rubrics/new/", sent)
    rows = page.context["criteria"].forms
    assert [row["name"].value() or "" for row in rows] == left
    assert [row["good"].value() for row in rows if row["name"].value()] == ["often"] * (len(left) - left.count(""))
    assert "Half written" in words(page)
    assert "could not be saved" not in words(page)
    assert not Rubric.objects.exists()


def test_an_edit_on_top_of_a_newer_one_is_kept_on_the_page_and_saved_the_second_time(
    teacher: User, rubric: Rubric
) -> None:
    browser, path = signed_in(teacher), f"/rubrics/{rubric.pk}/edit/"
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(10_000), revision=0)
    page = browser.post(path, form_of(listening(5_000, 5_000, name="My words"), revision=0))
    assert "Someone changed this rubric" in words(page)
    assert "My words" in words(page)
    assert Rubric.objects.get().value() == listening(10_000)
    again = form_of(listening(5_000, 5_000, name="My words"), revision=page.context["form"]["revision"].value())
    assert browser.post(path, again).status_code == 302
    assert Rubric.objects.get().value() == listening(5_000, 5_000, name="My words")


def test_archiving_and_deleting_ask_once(teacher: User, rubric: Rubric) -> None:
    browser = signed_in(teacher)
    assert "What was scored by it stays" in words(browser.get(f"/rubrics/{rubric.pk}/archive/"))
    rubric.refresh_from_db()
    assert rubric.archived_at is None
    assert "Listening is archived" in words(browser.post(f"/rubrics/{rubric.pk}/archive/", follow=True))
    assert "Listening" not in words(browser.get("/rubrics/"))
    assert "Listening" in words(browser.get("/rubrics/?tab=archived"))
    browser.post(f"/rubrics/{rubric.pk}/restore/")
    assert "Listening" in words(browser.get("/rubrics/"))
    assert "are lost for good" in words(browser.get(f"/rubrics/{rubric.pk}/delete/"))
    assert browser.post(f"/rubrics/{rubric.pk}/delete/")["Location"] == "/rubrics/"
    assert not Rubric.objects.exists()


def test_a_colleagues_rubric_can_be_read_and_copied_but_offers_no_edit(
    rubric: Rubric, section: Section, other_teacher: User
) -> None:
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    browser = signed_in(other_teacher)
    assert "Listening" in words(browser.get("/rubrics/?tab=colleagues"))
    page = words(browser.get(f"/rubrics/{rubric.pk}/"))
    assert "Make a copy" in page
    assert "/edit/" not in page
    for action in ("edit", "archive", "delete"):
        assert browser.get(f"/rubrics/{rubric.pk}/{action}/").status_code == 404
    browser.post(f"/rubrics/{rubric.pk}/copy/")
    assert Rubric.objects.get(owner=other_teacher).copied_from == rubric


def test_the_search_answers_htmx_with_the_list_alone(teacher: User, rubric: Rubric) -> None:
    page = words(signed_in(teacher).get("/rubrics/?q=listen", headers=HTMX))
    assert "Listening" in page
    assert "<html" not in page
    assert "No rubric fits this search" in words(signed_in(teacher).get("/rubrics/?q=nothing"))


def test_a_teacher_scores_and_releases_and_only_then_the_student_reads_it(
    teacher: User, student: User, talk: Session, rubric: Rubric
) -> None:
    browser, theirs = signed_in(teacher), signed_in(student)
    transcript, path = f"/sessions/{talk.pk}/transcript/", f"/sessions/{talk.pk}/scoring/"
    assert "Score this conversation" in words(browser.get(transcript))
    assert f'<option value="{rubric.pk}">Listening</option>' in words(browser.get(path))
    chosen = f"{path}?rubric={rubric.pk}"
    page = browser.get(chosen)
    assert "Tired, if I am honest." in words(page)
    marks = {"level-0": "4", "comment-0": "A warm first line.", "level-1": "2", "comment": "Keep going."}
    assert browser.post(chosen, scored(page, **marks))["Location"] == path
    assert "A warm first line." in words(browser.get(path))
    for hidden in ("A warm first line.", "Keep going.", "How this conversation was scored", "scoring"):
        assert hidden not in words(theirs.get(transcript))
    question = words(browser.get(f"{path}release/"))
    assert "Keep going." in question
    assert "A warm first line." not in words(theirs.get(transcript))
    browser.post(f"{path}release/", {"number": 1})
    read = words(theirs.get(transcript))
    for text in ("A warm first line.", "Keep going.", "2.50", "62.5 percent", "4 · excellent", "always", "Teacher"):
        assert text in read
    browser.post(path, scored(browser.get(path), **marks | {"comment": "A new draft."}))
    assert "A new draft." not in words(theirs.get(transcript))
    assert "released, with newer draft" in words(browser.get(transcript))
    browser.post(f"{path}withdraw/")
    assert "Keep going." not in words(theirs.get(transcript))
    assert [revision.comment for revision in ScoringRevision.objects.all()] == ["A new draft.", "Keep going."]


def test_a_draft_may_lack_levels_but_is_not_released(teacher: User, talk: Session, rubric: Rubric) -> None:
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/"
    page = browser.get(f"{path}?rubric={rubric.pk}")
    answer = browser.post(f"{path}?rubric={rubric.pk}", scored(page, **{"level-0": "4", "release": "yes"}), follow=True)
    assert "Choose a level for every criterion" in words(answer)
    assert ScoringRevision.objects.get().weighted is None
    assert answer.redirect_chain[-1][0] == path


def test_a_conversation_that_goes_on_can_be_scored_but_not_released(
    teacher: User, student: User, client_profile: ClientProfile, rubric: Rubric
) -> None:
    talk = begin(student, client_profile)
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS)
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/"
    assert "still going on" in words(browser.get(path))
    assert "once the conversation has ended" in words(browser.get(f"{path}release/", follow=True))
    assert "once it has ended" in words(browser.post(f"{path}release/", {"number": 1}, follow=True))


def test_a_scoring_saved_by_two_is_kept_on_the_page_of_the_second(teacher: User, talk: Session, rubric: Rubric) -> None:
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS)
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/"
    sent = scored(browser.get(path), **{"level-0": "1", "level-1": "1", "comment": "My words."})
    rubrics.score(by=teacher, session=talk, marks=WHOLE_MARKS, number=1)
    page = browser.post(path, sent)
    assert "Someone saved this scoring" in words(page)
    assert "My words." in words(page)
    assert ScoringRevision.objects.count() == 2
    assert browser.post(path, scored(page, **{"level-0": "1", "level-1": "1"})).status_code == 302
    assert ScoringRevision.objects.count() == 3


def test_a_rubric_changed_meanwhile_is_shown_before_anything_is_saved(
    teacher: User, talk: Session, rubric: Rubric
) -> None:
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"
    sent = scored(browser.get(path), **{"level-0": "4", "level-1": "4"})
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(6_000, 4_000), revision=0)
    page = browser.post(path, sent)
    assert "The rubric was changed after you opened this page." in words(page)
    assert not ScoringRevision.objects.exists()
    browser.post(path, scored(page, **{"level-0": "4", "level-1": "4"}))
    assert ScoringRevision.objects.get().version.value == listening(6_000, 4_000)


@pytest.mark.parametrize("level", ["0", "5", "x"])
def test_a_level_that_does_not_exist_is_refused(teacher: User, talk: Session, rubric: Rubric, level: str) -> None:
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"
    assert browser.post(path, scored(browser.get(path), **{"level-0": level})).status_code == 200
    assert not ScoringRevision.objects.exists()


def test_a_rubric_that_one_does_not_see_cannot_be_scored_with(
    teacher: User, other_teacher: User, talk: Session
) -> None:
    foreign = rubrics.create_rubric(by=other_teacher, value=listening(name="Secret"))
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/"
    assert browser.get(f"{path}?rubric={foreign.pk}").status_code == 404
    assert "Secret" not in words(browser.get(path))


def test_nobody_scores_a_test(teacher: User, operator: User, client_profile: ClientProfile) -> None:
    test = begin(teacher, client_profile)
    for person in (teacher, operator):
        assert signed_in(person).get(f"/sessions/{test.pk}/scoring/").status_code == 404
        assert "Score this conversation" not in words(signed_in(person).get(f"/sessions/{test.pk}/transcript/"))


def queries(user: User, path: str) -> int:
    browser = signed_in(user)
    with CaptureQueriesContext(connection) as found:
        assert browser.get(path).status_code == 200
    return len(found)


@pytest.mark.usefixtures("still")
def test_no_page_asks_more_whatever_the_number_of_rows(
    teacher: User, student: User, talk: Session, rubric: Rubric
) -> None:
    # A version never changes: a process reads it once.
    assert talk.snapshot
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS)
    rubrics.release(by=teacher, session=talk, number=1)
    pages = [
        (teacher, "/rubrics/"),
        (teacher, f"/rubrics/{rubric.pk}/"),
        (teacher, f"/rubrics/{rubric.pk}/edit/"),
        (teacher, f"/sessions/{talk.pk}/scoring/"),
        (teacher, f"/sessions/{talk.pk}/scoring/release/"),
        (teacher, f"/sessions/{talk.pk}/scoring/?rubric=choose"),
        (teacher, f"/sessions/{talk.pk}/transcript/"),
        (student, f"/sessions/{talk.pk}/transcript/"),
    ]
    few = [queries(user, path) for user, path in pages]
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(*[1_000] * 10), revision=0)
    marks = [rubrics.MarkValue(3, "Good.")] * 10
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=marks, number=1)
    for number in range(2, 12):
        rubrics.score(by=teacher, session=talk, marks=marks, number=number)
    rubrics.release(by=teacher, session=talk, number=12)
    for _copy in range(30):
        rubrics.copy_rubric(by=teacher, rubric=rubric)
    for _line in range(30):
        add(talk, "student", "And then?")
    many = [queries(user, path) for user, path in pages]
    assert many == few
    assert max(many) <= 12, list(zip(pages, many, strict=True))
