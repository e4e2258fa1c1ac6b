"""The dashboard in a browser: it stays fresh under the hands of whoever reads it, and says so when it cannot."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from config.tests.pictures import look
from config.tests.portal import Portal, running_portal

pytestmark = pytest.mark.browser

USE = """
from monitoring import pricing
from monitoring.models import LedgerEntry, Reservation
price = pricing.free("haiku").to_json()
for cost in (700, 300):
    held = Reservation.objects.create(kind="turn", price=price, amount_microusd=0, state="settled")
    LedgerEntry.objects.create(
        reservation=held, kind="turn", model="haiku", input_tokens=90, output_tokens=10, cost_microusd=cost,
        first_text_ms=400, outcome="complete",
    )
"""
ALERT = """
from monitoring.models import Alert
Alert.objects.create(key="a", kind="budget", severity="warning", text="Half of the budget is spent. " * 9)
"""
REFRESH = "document.dispatchEvent(new Event('visibilitychange'))"
SELECT = "getSelection().selectAllChildren(document.querySelector('#panel-models caption'))"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("dashboard")) as portal:
        portal.ask(USE)
        yield portal


def test_news_disturb_nobody_and_their_absence_is_told(portal: Portal, enter: Callable[..., Page]) -> None:
    page = enter("admin")
    page.goto("/admin/")
    look(page, "dashboard")
    page.locator("#panel-hours summary").first.click()
    page.get_by_text("Cost sheet by day, model and section").click()
    first = page.locator("#costs-first")
    first.fill("2026-02-03")
    place = first.bounding_box()
    assert place

    portal.ask(ALERT)
    first.focus()
    page.evaluate(SELECT)
    page.evaluate(REFRESH)
    expect(page.locator("#panel-alerts")).to_contain_text("Half of the budget is spent.")
    expect(page.locator("#costs-first")).to_be_focused()
    expect(first).to_have_value("2026-02-03")
    expect(page.locator("#panel-hours details").first).to_have_attribute("open", "")
    now = first.bounding_box()
    assert now
    assert abs(now["y"] - place["y"]) < 2
    # What is being selected waits, and says of when it is.
    assert page.evaluate("String(getSelection()).trim()") == "Today"
    expect(page.locator("#panel-models .panel-held")).to_contain_text("it waits while text in it is selected")
    page.evaluate("getSelection().removeAllRanges()")
    page.evaluate(REFRESH)
    expect(page.locator("#panel-models .panel-held")).to_have_count(0)

    # A server of sockets hands on the sheet as it comes.
    status, _url, sheet = portal.visitor().sign_in("admin").get("/admin/dashboard/costs.csv")
    assert status == 200
    assert '"1000","0.001000"' in sheet

    page.get_by_label("Refresh every 30 seconds").uncheck()
    expect(page.locator("#dashboard-at")).to_contain_text("Refresh is off.")
    page.reload()
    expect(page.get_by_label("Refresh every 30 seconds")).not_to_be_checked()
    page.route("**/admin/dashboard/part", lambda route: route.abort())
    page.get_by_label("Refresh every 30 seconds").check()
    expect(page.locator("#dashboard-at")).to_contain_text("Could not refresh at")
