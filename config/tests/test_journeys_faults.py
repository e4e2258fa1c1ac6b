"""Journeys on a portal with a model behind it: what people see of its faults, of limits, and of a wait."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from bench.standin import StandIn, running_standin
from config.tests.chats import begin, limit_messages, replies, say, wait_for_reply
from config.tests.pictures import PHONE, look
from config.tests.portal import Portal, running_portal

pytestmark = [pytest.mark.browser, pytest.mark.servers]


@pytest.fixture(scope="module")
def api() -> Iterator[StandIn]:
    """The model, whose faults a test chooses."""
    with running_standin(text="I got a letter.", ttft=5, delay=5) as api:
        yield api


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, api: StandIn) -> Iterator[Portal]:
    """A portal with the model behind it, which does not ask twice by itself."""
    with running_portal(
        tmp_path_factory.mktemp("troubled"),
        ANTHROPIC_API_KEY="test-key",
        ANTHROPIC_BASE_URL=api.url,
        PROVIDER_CALLS="1",
        BACKOFF_FIRST_SECONDS="0.01",
        MODEL_CALLS_AT_ONCE="1",
        REPLY_FIRST_TEXT_SECONDS="120",
        REPLY_SILENCE_SECONDS="120",
        REPLY_TOTAL_SECONDS="300",
        QUEUE_SECONDS="120",
        BREAKER_OPEN_SECONDS="600",
    ) as portal:
        yield portal


def test_a_client_that_cannot_answer_says_so_and_answers_when_the_fault_is_gone(
    enter: Callable[..., Page], api: StandIn
) -> None:
    page = enter("student", PHONE)
    begin(page)
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
    enter: Callable[..., Page], portal: Portal
) -> None:
    limit_messages(portal, 1, 600)
    page = enter("student", PHONE)
    page.clock.install()
    begin(page, -1)
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    say(page, "Hello.")
    wait_for_reply(page, begun + 1)
    say(page, "May I ask what the letter says?")
    expect(page.locator("#composer-note")).to_contain_text("You can send the next message in")
    expect(page.locator("#say")).to_have_value("May I ask what the letter says?")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "true")
    look(page, "chat-limit")
    limit_messages(portal, 1_000, 60)
    page.clock.fast_forward("11:10")
    expect(page.locator("#send")).to_have_attribute("aria-disabled", "false")
    expect(page.locator("#composer-note")).to_be_empty()
    expect(page.locator("#announcer")).to_have_text("You can send it now.")
    page.locator("#send").click()
    wait_for_reply(page, begun + 2)


def test_words_that_are_not_the_clients_vanish_and_the_teacher_finds_them(
    enter: Callable[..., Page], api: StandIn
) -> None:
    page = enter("student", PHONE)
    page.goto("/practice/?q=Meera")
    begin(page)
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    api.next(text="Well, it rained. As an AI language model I do not get wet, whatever you may think.", hold=6)
    api.next(text="It rained, so I stayed at home.", hold=1)
    say(page, "How was your weekend?")
    said = page.locator(".message-client").last
    expect(said.locator(".message-text")).to_contain_text("Well, it rained.")
    api.release()
    expect(said.locator(".message-text")).to_be_empty()
    expect(said.locator(".message-thinking")).to_contain_text("is thinking")
    api.release()
    wait_for_reply(page, begun + 1)
    expect(said.locator(".message-text")).to_have_text("It rained, so I stayed at home.")
    expect(page.locator("#announcer")).not_to_contain_text("language model")
    name = page.locator(".message-client .message-who").last.inner_text()

    teacher = enter("teacher")
    teacher.goto(f"/clients/?tab=builtin&q={name}")
    teacher.get_by_role("link", name=re.compile(name)).first.click()
    look(teacher, "client-left-character")
    teacher.get_by_role("link", name=re.compile("Out of character: 1 in")).click()
    expect(teacher.get_by_text("“Well, it rained. As an AI language model”")).to_be_visible()
    look(teacher, "breaches")
    teacher.get_by_role("link", name=re.compile("Transcript of")).first.click()
    expect(teacher.get_by_text("which was taken back")).to_be_visible()
    look(teacher, "transcript-taken-back")


def test_who_waits_in_line_reads_where_until_the_reply_begins(enter: Callable[..., Page], api: StandIn) -> None:
    one = enter("student", PHONE, color_scheme="dark")
    two = one.context.new_page()
    for page, name in ((one, "Sylvia"), (two, "Walter")):
        page.goto(f"/practice/?q={name}")
        begin(page)
        expect(page.locator("#composer")).to_be_visible()
    begun = replies(two)
    api.next(hold=1)
    say(one, "Good morning.")
    expect(one.locator(".message-thinking")).to_contain_text("is thinking")
    say(two, "Good morning.")
    expect(two.locator(".message-thinking")).to_contain_text("The reply comes next.")
    look(two, "chat-queue")
    api.release()
    wait_for_reply(two, begun + 1)
    expect(two.locator(".message-thinking:visible")).to_have_count(0)


def test_stop_keeps_what_arrived_and_try_again_makes_it_whole(enter: Callable[..., Page], api: StandIn) -> None:
    page = enter("student")
    page.goto("/practice/")
    begin(page, -1)
    expect(page.locator("#composer")).to_be_visible()
    begun = replies(page)
    api.next(text="I got a letter, and then another one came on the Monday after that.", hold=9)
    say(page, "Can you tell me what happened, in your own words?")
    last = page.locator(".message-client").last
    expect(page.locator("#stop")).to_be_visible()
    expect(last.locator(".message-text")).not_to_be_empty()
    page.locator("#stop").click()
    expect(page.locator(".message-client[data-status=stopped]")).to_be_visible()
    look(page, "chat-stopped")
    page.get_by_role("button", name="Try again").click()
    wait_for_reply(page, begun + 1)


def test_a_used_up_budget_is_told_before_anybody_types_and_the_draft_is_kept(
    enter: Callable[..., Page], portal: Portal
) -> None:
    page = enter("student", PHONE)
    begin(page, -1)
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
    enter: Callable[..., Page], portal: Portal
) -> None:
    portal.ask(
        "from monitoring import breakers, providers\n"
        "from monitoring.models import Budget\n"
        "Budget.objects.all().delete()\n"
        "for _ in range(5): breakers.failed(provider=providers.configured().provider,"
        " model='claude-haiku-5-5', fault='overloaded')"
    )
    page = enter("student", PHONE)
    expect(page.get_by_text("Clients cannot answer just now.")).to_be_visible()
    look(page, "practice-service")
    begin(page, -1)
    expect(page.locator("#service")).to_contain_text("Clients cannot answer just now.")
    look(page, "chat-service")
