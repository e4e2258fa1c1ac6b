"""What people may rely on about their own budget: what is left in plain words, in time, and whom to ask."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import translation

from accounts import calendar
from accounts.models import Notification, School, Term, User
from accounts.services.notifications import Ways, choose_ways
from monitoring import periods, pricing, services, standings
from monitoring.models import Budget, BudgetAccount
from monitoring.tests.ledger import noon_of, settled

pytestmark = pytest.mark.django_db
PRICE = pricing.Price("plain", (pricing.Tier(0, pricing.MILLION, 0, 0, 0),))
PAGE = "/accounts/budget/"


def spend(by: User, cost: int) -> None:
    """A reply that cost so many micro-dollars."""
    made = services.reserve(by=by, kind="turn", scopes=[], price=PRICE, amount_microusd=cost)
    usage = pricing.Usage(input=cost)
    services.settle(reservation=made, usage=usage, outcome="complete", first_text_ms=1, total_ms=2)


def budget(limit: int, period: str = "month", **fields: Any) -> Budget:
    return Budget.objects.create(scope="user", period=period, limit_microusd=limit, **fields)


def costs(microusd: int) -> None:
    """What a conversation cost lately."""
    settled(noon_of(1), cost_microusd=microusd, session_uuid=uuid.uuid4())


@pytest.fixture
def browser(client: Browser, student: User, school: School) -> Browser:
    client.force_login(student)
    return client


def test_without_a_budget_the_page_says_that_nothing_limits_and_leads_to_practice(browser: Browser) -> None:
    Budget.objects.create(scope="site", period="day", limit_microusd=1)
    page = browser.get(PAGE).text
    assert "No budget of your own limits you" in page
    assert reverse("practice") in page
    assert "<progress" not in page


def test_a_student_sees_what_is_used_and_left_in_conversations_and_no_money(browser: Browser, student: User) -> None:
    costs(100)
    budget(2_000, label="Each student")
    budget(500, "day")
    spend(student, 350)
    page = browser.get(PAGE).text
    assert "About 16 more conversations." in page
    assert "About 1 more conversation." in page
    assert "17% used." in page
    assert "70% used." in page
    assert 'value="17"' in page
    assert page.index("Today") < page.index("This month")
    assert "$" not in page
    tomorrow = periods.today() + dt.timedelta(days=1)
    assert f"It renews on {tomorrow:%b}" in page
    assert "ask help@school.example" not in page


def test_what_is_left_is_said_in_percent_until_somebody_knows_what_a_conversation_costs(
    browser: Browser, student: User
) -> None:
    budget(100)
    spend(student, 40)
    page = browser.get(PAGE).text
    assert "60% of it is left." in page
    assert "conversation." not in page.split("<progress")[0].split("<h2 id")[1]


@pytest.mark.parametrize(
    ("spent", "word", "message"),
    [
        (74, "Enough left", ""),
        (75, "Getting low", "Most of it is used."),
        (90, "Nearly used up", "Soon a reply may be refused."),
        (100, "Used up", "Clients do not answer you until it renews."),
    ],
)
def test_each_level_says_in_a_word_and_a_sentence_what_happens_and_whom_to_ask(
    browser: Browser, student: User, spent: int, word: str, message: str
) -> None:
    budget(100)
    spend(student, spent)
    page = browser.get(PAGE).text
    assert f">{word}<" in page
    assert message in page
    assert ("If you need more before then, ask help@school.example." in page) == bool(message)
    assert ("Nothing is left for another reply." in page) == (spent == 100)


def test_without_a_support_contact_students_ask_their_teacher_and_teachers_who_runs_rapport(
    browser: Browser, student: User, teacher: User
) -> None:
    School.objects.update(support_contact="")
    budget(100)
    for person, whom in ((student, "ask your teacher."), (teacher, "ask whoever runs Rapport at your school.")):
        spend(person, 80)
        browser.force_login(person)
        assert f"If you need more before then, {whom}" in browser.get(PAGE).text


def test_a_term_whose_end_nobody_wrote_down_says_so(browser: Browser) -> None:
    today = periods.today()
    Term.objects.create(name="Now", starts_on=today - dt.timedelta(days=9), ends_on=today + dt.timedelta(days=9))
    calendar.forget()
    budget(100, "term")
    assert "whose first day is not written down yet" in browser.get(PAGE).text


def test_staff_who_see_money_see_what_their_own_conversations_cost(
    client: Browser, caretaker: User, teacher: User
) -> None:
    budget(2_000_000)
    for person, sees in ((caretaker, True), (teacher, False)):
        spend(person, 500_000)
        client.force_login(person)
        assert ("$0.5000 of $2.00." in client.get(PAGE).text) == sees


def test_nobody_sees_the_budget_of_somebody_else(browser: Browser, other_student: User) -> None:
    budget(100, scope_id=other_student.pk)
    spend(other_student, 99)
    assert "No budget of your own limits you" in browser.get(PAGE).text


def test_the_page_takes_few_queries_however_many_budgets_there_are(
    browser: Browser, student: User, django_assert_max_num_queries: Any
) -> None:
    costs(100)
    for period in Budget.Period.values:
        budget(1_000, period)
        budget(2_000, period, scope_id=student.pk)
    spend(student, 10)
    browser.get(PAGE)
    with django_assert_max_num_queries(12):
        assert browser.get(PAGE).text.count("<progress") == 3


def test_the_menu_and_the_account_lead_to_the_budget(browser: Browser) -> None:
    assert browser.get("/accounts/profile/").text.count(f'href="{PAGE}"') == 2
    assert f'href="{PAGE}"' in browser.get("/help/").text


# --- Being told -------------------------------------------------------------------------------------------------------


def sentences(person: User) -> list[str]:
    return [row.sentence for row in Notification.objects.filter(user=person).order_by("created_at", "pk")]


def test_each_level_is_told_once_with_the_way_to_the_page(student: User, other_student: User) -> None:
    budget(100)
    month = f"{periods.today():%B %Y}"
    for cost in (60, 16, 1, 14, 9):
        spend(student, cost)
    assert sentences(student) == [
        f"75% of your budget for {month} is used",
        f"90% of your budget for {month} is used",
        f"Your budget for {month} is used up",
    ]
    assert set(Notification.objects.values_list("path", "to_mail")) == {(PAGE, True)}
    assert sentences(other_student) == []


def test_it_is_told_in_the_readers_language(student: User) -> None:
    budget(100, "term")
    spend(student, 80)
    (told,) = Notification.objects.all()
    with translation.override("es"):
        assert told.sentence
    assert told.sentence.startswith("75% of your budget for the term from")


def test_of_a_days_budget_people_are_told_in_the_portal_alone(student: User) -> None:
    budget(100, "day")
    spend(student, 80)
    told = Notification.objects.get()
    assert (told.shown, told.to_mail) == (True, False)
    choose_ways(by=student, ways={Notification.Kind.BUDGET: Ways(in_portal=False, by_mail=True)})
    spend(student, 15)
    assert Notification.objects.count() == 1


def test_a_new_day_is_told_of_anew_and_a_raise_too(student: User, caretaker: User) -> None:
    budget(100, "day")
    spend(student, 80)
    BudgetAccount.objects.update(starts_on=periods.today() - dt.timedelta(days=1))
    spend(student, 80)
    standings.set_own(by=caretaker, person=student, period="day", more_microusd=100)
    spend(student, 80)
    assert Notification.objects.count() == 3


def test_whoever_opens_the_page_has_read_what_leads_there(browser: Browser, student: User) -> None:
    budget(100)
    spend(student, 80)
    browser.get(PAGE)
    assert Notification.objects.get().read_at is not None


def test_who_cannot_sign_in_or_is_gone_is_told_nothing_and_the_money_is_settled_all_the_same(student: User) -> None:
    budget(100)
    User.objects.filter(pk=student.pk).update(is_active=False)
    spend(student, 80)
    assert not Notification.objects.exists()
    assert BudgetAccount.objects.get().spent_microusd == 80
