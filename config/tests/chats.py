"""What journeys do in a chat: begin it, say something, wait for replies, and change how much may be said."""

import re

from playwright.sync_api import Page, expect

from config.tests.portal import Portal


def begin(page: Page, at: int = 0) -> None:
    """Start or go on with one of the clients on the cards, and agree to the content note where there is a new one."""
    page.get_by_role("button", name=re.compile("^(Start|Continue)")).nth(at).click()
    page.wait_for_url(re.compile("/(sessions|content-note)/"))
    if "/content-note/" in page.url:
        page.get_by_label(re.compile("I have read this")).check()
        page.get_by_role("button", name="Start the conversation").click()


def say(page: Page, text: str) -> None:
    """Send this, once the page can."""
    expect(page.locator("#timer")).to_be_visible()  # the page's script runs
    page.locator("#say").fill(text)
    page.locator("#say").press("Enter")


def replies(page: Page) -> int:
    """How many whole replies the page shows."""
    return page.locator(".message-client[data-status=complete]").count()


def wait_for_reply(page: Page, count: int) -> None:
    """Wait until the page shows so many whole replies."""
    expect(page.locator(".message-client[data-status=complete]")).to_have_count(count, timeout=60_000)


def limit_messages(portal: Portal, count: int, seconds: int) -> None:
    """Let everyone send so many messages in so many seconds, from now on: what was sent before does not count."""
    portal.ask(
        "from monitoring.models import RateLimit, RateWindow\n"
        "RateWindow.objects.filter(name='message_user').delete()\n"
        f"RateLimit.objects.filter(name='message_user').update(count={count}, seconds={seconds})"
    )
