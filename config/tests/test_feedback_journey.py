"""Feedback as people live it: talk, look back, draft, edit, strike, release, read, and try again from one message."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from config.tests.pictures import look
from config.tests.portal import Portal, running_portal
from config.tests.test_classroom import worker_of

pytestmark = pytest.mark.browser

WORK = """
from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import assignments
from conversations.assignments import AssignmentValue, TaskValue
from conversations.models import Rubric
by = User.objects.get(email="teacher@example.com")
section = by.sections.first()
task = TaskValue(ClientProfile.objects.get(slug="grace-lim"), Rubric.objects.get(slug="oars-interviewing-skills"), 0)
value = AssignmentValue(title="A first talk with Grace", grading="graded", feedback="release", tasks=[task])
print(assignments.publish(by=by, assignment=assignments.create_assignment(by=by, section=section, value=value)).pk)
"""
# The attempt and what was tried again from it.
BOTH = """
from conversations.models import Session
one = Session.objects.get(pk="{session}")
branch = Session.objects.get(branch_of__session=one)
print(one.exchanges, one.status, one.scoring.is_released, branch.assignment_id, branch.exchanges)
"""
ADVICE = "You should call your landlord today."
COMMENT = "Grace opened up when you stayed with her fear."
SAID = (
    "Hello Grace, thank you for coming in today.",
    "What has been weighing on you most?",
    "It sounds like you are carrying all of this on your own, and you are exhausted.",
    ADVICE,
    "You kept the children out of it all, and that took strength.",
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("feedback")) as portal, worker_of(portal):
        yield portal


def say(page: Page, text: str) -> None:
    replies = page.locator(".message-client:not([aria-busy=true])")
    before = replies.count()
    page.locator("#say").fill(text)
    page.locator("#send").click()
    expect(replies).to_have_count(before + 1, timeout=60_000)


def hand_in(student: Page, assignment: str) -> str:
    """Talk with the client and end it; the session's key."""
    student.goto(f"/work/{assignment}/")
    student.locator("form[action$='/start/'] [type=submit]").first.click()
    if student.locator("input[type=checkbox][required]").count():
        student.locator("input[type=checkbox][required]").check()
        student.locator("main [type=submit]").first.click()
    student.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))
    session = student.url.rstrip("/").rpartition("/")[2]
    for text in SAID:
        say(student, text)
    student.locator("#end-button").click()
    student.locator("#end-dialog [type=submit]").click()
    student.wait_for_url(re.compile(r"/ended/$"))
    return session


def look_back_and_wait(student: Page, session: str) -> None:
    """Write one's own view first; the teacher's, and what a rule says, is not there yet."""
    student.get_by_role("link", name="Look back").click()
    look(student, "reflection")
    student.locator("[name=formulation]").fill(
        "Grace wants to keep the flat and fears that somebody takes the children."
    )
    for group in student.locator("fieldset.reflection-criterion").all():
        group.locator("input[type=radio]").first.check()
    student.get_by_role("button", name="Save and go on").click()
    student.goto(f"/sessions/{session}/review/")
    expect(student.locator("main")).to_contain_text("release")
    expect(student.locator("main")).not_to_contain_text("Try again from here")
    student.goto(f"/sessions/{session}/transcript/")
    expect(student.locator("main")).not_to_contain_text("By rule")


def quotes_in(claims: Locator) -> list[str]:
    """What these claims quote, without the quotation marks."""
    return [quote.strip("“”") for quote in claims.all_inner_texts()]


def draft_and_strike(teacher: Page, session: str) -> list[str]:
    """Ask for a draft and strike its first claim; the quotes that are left, all of them the student's own words."""
    teacher.goto(f"/sessions/{session}/scoring/")
    teacher.get_by_role("button", name="Ask for a draft by rule").click()
    show = teacher.get_by_role("button", name="Show the draft")
    expect(show).to_be_visible(timeout=60_000)
    show.click()
    claims = teacher.locator(".claims blockquote")
    expect(claims.first).to_be_visible()
    struck = claims.first.inner_text().strip("“”")
    teacher.locator(".claims li").first.get_by_role("button", name=re.compile("^Strike")).click()
    expect(teacher.locator(".claim-struck")).to_have_count(1)
    quotes = quotes_in(teacher.locator(".claims li:not(.claim-struck) blockquote"))
    assert all(any(quote in said for said in SAID) for quote in [struck, *quotes])
    return quotes


def edit_and_release(teacher: Page) -> None:
    """Take the draft over, choose levels of one's own, add a comment, and release it all."""
    teacher.get_by_role("button", name="Use these levels as a draft").click()
    for group in teacher.locator("fieldset.scoring-criterion").all():
        group.locator("input[type=radio]").nth(1).check()
    teacher.locator("[name=comment]").fill(COMMENT)
    look(teacher, "scoring-draft")
    teacher.get_by_role("button", name="Save and release").click()
    teacher.locator("main [type=submit]").first.click()
    teacher.wait_for_url(re.compile(r"/(transcript|scoring)/"))


def read_what_was_released(student: Page, session: str, quotes: list[str]) -> None:
    """The comment and the evidence, of which nothing was struck; then the messages worth another try."""
    student.goto(f"/sessions/{session}/transcript/")
    expect(student.locator("main")).to_contain_text(COMMENT)
    evidence = quotes_in(student.locator(".claims blockquote"))
    assert evidence
    assert set(evidence) <= set(quotes)
    student.goto(f"/sessions/{session}/review/")
    expect(student.locator("main")).to_contain_text(ADVICE)
    expect(student.locator("main svg[role=img]").first).to_be_visible()
    look(student, "review")


def try_again_from_the_advice(student: Page, session: str) -> None:
    """Go back to the advice, in a conversation of its own, and say something else."""
    row = student.locator("main li, main article").filter(has_text=ADVICE).last
    row.get_by_role("button", name=re.compile("^Try again from here")).click()
    student.wait_for_url(re.compile(r"/sessions/[0-9a-f-]{36}/$"))
    assert session not in student.url
    expect(student.locator("body")).to_contain_text("try again")
    look(student, "chat-branch")
    say(student, "Would it be all right if we thought together about the landlord?")


def test_a_student_looks_back_a_teacher_edits_and_releases_a_draft_and_the_student_tries_again(
    portal: Portal, enter: Callable[..., Page]
) -> None:
    assignment = portal.ask(WORK).splitlines()[-1]
    student, teacher = enter("student"), enter("teacher")
    session = hand_in(student, assignment)
    look_back_and_wait(student, session)
    quotes = draft_and_strike(teacher, session)
    edit_and_release(teacher)
    read_what_was_released(student, session, quotes)
    try_again_from_the_advice(student, session)
    # The graded attempt stays as it is.
    assert portal.ask(BOTH.format(session=session)).splitlines()[-1] == "5 completed True None 1"
    portal.manage("audit")
