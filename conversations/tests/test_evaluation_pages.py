"""Drafts on pages: beside the teacher's form, for a whole assignment, and to the student only what was released."""

import re
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import evaluation, rubrics
from conversations.models import Evaluation, EvaluationClaim, Rubric, ScoringRevision, Session
from conversations.models import RubricVersion as Version
from conversations.rubrics import MarkValue
from conversations.tests.assigned import hand_in, set_work
from conversations.tests.evaluated import checked, drafted, form, talked, work, worked
from conversations.tests.pages import add, signed_in, words
from conversations.tests.rubrics import ended_talk
from monitoring.models import Job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_slice")]

QUOTE = "the nights are the worst"


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    return talked(student, client_profile)


def ask_once(browser: Browser, address: str, page: Any) -> Evaluation:
    """Ask for a draft by rule from this page of the form, and again when it is there: the one that was made."""
    assert "Ask for a draft by rule" in words(page)
    asked = browser.post(address, form(page, ask="yes", **{"comment-0": "Typed before."}))
    assert "Typed before." in words(asked)
    assert "The draft is being made." in words(asked)
    draft = Evaluation.objects.select_related("job").get()
    assert browser.get(f"/evaluations/{draft.pk}/state/?done=0").status_code == 204
    assert "hx-get" in words(browser.get(f"/evaluations/{draft.pk}/state/"))
    draft = worked(draft)
    state = words(browser.get(f"/evaluations/{draft.pk}/state/"))
    assert "The draft is ready." in state
    assert "hx-get" not in state
    # Loaded again, the page sends its button again: that shows the draft, and asks for no second one.
    again = words(browser.post(address, form(page, ask="yes")))
    assert QUOTE in again
    assert "The draft is being made." not in again
    assert Evaluation.objects.count() == 1
    return draft


def look_at(browser: Browser, address: str, page: Any) -> Any:
    """Show the draft beside the form, which keeps what was typed; the page."""
    page = browser.post(address, form(page, look="yes", **{"comment-0": "Typed before."}))
    for text in (
        "Typed before.",
        "by rule, no AI",
        QUOTE,
        "needs review",
        "open questions",
        'By rule: <span class="numbers">4</span>',
        "An open question.",
    ):
        assert text in words(page), text
    return page


def given_by(draft: Evaluation) -> dict[int, int | None]:
    """The levels that the draft gives, by the place of their criterion."""
    return dict(draft.findings.exclude(level=None).values_list("position", "level"))


def use(browser: Browser, address: str, page: Any, draft: Evaluation) -> Any:
    """Fill the form from the draft, which saves nothing yet; the page."""
    page = browser.post(address, form(page, use="yes", **{"level-1": "1", "level-3": "2"}))
    # What the draft knows is filled in, what it does not know stays as it was chosen.
    assert checked(page) == [str(level) for _position, level in sorted(({3: 2} | given_by(draft)).items())]
    assert not ScoringRevision.objects.exists()
    return page


def strike_and_save(browser: Browser, address: str, page: Any, draft: Evaluation) -> EvaluationClaim:
    """Strike the first claim and save levels of one's own; the claim."""
    first = EvaluationClaim.objects.filter(finding__evaluation=draft, finding__position=0).order_by(
        "message__sequence"
    )[0]
    page = browser.post(address, form(page, strike=str(first.pk), **{"level-3": "2"}))
    assert "struck by Teacher" in words(page)
    marks = {f"level-{position}": "3" for position in range(5)}
    browser.post(address, form(page, **marks))
    return first


def release(browser: Browser, theirs: Browser, talk: Session, draft: Evaluation) -> str:
    """Release what is saved, of which the student reads nothing before that; what they read then."""
    path, transcript = f"/sessions/{talk.pk}/scoring/", f"/sessions/{talk.pk}/transcript/"
    for address in (transcript, path, f"{path}release/", f"/evaluations/{draft.pk}/state/"):
        answer = theirs.get(address)
        assert answer.status_code == (200 if address == transcript else 404)
        assert "<blockquote" not in words(answer)
    preview = words(browser.get(f"{path}release/"))
    assert "Drafted by rule, released by Teacher" in preview
    assert "<blockquote" not in words(theirs.get(transcript))
    browser.post(f"{path}release/", {"number": 1})
    return words(theirs.get(transcript))


