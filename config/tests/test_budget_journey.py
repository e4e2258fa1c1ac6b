"""A budget as people live it: an operator sets one for one student, who sees what is left, runs low, and gets more."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from config.tests.pictures import PHONE, look
from config.tests.portal import Portal, running_portal

pytestmark = pytest.mark.browser

# What eight conversations cost, all of them the student's.
USE = """
import uuid
from accounts.models import User
from monitoring import pricing, services
from monitoring.budgets import Scope
by = User.objects.get(email="student@example.com")
price = pricing.Price("plain", (pricing.Tier(0, pricing.MILLION, 0, 0, 0),))
for _talk in range(8):
    one = services.reserve(
        by=by, kind="turn", scopes=[Scope("session", uuid.uuid4(), "")], price=price, amount_microusd=100_000
    )
    usage = pricing.Usage(input=100_000)
    services.settle(reservation=one, usage=usage, outcome="complete", first_text_ms=1, total_ms=2)
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("budget")) as portal:
        yield portal


def test_a_student_sees_what_an_operator_set_runs_low_is_told_and_gets_more(
    portal: Portal, enter: Callable[..., Page]
) -> None:
    # Before there is a budget: what a conversation costs is known from these.
    portal.ask(USE)
    student = enter("student", PHONE)
    student.goto("/accounts/budget/")
    expect(student.get_by_role("heading", name="No budget of your own limits you")).to_be_visible()
    look(student, "budget-none")

    admin = enter("admin")
    admin.goto("/admin/accounts/student/?q=student%40example.com")
    admin.get_by_role("link", name="Alex Romero").click()
    admin.get_by_role("link", name="what is used and left").click()
    admin.get_by_role("row", name=re.compile("^A month")).get_by_role("link", name=re.compile("^Set")).click()
    admin.get_by_label("US dollars").fill("1")
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text(re.compile("Alex Romero has .1.00 .* for a month now."))).to_be_visible()

    portal.ask(USE)
    student.goto("/practice/")
    student.locator("a[href='/notifications/']").first.click()
    student.get_by_role("link", name=re.compile("^75% of your budget for")).click()
    expect(student.get_by_text("About 2 more conversations.")).to_be_visible()
    expect(student.get_by_role("progressbar", name=re.compile("^This month 80% used"))).to_be_visible()
    expect(student.get_by_text("Getting low")).to_be_visible()
    look(student, "budget-low")

    admin.reload()
    expect(admin.get_by_text("$0.8000, 80%")).to_be_visible()
    admin.get_by_role("link", name=re.compile("^Begin anew – a month")).click()
    admin.get_by_role("button", name="Begin anew").click()
    expect(admin.get_by_text("$0.8000 had been used.")).to_be_visible()
    student.reload()
    expect(student.get_by_text("About 10 more conversations.")).to_be_visible()
    student.locator("details.menu summary").click()
    expect(student.get_by_role("link", name="Your budget", exact=True)).to_be_visible()
