"""Browsers for whole journeys."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from config.tests.pictures import DESKTOP
from config.tests.portal import Portal
from conftest import CHROMIUM

# Milliseconds for what takes a few: a busy machine is no reason to fail.
SEEN_WITHIN, DONE_WITHIN = 20_000, 60_000
expect.set_options(timeout=SEEN_WITHIN)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            timeout=2 * DONE_WITHIN,
        )


@pytest.fixture
def enter(portal: Portal, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a browser of its own for one of the demo's people, signed in; complains about any error on its pages."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_one(name: str, viewport: dict[str, int] | None = None, **options: object) -> Page:
        context = browser.new_context(viewport=viewport or DESKTOP, **{"base_url": portal.url, **options})  # type: ignore[arg-type]
        context.set_default_timeout(DONE_WITHIN)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto("/accounts/login/")
        page.locator("[name=username]").fill(f"{name}@example.com")
        page.locator("[name=password]").fill("demo")
        page.locator("main [type=submit]").click()
        page.wait_for_url(re.compile(r"/(practice|work|teaching|admin)/"))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not problems
