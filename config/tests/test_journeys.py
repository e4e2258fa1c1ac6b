"""Whole journeys in a real browser, with pictures at phone and desktop width for people to look at."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.standin import StandIn, running_standin
from config.tests.pictures import PHONE, PICTURES, look
from config.tests.portal import Portal, running_portal

pytestmark = [pytest.mark.browser, pytest.mark.servers]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    # Two workers would share a data directory otherwise; a slow voice leaves time to reload in mid-reply.
    with running_portal(tmp_path_factory.mktemp("journey"), SCRIPTED_PIECE_SECONDS="0.12") as portal:
        yield portal


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, StandIn]]:
    """A portal with a model behind it, whose faults a test chooses; it does not ask twice by itself."""
    with (
        running_standin(text="I got a letter.", ttft=5, delay=5) as api,
        running_portal(
            tmp_path_factory.mktemp("troubled"),
            ANTHROPIC_API_KEY="test-key",
            ANTHROPIC_BASE_URL=api.url,
            PROVIDER_CALLS="1",
            BACKOFF_FIRST_SECONDS="0.01",
            MODEL_CALLS_AT_ONCE="1",
        ) as portal,
    ):
        yield portal, api


def say(page: Page, text: str) -> None:
    expect(page.locator("#timer")).to_be_visible()  # the page's script runs
    page.locator("#say").fill(text)
    page.locator("#say").press("Enter")


def replies(page: Page) -> int:
    """How many whole replies the page shows."""
    return page.locator(".message-client[data-status=complete]").count()


def wait_for_reply(page: Page, count: int) -> None:
    expect(page.locator(".message-client[data-status=complete]")).to_have_count(count, timeout=30_000)


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


def test_two_tabs_and_a_lost_connection_show_one_and_the_same_conversation(enter: Callable[..., Page]) -> None:
    one = enter("student")
    one.goto("/practice/")
    look(one, "practice")
    one.get_by_role("button", name=re.compile("^(Start|Continue)")).first.click()
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


def test_stop_keeps_what_arrived_and_try_again_makes_it_whole(enter: Callable[..., Page]) -> None:
    page = enter("student")
    page.goto("/practice/")
    page.get_by_role("button", name=re.compile("^Start")).last.click()
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    say(page, "Can you tell me what happened, in your own words?")
    last = page.locator(".message-client").last
    expect(page.locator("#stop")).to_be_visible()
    expect(last.locator(".message-text")).not_to_be_empty()
    page.locator("#stop").click()
    expect(page.locator(".message-client[data-status=stopped]")).to_be_visible()
    look(page, "chat-stopped")
    page.get_by_role("button", name="Try again").click()
    wait_for_reply(page, begun + 1)


def limit_messages(portal: Portal, count: int, seconds: int) -> None:
    portal.ask(
        "from monitoring.models import RateLimit\n"
        f"RateLimit.objects.filter(name='message_user').update(count={count}, seconds={seconds})"
    )


def test_a_client_that_cannot_answer_says_so_and_answers_when_the_fault_is_gone(
    enter: Callable[..., Page], troubled: tuple[Portal, StandIn]
) -> None:
    portal, api = troubled
    page = enter("student", PHONE, base_url=portal.url)
    page.get_by_role("button", name=re.compile("^Start")).first.click()
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    api.modes(fault="529")
    say(page, "Hello, what brings you here today?")
    failed = page.locator(".message-client[data-status=failed]")
    expect(failed.locator(".message-text")).not_to_be_empty()
    expect(failed.locator(".message-note")).to_contain_text("the service that speaks for them is overloaded")
    expect(page.locator("#announcer")).to_contain_text("Your message is kept")
    line = failed.locator(".message-text").inner_text()
    look(page, "chat-failed")
    page.reload()
    expect(failed.locator(".message-text")).to_have_text(line)
    expect(failed.locator(".message-note")).to_contain_text("the service that speaks for them is overloaded")

    api.modes(fault="")
    page.get_by_role("button", name="Try again").click()
    wait_for_reply(page, begun + 1)
    expect(page.get_by_text("I got a letter.", exact=True)).to_be_visible()
    expect(page.get_by_text("Hello, what brings you here today?", exact=True)).to_have_count(1)


def test_who_writes_too_fast_keeps_the_text_and_can_send_it_after_the_countdown(
    enter: Callable[..., Page], troubled: tuple[Portal, StandIn]
) -> None:
    portal, _api = troubled
    limit_messages(portal, 1, 6)
    page = enter("student", PHONE, base_url=portal.url)
    page.get_by_role("button", name=re.compile("^(Start|Continue)")).last.click()
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    say(page, "Hello.")
    wait_for_reply(page, begun + 1)
    say(page, "May I ask what the letter says?")
    expect(page.locator("#composer-note")).to_contain_text("You can send the next message in")
    expect(page.locator("#say")).to_have_value("May I ask what the letter says?")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "true")
    look(page, "chat-limit")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false", timeout=15_000)
    expect(page.locator("#composer-note")).to_be_empty()
    expect(page.locator("#announcer")).to_have_text("You can send it now.")
    page.locator("#send").click()
    wait_for_reply(page, begun + 2)
    limit_messages(portal, 1_000, 60)


def test_who_waits_in_line_reads_where_until_the_reply_begins(
    enter: Callable[..., Page], troubled: tuple[Portal, StandIn]
) -> None:
    portal, api = troubled
    one = enter("student", PHONE, base_url=portal.url, color_scheme="dark")
    two = one.context.new_page()
    for page, name in ((one, "Sylvia"), (two, "Walter")):
        page.goto(f"/practice/?q={name}")
        page.get_by_role("button", name=re.compile("^(Start|Continue)")).first.click()
        expect(page.locator("#composer")).to_be_visible()
    begun = replies(two)
    api.modes(ttft=6_000)
    say(one, "Good morning.")
    expect(one.locator(".message-thinking")).to_contain_text("is thinking")
    say(two, "Good morning.")
    expect(two.locator(".message-thinking")).to_contain_text("The reply comes next.")
    look(two, "chat-queue")
    api.modes(ttft=5)
    wait_for_reply(two, begun + 1)
    expect(two.locator(".message-thinking:visible")).to_have_count(0)


def test_a_used_up_budget_is_told_before_anybody_types_and_the_draft_is_kept(
    enter: Callable[..., Page], troubled: tuple[Portal, StandIn]
) -> None:
    portal, _api = troubled
    page = enter("student", PHONE, base_url=portal.url)
    page.get_by_role("button", name=re.compile("^(Start|Continue)")).last.click()
    expect(page.locator("#allowance")).to_be_hidden()
    portal.ask(
        "from monitoring.models import Budget\nBudget.objects.create(scope='user', period='day', limit_microusd=0)"
    )
    # Told by the refusal, and by the page from then on.
    say(page, "May I come back tomorrow?")
    expect(page.locator("#allowance")).to_contain_text("used up")
    expect(page.locator("#say")).to_have_value("May I come back tomorrow?")
    page.get_by_role("link", name="Check again").click()
    expect(page.locator("#allowance")).to_contain_text("used up")
    expect(page.locator("#say")).to_have_value("May I come back tomorrow?")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "true")
    look(page, "chat-budget")


def test_a_model_that_does_not_answer_is_told_before_a_student_begins(
    enter: Callable[..., Page], troubled: tuple[Portal, StandIn]
) -> None:
    portal, _api = troubled
    portal.ask(
        "from monitoring import breakers\n"
        "from monitoring.models import Budget\n"
        "Budget.objects.all().delete()\n"
        "for _ in range(5): breakers.failed(provider=breakers.configured_provider(),"
        " model='claude-haiku-5-5', fault='overloaded')"
    )
    page = enter("student", PHONE, base_url=portal.url)
    expect(page.get_by_text("Clients cannot answer just now.")).to_be_visible()
    look(page, "practice-service")
    page.get_by_role("button", name=re.compile("^(Start|Continue)")).last.click()
    expect(page.locator("#service")).to_contain_text("Clients cannot answer just now.")
    look(page, "chat-service")


def test_a_pause_hides_the_composer_and_goes_on_where_it_was(enter: Callable[..., Page]) -> None:
    page = enter("student")
    page.goto("/practice/")
    page.get_by_role("button", name=re.compile("^(Start|Continue)")).first.click()
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
    expect(page.get_by_role("link", name="Sessions")).to_be_visible()


def test_the_pictures_are_there_to_be_looked_at() -> None:
    assert Path(PICTURES).exists()
