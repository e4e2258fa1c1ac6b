"""Whole journeys in a real browser, with pictures at phone and desktop width for people to look at."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from config.tests.chats import begin, limit_messages, replies, say, wait_for_reply
from config.tests.pictures import PHONE, PICTURES, look
from config.tests.portal import Portal, running_portal

pytestmark = [pytest.mark.browser, pytest.mark.servers]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    # Two workers would share a data directory otherwise; a slow voice leaves time to reload in mid-reply.
    with running_portal(tmp_path_factory.mktemp("journey"), SCRIPTED_PIECE_SECONDS="0.12") as portal:
        # All journeys are one student's, who is quicker than any hand.
        limit_messages(portal, 1_000, 60)
        yield portal


def test_a_teacher_writes_a_client_and_a_student_talks_with_it_to_the_end(enter: Callable[..., Page]) -> None:
    teacher = enter("teacher")
    look(teacher, "teaching")
    teacher.goto("/clients/")
    look(teacher, "clients")
    teacher.goto("/clients/new/")
    teacher.get_by_label("Name", exact=True).fill("Rosa Quintero")
    teacher.get_by_label("Age", exact=True).fill("42")
    teacher.locator("[name=reason]").fill("Her son does not speak to her any more.")
    teacher.locator("[name=scenario]").fill("A first talk at the family centre, on a rainy Tuesday.")
    teacher.locator("[name=background]").fill("Rosa drives a bus and has raised her son alone since he was four. " * 3)
    for trait in ("Proud", "Warm"):
        teacher.get_by_label(trait, exact=True).check()
    look(teacher, "client-form")
    teacher.get_by_role("button", name="Save").last.click()
    expect(teacher.get_by_role("heading", name="Rosa Quintero")).to_be_visible()
    look(teacher, "client")
    teacher.get_by_role("button", name=re.compile("^Open")).first.click()

    student = enter("student", PHONE)
    student.goto("/practice/?q=Rosa")
    look(student, "practice-found")
    student.get_by_role("button", name=re.compile("^Start")).click()
    expect(student.get_by_role("heading", name="Rosa Quintero")).to_be_visible()

    # A word typed and not sent survives a reload.
    student.locator("#say").fill("Good morning, Ms Quintero.")
    student.reload()
    expect(student.locator("#say")).to_have_value("Good morning, Ms Quintero.")
    student.locator("#say").press("Enter")
    wait_for_reply(student, 1)

    # A reload in mid-reply shows the same reply, whole and once.
    say(student, "What brings you here today?")
    expect(student.locator(".message-client").nth(1).locator(".message-text")).not_to_be_empty()
    look(student, "chat-replying")
    student.reload()
    wait_for_reply(student, 2)
    texts = student.locator(".message-text").all_inner_texts()
    assert len(texts) == 4
    assert len(set(texts)) == 4
    look(student, "chat")

    student.get_by_role("button", name="End", exact=True).click()
    look(student, "chat-end-dialog")
    student.get_by_role("button", name="End and save").click()
    expect(student).to_have_url(re.compile("/ended/"))
    look(student, "ended")
    student.get_by_role("link", name=re.compile("transcript", re.IGNORECASE)).first.click()
    for text in texts:
        expect(student.get_by_text(text, exact=True).first).to_be_visible()
    look(student, "transcript")
    student.goto("/sessions/")
    look(student, "history")


def test_a_student_looks_back_reads_feedback_and_tries_again_from_what_they_said(enter: Callable[..., Page]) -> None:
    page = enter("student", PHONE)
    page.goto("/practice/?q=Walter")
    begin(page)
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    said = "What happened on the day you stopped working, Mr Hale?"
    for number, text in enumerate(("Good morning.", said), start=1):
        say(page, text)
        wait_for_reply(page, begun + number)
    page.get_by_role("button", name="End", exact=True).click()
    page.get_by_role("button", name="End and save").click()
    expect(page.get_by_role("heading", name=re.compile("^Look back first"))).to_be_visible()
    look(page, "ended-look-back")

    page.get_by_role("link", name="Look back", exact=True).click()
    look(page, "reflection")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    page.locator("[name=formulation]").fill("He worked all his life, wants to be of use, and hates to be pitied.")
    for criterion in page.locator("fieldset").all():
        criterion.locator("label").nth(1).click()
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", name="Read your feedback")).to_be_visible()
    look(page, "ended-looked-back")
    page.get_by_role("link", name="What you wrote when you looked back").click()
    look(page, "reflection-written")
    page.goto(page.url.replace("reflection", "views"))
    look(page, "views")

    page.goto(page.url.replace("views", "transcript"))
    look(page, "transcript-try-again")
    page.get_by_role("button", name=re.compile(f"^Try again from here – {said[:20]}")).click()
    expect(page.get_by_text("You try again from here.")).to_be_visible()
    expect(page.locator("#last-time")).to_contain_text(said)
    look(page, "chat-branch")
    begun = replies(page)
    say(page, "It sounds like work was more to you than money.")
    wait_for_reply(page, begun + 1)
    expect(page.locator("#last-time")).to_have_count(0)
    page.get_by_role("button", name="End", exact=True).click()
    page.get_by_role("button", name="End and save").click()
    expect(page.get_by_role("heading", name="Then and now")).to_be_visible()
    look(page, "ended-branch")
    page.goto("/sessions/")
    look(page, "history-branch")


SET_LIVE_WORK = """
from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import assignments
from conversations.assignments import AssignmentValue, TaskValue
teacher = User.objects.get(email="teacher@example.com")
tasks = [TaskValue(ClientProfile.objects.get(name__startswith="Walter"), None, 0)]
value = AssignmentValue(title="Told at once", feedback="live", tasks=tasks)
draft = assignments.create_assignment(by=teacher, section=teacher.sections.first(), value=value)
assignments.publish(by=teacher, assignment=draft)
"""


def test_a_student_is_told_while_they_talk_and_a_client_who_is_hurt_leaves(
    enter: Callable[..., Page], portal: Portal
) -> None:
    portal.ask(SET_LIVE_WORK)
    page = enter("student", PHONE)
    page.goto("/work/")
    page.get_by_role("link", name="Told at once").first.click()
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    say(page, "It sounds like you have waited long enough.")
    wait_for_reply(page, begun + 1)
    told = page.locator(".message-tip:visible")
    expect(told).to_have_count(1)
    words = told.inner_text()
    expect(page.locator("#announcer")).to_contain_text(words)
    look(page, "chat-tips")
    page.reload()
    expect(told).to_have_text(words)
    page.get_by_role("button", name="Hide tips").click()
    expect(told).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Show tips")).to_be_visible()
    expect(told).to_have_count(0)
    # Nobody stays who is only blamed.
    left = page.locator("[data-panel=left]")
    for number in range(2, 9):
        say(page, f"You only have yourself to blame, and you are just lazy. I said it {number} times.")
        wait_for_reply(page, begun + number)
        # What the server says: the open page hears of it a moment later, by itself.
        if 'data-status="active"' not in page.request.get(page.url).text():
            break
    expect(left).to_be_visible()
    expect(page.locator("#composer")).to_be_hidden()
    look(page, "chat-left")
    page.get_by_role("link", name="Look at what happened").click()
    expect(page.get_by_text("has left: too much was said that hurt")).to_be_visible()
    look(page, "ended-left")
    page.goto("/work/")
    expect(page.get_by_text("Look back missing")).to_be_visible()
    look(page, "work-look-back")


def test_two_tabs_and_a_lost_connection_show_one_and_the_same_conversation(enter: Callable[..., Page]) -> None:
    one = enter("student")
    one.goto("/practice/")
    look(one, "practice")
    begin(one)
    expect(one.locator("#composer")).to_be_visible()
    two = one.context.new_page()
    two.goto(one.url)
    begun = replies(one)
    say(one, "Hello, how are you today?")
    wait_for_reply(one, begun + 1)
    wait_for_reply(two, begun + 1)
    assert one.locator(".message-text").all_inner_texts() == two.locator(".message-text").all_inner_texts()

    # Offline: the band says so, what is sent waits, and goes out once when the connection is back.
    two.context.set_offline(True)
    two.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(two.locator("#band")).to_be_visible(timeout=40_000)
    say(two, "Are you still there?")
    look(two, "chat-offline")
    two.context.set_offline(False)
    two.evaluate("window.dispatchEvent(new Event('online'))")
    wait_for_reply(two, begun + 2)
    expect(two.locator("#band")).to_be_hidden()
    assert two.get_by_text("Are you still there?", exact=True).count() == 1


def test_what_a_student_says_of_themself_is_answered_by_the_portal_and_stands_before_their_teacher(
    enter: Callable[..., Page],
) -> None:
    page = enter("student", PHONE)
    page.goto("/practice/?q=Sylvia")
    page.get_by_role("link", name=re.compile("Sylvia")).first.click()
    look(page, "practice-content-note")
    page.goto("/practice/?q=Sylvia")
    begin(page)
    say(page, "I feel completely overwhelmed by this conversation.")
    expect(page.locator(".message-system")).to_contain_text("Sylvia Addo did not hear it")
    expect(page.get_by_text(re.compile("^Only you, your teachers and the people who run"))).to_be_visible()
    expect(page.locator("#say")).to_have_value("")
    expect(page.locator(".message-thinking:visible")).to_have_count(0)
    look(page, "chat-aside")
    say(page, "I want to kill myself.")
    expect(page.get_by_text("The conversation is paused for you.", exact=True)).to_be_visible()
    # Also where it is longer than the screen, it is read from its beginning.
    tops = [page.locator(part).last.bounding_box() for part in (".message-system", "#scroll")]
    assert tops[0]
    assert tops[1]
    assert tops[0]["y"] >= tops[1]["y"] - 1
    look(page, "chat-danger")
    page.get_by_text("I need help", exact=True).click()
    expect(page.get_by_role("button", name="End the conversation")).to_be_visible()
    look(page, "chat-way-out")
    page.get_by_role("button", name="End the conversation").click()
    expect(page.get_by_role("heading", name="Whom you can turn to")).to_be_visible()
    look(page, "ended-after-danger")

    teacher = enter("teacher")
    expect(teacher.get_by_role("heading", name=re.compile("^May need help"))).to_be_visible()
    look(teacher, "teaching-may-need-help")
    teacher.goto("/safety/alerts/")
    look(teacher, "safety-alerts")
    teacher.get_by_role("link", name="Alex Romero").first.click()
    look(teacher, "safety-alert")
    teacher.get_by_label(re.compile("^What you did")).fill("I called Alex.")
    teacher.get_by_role("button", name="I am seeing to it").click()
    expect(teacher.get_by_text("I called Alex.")).to_be_visible()


def test_a_pause_hides_the_composer_and_goes_on_where_it_was(enter: Callable[..., Page]) -> None:
    page = enter("student")
    page.goto("/practice/")
    begin(page)
    page.get_by_role("button", name="Pause, I need a moment").click()
    expect(page.get_by_text("You are taking a moment.", exact=True)).to_be_visible()
    expect(page.locator("#composer")).to_be_hidden()
    look(page, "chat-paused")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#composer")).to_be_visible()


def test_a_teacher_tests_a_client_and_sees_tokens_and_cost(enter: Callable[..., Page]) -> None:
    page = enter("teacher")
    page.goto("/clients/?tab=builtin")
    page.get_by_role("link", name=re.compile("Maria|Grace|Frank|Sam|Lucía|Meera")).first.click()
    page.get_by_role("button", name=re.compile("Test")).first.click()
    page.wait_for_url("**/notice/**")
    look(page, "notice")
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    say(page, "Hello")
    wait_for_reply(page, begun + 1)
    expect(page.locator(".message-cost").last).to_contain_text("tokens")
    look(page, "chat-test")
    page.goto("/tests/")
    look(page, "tests")


def test_the_portal_speaks_spanish_to_whom_wants_it(enter: Callable[..., Page]) -> None:
    page = enter("student", locale="es-ES")
    page.goto("/practice/")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("button", name=re.compile("^(Empezar|Continuar)")).first).to_be_visible()


def test_the_pages_are_readable_in_the_dark(enter: Callable[..., Page]) -> None:
    page = enter("student", color_scheme="dark")
    for path in ("/practice/", "/sessions/", "/help/", "/accounts/profile/"):
        page.goto(path)
        look(page, f"dark{path.replace('/', '-').rstrip('-')}")


def test_an_operator_finds_the_admin(enter: Callable[..., Page]) -> None:
    page = enter("admin")
    expect(page.get_by_role("link", name="Sessions", exact=True)).to_be_visible()


def test_the_pictures_are_there_to_be_looked_at() -> None:
    assert Path(PICTURES).exists()


def test_a_teacher_allows_tutors_and_a_student_chooses_one_of_them(enter: Callable[..., Page]) -> None:
    teacher = enter("teacher")
    teacher.goto("/sections/")
    teacher.get_by_role("link", name="Interviewing skills").click()
    teacher.get_by_role("link", name="Choose tutors").click()
    teacher.get_by_text("How it talks").first.click()
    look(teacher, "section-tutors")
    teacher.get_by_label("Creative mentor").uncheck()
    teacher.get_by_role("button", name="Save").click()
    expect(teacher.get_by_text("may choose the tutors that you ticked")).to_be_visible()

    student = enter("student", PHONE)
    student.get_by_role("link", name="Tutor", exact=True).click()
    student.get_by_role("link", name="Choose a tutor").click()
    expect(student.get_by_label("Creative mentor")).to_have_count(0)
    student.get_by_role("button", name="Save").click()
    expect(student.locator("[data-error-summary]")).to_be_focused()
    look(student, "tutor-wrong")
    # By keyboard alone, as far as the tutor.
    student.locator("[data-error-summary]").get_by_role("link", name="Subject").press("Enter")
    student.keyboard.type("motivational interviewing")
    student.keyboard.press("Tab")
    student.keyboard.type("Adv")
    student.keyboard.press("Tab")
    student.keyboard.press("Tab")
    student.keyboard.press("Space")
    student.keyboard.press("ArrowDown")
    expect(student.get_by_label("Encouraging coach")).to_be_checked()
    expect(student.locator("[aria-live] dl.definitions")).to_contain_text("“motivational interviewing”")
    expect(student.locator("[aria-live] dl.definitions")).to_contain_text("Encouraging coach")
    student.locator(".tutor-card", has_text="Expert scholar").click(position={"x": 150, "y": 200})
    student.get_by_role("button", name="Save").click()
    expect(student.get_by_text("Saved. Your tutor is: Expert scholar.")).to_be_visible()
    expect(student.locator("[name=learner_level]")).to_have_value("advanced")
    look(student, "tutor-preference")

    student.goto("/tutors/")
    look(student, "tutor-list")
    student.get_by_role("button", name="Start talking").click()
    expect(student.locator("#log")).to_contain_text("Which question shall we look into")
    student.locator("#say").fill("Rolling with resistance works because it keeps people talking.")
    student.locator("#send").click()
    expect(student.locator("#log")).to_contain_text("can mean two things")
    look(student, "tutor-chat")
    student.locator("#end-button").click()
    student.get_by_role("button", name="End and save").click()
    expect(student.get_by_role("heading", name="You talked with Expert scholar")).to_be_visible()
    look(student, "tutor-ended")
    student.get_by_role("link", name="Read the transcript").click()
    expect(student.get_by_role("heading", name="You and Expert scholar")).to_be_visible()


def test_an_admin_adds_a_persona_and_looks_at_its_prompt(enter: Callable[..., Page]) -> None:
    # Axe writes styles of its own into some pages of the administration, which their policy refuses.
    admin = enter("admin", bypass_csp=True)
    admin.goto("/admin/clients/personatext/add/")
    admin.get_by_role("link", name="Expert scholar").click()
    admin.locator("[name=key]").fill("exam-coach")
    text = admin.locator("[name=text]")
    whole = text.input_value().replace("Expert scholar", "Exam coach")
    text.fill(whole.replace("## Guardrails", "## Rules"))
    admin.locator("[name=_save]").click()
    expect(admin.get_by_text("The part “## Guardrails” is missing or empty.")).to_be_visible()
    look(admin, "admin-persona-wrong")
    text.fill(whole)
    admin.locator("[name=_save]").click()
    admin.get_by_role("link", name="Look at it").click()
    expect(admin.locator(".persona-prompt")).to_contain_text("Your persona: Exam coach")
    look(admin, "admin-persona-prompt")

    admin.goto("/tutors/preference/")
    expect(admin.get_by_label("Exam coach")).to_be_visible()