def test_a_teacher_asks_uses_edits_strikes_and_releases_and_only_then_the_student_reads_the_evidence(
    teacher: User, student: User, talk: Session
) -> None:
    rubric = rubrics.built_in("oars-interviewing-skills")
    browser, theirs = signed_in(teacher), signed_in(student)
    address = f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"
    page = browser.get(address)
    draft = ask_once(browser, address, page)
    given = given_by(draft)
    page = use(browser, address, look_at(browser, address, page), draft)
    struck = strike_and_save(browser, address, page, draft)
    saved = ScoringRevision.objects.get()
    assert (saved.evaluation, saved.shows_evidence, list(saved.evidence.all())) == (draft, True, [])
    read = release(browser, theirs, talk, draft)
    assert "Drafted by rule, released by Teacher" in read
    quoted = [claim.quote for claim in EvaluationClaim.objects.filter(finding__evaluation=draft).exclude(pk=struck.pk)]
    assert quoted
    assert read.count("<blockquote") == len(quoted)
    assert read.count(f"/sessions/{talk.pk}/transcript/#message-{struck.message_id}") == sum(
        claim.message_id == struck.message_id for claim in EvaluationClaim.objects.exclude(pk=struck.pk)
    )
    # The draft keeps its levels, the scoring the teacher's.
    assert [mark.level for mark in saved.marks.all()] == [3] * 5
    assert given_by(draft) == given


@pytest.fixture
def released(teacher: User, talk: Session, rubric: Rubric) -> Evaluation:
    """An AI draft of 4 and 3 whose evidence the student reads."""
    version = Version.freeze(rubric)
    draft = drafted(talk, version, teacher, 4, 3)
    marks = [MarkValue(2), MarkValue(2)]
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=marks, evaluation=draft, shows_evidence=True)
    latest = ScoringRevision.objects.select_related("evaluation").get()
    rubrics.release(by=teacher, session=talk, number=1, evidence=evaluation.evidence_for(latest))
    return draft


def test_the_student_reads_whose_work_the_evidence_is_and_never_a_level_of_the_draft(
    released: Evaluation, student: User, talk: Session
) -> None:
    read = words(signed_in(student).get(f"/sessions/{talk.pk}/transcript/"))
    assert read.count("Drafted by AI, released by Teacher") == 2
    assert "Shows 0." in read
    assert "4 · excellent" not in read


def test_a_level_whose_every_claim_was_struck_is_none_until_one_is_taken_back(
    released: Evaluation, teacher: User, talk: Session
) -> None:
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/"
    first, _second = EvaluationClaim.objects.order_by("finding__position")
    page = browser.post(path, form(browser.get(path), strike=str(first.pk)))
    for text in ("AI draft: no evidence left", "needs review", "Every quote was struck", "Go to the message"):
        assert text in words(page), text
    used = browser.post(path, form(page, use="yes", **{"level-0": "1", "level-1": "1"}))
    assert checked(used) == ["1", "3"]
    assert evaluation.shown_levels(released) == {0: None, 1: 3}
    evaluation.unstrike(by=teacher, claim=first)
    assert "no evidence left" not in words(browser.get(path))
    assert evaluation.shown_levels(released) == {0: 4, 1: 3}


def test_what_is_struck_after_the_release_is_gone_at_once_and_what_was_struck_before_stays_out(
    released: Evaluation, teacher: User, student: User, talk: Session
) -> None:
    first, _second = EvaluationClaim.objects.order_by("finding__position")
    theirs, path = signed_in(student), f"/sessions/{talk.pk}/transcript/"
    evaluation.strike(by=teacher, claim=first)
    assert "Shows 0." not in words(theirs.get(path))
    rubrics.withdraw(by=teacher, session=talk)
    latest = ScoringRevision.objects.select_related("evaluation").get()
    assert "Shows 1." not in words(theirs.get(path))
    rubrics.release(by=teacher, session=talk, number=1, evidence=evaluation.evidence_for(latest))
    evaluation.unstrike(by=teacher, claim=first)
    read = words(theirs.get(path))
    assert "Shows 1." in read
    assert "Shows 0." not in read


def test_a_release_shows_no_claim_of_another_draft_and_none_where_the_teacher_wants_none(
    released: Evaluation, teacher: User, student: User, talk: Session
) -> None:
    foreign = drafted(talk, released.version, teacher, 1, 1)
    marks = [MarkValue(2), MarkValue(2)]
    rubrics.score(by=teacher, session=talk, marks=marks, number=1, evaluation=released, shows_evidence=True)
    theirs = list(EvaluationClaim.objects.filter(finding__evaluation=foreign))
    rubrics.release(by=teacher, session=talk, number=2, evidence=theirs)
    assert "<blockquote" not in words(signed_in(student).get(f"/sessions/{talk.pk}/transcript/"))
    rubrics.score(by=teacher, session=talk, marks=marks, number=2, evaluation=released)
    own = list(EvaluationClaim.objects.filter(finding__evaluation=released))
    rubrics.release(by=teacher, session=talk, number=3, evidence=own)
    assert "<blockquote" not in words(signed_in(student).get(f"/sessions/{talk.pk}/transcript/"))
    other = ended_talk(student, talk.client)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="another session"):
        rubrics.score(by=teacher, session=other, rubric=released.version.rubric, marks=marks, evaluation=released)


