"""What operators do with the budget of one person in the admin: find it, set it, raise it, begin it anew, look back."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from monitoring import audit, periods, pricing, services, standings
from monitoring.models import AdminReading, Budget, BudgetAccount
from monitoring.tests.test_admin_money import chosen

pytestmark = pytest.mark.django_db
PRICE = pricing.Price("plain", (pricing.Tier(0, pricing.MILLION, 0, 0, 0),))
DOLLAR = 1_000_000


def spend(by: User, cost: int) -> None:
    """A reply that cost so many micro-dollars."""
    made = services.reserve(by=by, kind="turn", scopes=[], price=PRICE, amount_microusd=cost)
    usage = pricing.Usage(input=cost)
    services.settle(reservation=made, usage=usage, outcome="complete", first_text_ms=1, total_ms=2)


def page_of(person: User, what: str = "budgets", *more: str) -> str:
    return reverse(f"admin:monitoring_person_{what}", args=[person.pk, *more])


@pytest.fixture
def desk(client: Browser, caretaker: User) -> Browser:
    client.force_login(caretaker)
    return client


@pytest.fixture
def general(student: User) -> Budget:
    """Two dollars a month for each person, of which the student has used one and a half."""
    made = Budget.objects.create(scope="user", period="month", limit_microusd=2 * DOLLAR, label="Each person")
    spend(student, DOLLAR * 3 // 2)
    return made


@pytest.mark.parametrize(
    ("who", "sees"), [("caretaker", True), ("operator", True), ("auditor", True), ("support", False)]
)
def test_the_page_of_a_person_leads_those_who_see_money_to_their_budgets(
    client: Browser, student: User, who: str, sees: bool, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    for model in ("user", "student"):
        page = client.get(reverse(f"admin:accounts_{model}_change", args=[student.pk])).text
        assert (page_of(student) in page) == sees
    assert (client.get(page_of(student)).status_code == 200) == sees


def test_a_new_person_has_no_budgets_to_look_at_yet(client: Browser, operator: User) -> None:
    client.force_login(operator)
    assert "person/" not in client.get(reverse("admin:accounts_user_add")).text


def test_each_period_says_what_is_in_force_used_and_left(desk: Browser, student: User, general: Budget) -> None:
    Budget.objects.create(scope="user", scope_id=student.pk, period="day", limit_microusd=DOLLAR)
    page = desk.get(page_of(student)).text
    for words in ("the general one", "their own", "none: nothing limits them", "$2.00", "$1.50", "75%", "$0.5000"):
        assert words in page
    for period in Budget.Period.values:
        assert page_of(student, "limit", period) in page
        assert (page_of(student, "anew", period) in page) == (period != "term")
    assert "Nobody has changed anything yet." in page


def test_an_operator_raises_one_persons_budget_and_the_history_says_who_from_what_to_what(
    desk: Browser, student: User, general: Budget, caretaker: User
) -> None:
    address = page_of(student, "limit", "month")
    form = desk.get(address).text
    assert "The general budget of each person is $2.00" in form
    assert "Enter a number" in desk.post(address, {"how": "by", "dollars": "much"}).text
    page = desk.post(address, {"how": "by", "dollars": "3"}, follow=True).text
    assert "Student has $5.00 for a month now." in page
    assert "Limit: $5.00, before that $2.00. $1.50 that was used of the general budget goes on counting." in page
    assert "Caretaker" in page
    (one,) = standings.standings(student.pk)
    assert (one.is_own, one.account.left_microusd) == (True, 5 * DOLLAR - DOLLAR * 3 // 2)
    assert "Their own budget is $5.00 now" in desk.get(address).text
    assert "Student has $4.00" in desk.post(address, {"how": "to", "dollars": "4"}, follow=True).text
    assert LogEntry.objects.filter(user=caretaker).count() == 2


def test_a_first_budget_is_set_and_cannot_be_raised(desk: Browser, student: User) -> None:
    address = page_of(student, "limit", "term")
    assert '<option value="to" selected>' in desk.get(address).text
    assert "there is nothing to raise" in desk.post(address, {"how": "by", "dollars": "1"}).text
    assert "Student has $1.00 for a term now." in desk.post(address, {"how": "to", "dollars": "1"}, follow=True).text


def test_an_operator_lets_the_use_of_a_person_begin_anew_after_being_asked(
    desk: Browser, student: User, general: Budget
) -> None:
    address = page_of(student, "anew", "month")
    asked = desk.get(address).text
    assert "Of $2.00 for a month, $1.50 is used since" in asked
    page = desk.post(address, follow=True).text
    assert "The use counts from nothing again." in page
    assert "Begun anew: of $2.00 from" in page
    assert "$1.50 had been used." in page
    assert standings.standings(student.pk)[0].account.left_microusd == 2 * DOLLAR
    assert "Nothing was used, so nothing has changed." in desk.post(address, follow=True).text
    assert audit.check_budgets().breaches == []


def test_what_is_unknown_is_not_there(desk: Browser, student: User) -> None:
    nobody = reverse("admin:monitoring_person_budgets", args=[uuid.uuid4()])
    for address in (nobody, page_of(student, "limit", "week"), page_of(student, "anew", "day")):
        assert desk.get(address).status_code == 404


def test_who_only_looks_sees_the_page_without_buttons_and_changes_nothing(
    client: Browser, auditor: User, student: User, general: Budget
) -> None:
    client.force_login(auditor)
    page = client.get(page_of(student)).text
    assert "$1.50" in page
    assert "/limit/" not in page
    for what in ("limit", "anew"):
        assert client.post(page_of(student, what, "month"), {"how": "to", "dollars": "9"}).status_code == 403
    assert Budget.objects.get().limit_microusd == 2 * DOLLAR
    looked = AdminReading.objects.filter(what="monitoring.budget", row=str(student.pk))
    assert looked.exists()


def test_the_page_takes_few_queries_and_the_history_has_pages(
    desk: Browser, student: User, general: Budget, caretaker: User, django_assert_max_num_queries: Any
) -> None:
    for _time in range(45):
        standings.set_own(by=caretaker, person=student, period="month", more_microusd=DOLLAR)
    desk.get(page_of(student))
    with django_assert_max_num_queries(12):
        page = desk.get(page_of(student)).text
    assert page.count("before that") == 20
    assert "Page 1 of 3" in page
    assert desk.get(page_of(student), {"page": 3}).text.count("before that") == 5


def test_a_change_by_the_form_is_in_the_history_with_both_limits(desk: Browser, student: User, general: Budget) -> None:
    add = reverse("admin:monitoring_budget_add")
    fields = {"scope": "user", "scope_id": str(student.pk), "label": "Robin", "period": "month", "alert_steps": "90"}
    desk.post(add, {**fields, "limit_microusd": "3", "is_active": "on"})
    own = Budget.objects.get(scope_id=student.pk)
    assert standings.standings(student.pk)[0].account.used_microusd == DOLLAR * 3 // 2
    change = reverse("admin:monitoring_budget_change", args=[own.pk])
    assert page_of(student) in desk.get(change).text
    assert page_of(student) not in desk.get(reverse("admin:monitoring_budget_change", args=[general.pk])).text
    desk.post(change, {"label": "Robin", "limit_microusd": "4", "alert_steps": "80, 90"})
    desk.post(change, {"label": "Robin", "limit_microusd": "4", "alert_steps": "80, 90", "is_active": "on"})
    desk.post(change, {"label": "Robin B.", "limit_microusd": "4", "alert_steps": "80, 90", "is_active": "on"})
    told = [entry.get_change_message() for entry in standings.history(student.pk)]
    assert told == [
        "Changed Name.",
        "In force again.",
        "Limit: $4.00, before that $3.00. Out of force. Alert at percent: 80, 90.",
        "Limit: $3.00.",
    ]


def test_chosen_budgets_are_raised_by_an_amount_and_their_steps_are_told_anew(desk: Browser) -> None:
    rows = [Budget.objects.create(scope="user", period=period, limit_microusd=DOLLAR) for period in ("day", "month")]
    told = BudgetAccount.objects.create(budget=rows[0], starts_on=periods.today(), alerted_percent=90)
    assert "US dollars more" in chosen(desk, "budget", "raise_limit", *rows)
    assert "2 budgets are raised." in chosen(desk, "budget", "raise_limit", *rows, confirmed="yes", more="1.5")
    assert set(Budget.objects.values_list("limit_microusd", flat=True)) == {DOLLAR * 5 // 2}
    told.refresh_from_db()
    assert told.alerted_percent == 0
    assert {entry.change_message for entry in LogEntry.objects.all()} == {"Raised by $1.50."}


def test_chosen_accounts_begin_anew_and_what_is_over_is_left_as_it_is(
    desk: Browser, student: User, other_student: User, general: Budget
) -> None:
    spend(other_student, DOLLAR)
    over = BudgetAccount.objects.create(
        budget=general, scope_id=student.pk, starts_on=periods.today() - dt.timedelta(days=400)
    )
    rows = list(BudgetAccount.objects.exclude(pk=over.pk))
    assert "It stays in the books" in chosen(desk, "budgetaccount", "begin_anew", *rows)
    page = chosen(desk, "budgetaccount", "begin_anew", *rows, over, confirmed="yes")
    assert "2 accounts count from nothing." in page
    assert "1 is left as it is" in page
    assert "−$1.50" in page
    assert LogEntry.objects.count() == 2
    again = chosen(desk, "budgetaccount", "begin_anew", over, confirmed="yes")
    assert "1 is left as it is" in again
    assert "counts from nothing" not in again


def test_a_raise_that_is_sent_twice_raises_once(desk: Browser, student: User, general: Budget) -> None:
    page = page_of(student, "limit", "month")
    sent = {"how": "by", "dollars": "1", "seen": str(2 * DOLLAR)}
    assert f'name="seen" value="{2 * DOLLAR}"' in desk.get(page).text
    assert desk.post(page, sent).status_code == 302
    again = desk.post(page, sent).text
    assert "The limit has changed meanwhile" in again
    assert f'value="{3 * DOLLAR}"' in again
    assert Budget.objects.get(scope_id=student.pk).limit_microusd == 3 * DOLLAR