def test_no_page_or_file_of_a_student_tells_of_a_draft_before_the_release(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric, settings: Any
) -> None:
    assignment = set_work(teacher, section, client_profile, rubric=rubric)
    attempt = hand_in(student, assignment)
    add(attempt.session, "student", "How are you getting on today?")
    draft = drafted(attempt.session, Version.freeze(rubric), teacher, 4, 3)
    EvaluationClaim.objects.update(says="A SECRET OF THE DRAFT")
    rubrics.score(
        by=teacher, session=attempt.session, marks=[MarkValue(4)] * 2, evaluation=draft, shows_evidence=True
    )  # fmt: skip
    browser = signed_in(student)
    base = f"/sessions/{attempt.session_id}/"
    pages = [
        f"{base}transcript/", *(f"{base}transcript.{kind}" for kind in ("md", "txt", "csv", "json")), f"{base}views/",
        f"{base}ended/", f"{base}reflection/", "/sessions/", "/work/", f"/work/{assignment.pk}/", "/progress/",
        "/start/",
    ]  # fmt: skip
    for address in pages:
        answer = browser.get(address)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        assert answer.status_code in {200, 302}, address
        assert b"SECRET" not in content, address
        assert b"claude-haiku" not in content, address
        assert b"<blockquote" not in content, address


def test_a_failed_or_broken_off_draft_says_so_in_plain_words(teacher: User, talk: Session, rubric: Rubric) -> None:
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"
    version = Version.freeze(rubric)
    failed = drafted(talk, version, teacher, status="failed", error="The model could not be reached.")
    assert "There is no new draft." in words(browser.get(path))
    assert "The model could not be reached." in words(browser.get(path))
    Evaluation.objects.filter(pk=failed.pk).update(status="running", error="")
    assert "was broken off" in words(browser.get(path))
    assert "Ask for a draft by rule" in words(browser.get(path))


def test_the_cost_is_told_before_anything_is_asked(teacher: User, talk: Session, rubric: Rubric, settings: Any) -> None:
    settings.ANTHROPIC_API_KEY = "test-key"
    page = words(signed_in(teacher).get(f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"))
    assert "Ask for an AI draft" in page
    assert re.search(r"about \$0\.00\d\d", page)


def test_a_conversation_that_goes_on_or_is_silent_offers_no_draft(
    teacher: User, student: User, client_profile: ClientProfile, talk: Session, rubric: Rubric
) -> None:
    browser = signed_in(teacher)
    talk.messages.filter(role="student").update(role="system")
    page = browser.get(f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}")
    assert "there is nothing to draft from" in words(page)
    refused = browser.post(f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}", form(page, ask="yes"))
    assert "said nothing in this conversation" in words(refused)
    Session.objects.filter(pk=talk.pk).update(status="active", ended_at=None)
    assert "once the conversation has ended" in words(browser.get(f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"))
    assert not Evaluation.objects.exists()


def test_a_claim_of_another_conversation_cannot_be_struck_from_here(
    teacher: User, student: User, client_profile: ClientProfile, talk: Session, rubric: Rubric
) -> None:
    elsewhere = drafted(talked(student, client_profile), Version.freeze(rubric), teacher, 3, 3)
    claim = EvaluationClaim.objects.filter(finding__evaluation=elsewhere)[0]
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"
    page = browser.get(path)
    for key in (str(claim.pk), "nonsense"):
        assert browser.post(path, form(page, strike=key)).status_code == 404
    assert not EvaluationClaim.objects.exclude(struck_at=None).exists()


def test_a_struck_claim_is_taken_back_by_the_button_beside_it(teacher: User, talk: Session, rubric: Rubric) -> None:
    drafted(talk, Version.freeze(rubric), teacher, 3, 3)
    claim = EvaluationClaim.objects.all()[0]
    browser, path = signed_in(teacher), f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"
    page = browser.post(path, form(browser.get(path), strike=str(claim.pk)))
    assert 'class="claim-struck"' in words(page)
    page = browser.post(
        path, {key: value for key, value in form(page, unstrike=str(claim.pk)).items() if key != "shows_evidence"}
    )
    assert 'class="claim-struck"' not in words(page)
    # The box that was not ticked stays so.
    assert not page.context["form"]["shows_evidence"].value()


def test_drafts_for_all_that_was_handed_in_are_one_job_and_asked_for_once(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    assignment = set_work(teacher, section, client_profile, rubric=rubric)
    for _number in range(2):
        add(hand_in(student, assignment).session, "student", "How are you getting on today?")
    hand_in(student, assignment)
    browser, path = signed_in(teacher), f"/assignments/{assignment.pk}/"
    assert "Draft all 2 handed-in attempts" in words(browser.get(path))
    assert "by rule, no AI" in words(browser.get(path))
    answer = browser.post(f"{path}evaluate/")
    job = Job.objects.get(kind="conversations.evaluate")
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert "Drafts are being made: see how far" in words(browser.get(path))
    assert "a draft already, or one under way" in words(browser.post(f"{path}evaluate/", follow=True))
    assert work(job).state == "completed"
    page = words(browser.get(path))
    assert "handed-in attempts" not in page
    assert "Drafts are being made" not in page
    assert set(Evaluation.objects.values_list("status", flat=True)) == {"done"}
