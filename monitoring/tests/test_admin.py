"""The operator sees the ledger and cannot change it, and sets prices and budgets."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from monitoring import pricing, services
from monitoring.models import Budget, BudgetAccount, ModelPrice
from monitoring.services import Scope

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["modelprice", "budget", "budgetaccount", "ledgerentry", "reservation", "heartbeat"])
def test_every_list_opens_and_only_prices_and_budgets_can_be_added(client: Browser, operator: User, model: str) -> None:
    client.force_login(operator)
    assert client.get(reverse(f"admin:monitoring_{model}_changelist")).status_code == 200
    added = client.get(reverse(f"admin:monitoring_{model}_add")).status_code
    assert added == (200 if model in ("modelprice", "budget") else 403)


def test_a_price_that_has_begun_can_be_read_and_not_edited(client: Browser, operator: User) -> None:
    client.force_login(operator)
    row = ModelPrice.objects.first()
    assert row
    page = reverse("admin:monitoring_modelprice_change", args=[row.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"model": "other"}).status_code == 403
    assert client.post(reverse("admin:monitoring_modelprice_delete", args=[row.pk])).status_code == 403


def test_the_list_of_prices_names_their_unit(client: Browser, operator: User) -> None:
    client.force_login(operator)
    page = client.get(reverse("admin:monitoring_modelprice_changelist")).content.decode()
    assert "US dollars per million tokens" in page


# --- Budgets ---------------------------------------------------------------------------------------------------------

BUDGETS = "admin:monitoring_budget_changelist"


def spend(by: User, held: int, cost: int) -> None:
    """Hold money, and spend some more."""
    scopes = [Scope("session", uuid.uuid4(), "")]
    price = pricing.Price("plain", (pricing.Tier(0, pricing.MILLION, 0, 0, 0),))
    services.reserve(by=by, kind="turn", scopes=scopes, price=price, amount_microusd=held)
    reservation = services.reserve(by=by, kind="turn", scopes=scopes, price=price, amount_microusd=cost)
    usage = pricing.Usage(input=cost)
    services.settle(reservation=reservation, usage=usage, outcome="complete", first_text_ms=1, total_ms=1)


def page(client: Browser, name: str, *args: Any) -> str:
    return re.sub(r"<[^>]*>", " ", client.get(reverse(name, args=args)).content.decode())


def filled(**fields: Any) -> dict[str, Any]:
    return {
        "scope": "user",
        "period": "day",
        "limit_microusd": "1",
        "alert_steps": "100",
        "is_active": "on",
        **fields,
    }


def test_the_list_of_budgets_says_what_is_spent_held_and_left_and_for_how_many_conversations(
    client: Browser, operator: User, student: User
) -> None:
    Budget.objects.create(scope="site", period="day", limit_microusd=10_000_000)
    Budget.objects.create(scope="user", scope_id=student.pk, period="month", limit_microusd=4_000_000)
    Budget.objects.create(scope="user", period="term", limit_microusd=5_000_000)
    spend(student, held=1_000_000, cost=2_000_000)
    client.force_login(operator)
    shown = page(client, BUDGETS)
    for figure in ("$10.00", "$2.00", "$1.00", "$7.00 (about 3 conversations)", "$1.00 (about 0 conversations)"):
        assert figure in shown
    (link,) = set(re.findall(r'href="([^"]*budget__exact[^"]*)"', client.get(reverse(BUDGETS)).content.decode()))
    assert "a person, a term" in client.get(link).content.decode()
    accounts = page(client, "admin:monitoring_budgetaccount_changelist")
    assert "$2.00 (about 1 conversation)" in accounts


def test_the_queries_of_both_lists_do_not_grow_with_their_rows(
    client: Browser, operator: User, django_assert_max_num_queries: Any
) -> None:
    for _number in range(60):
        whose = uuid.uuid4()
        own = Budget.objects.create(scope="user", scope_id=whose, period="day", limit_microusd=1)
        BudgetAccount.objects.create(budget=own, scope_id=whose, starts_on=dt.date(2026, 1, 1))
    client.force_login(operator)
    for name in (BUDGETS, "admin:monitoring_budgetaccount_changelist"):
        with django_assert_max_num_queries(12):
            assert client.get(reverse(name)).status_code == 200


def test_a_budget_is_made_and_its_limit_changed(client: Browser, operator: User, student: User) -> None:
    client.force_login(operator)
    assert client.post(reverse("admin:monitoring_budget_add"), filled(limit_microusd="0.001")).status_code == 302
    budget = Budget.objects.get()
    spend(student, held=1, cost=999)
    assert budget.accounts.get().alerted_percent == 0
    spend_all = BudgetAccount.objects.filter(budget=budget)
    spend_all.update(alerted_percent=90)
    change = reverse("admin:monitoring_budget_change", args=[budget.pk])
    assert client.post(change, filled(label="Daily", limit_microusd="0.001")).status_code == 302
    assert spend_all.get().alerted_percent == 90
    assert client.post(change, filled(scope="site", label="Daily", limit_microusd="2.5")).status_code == 302
    budget.refresh_from_db()
    assert (budget.scope, budget.limit_microusd, budget.label) == ("user", 2_500_000, "Daily")
    assert spend_all.get().alerted_percent == 0
    assert "$2.50" in page(client, "admin:monitoring_budget_change", budget.pk)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"limit_microusd": "-1"}, "Ensure this value is greater than or equal to 0"),
        ({"limit_microusd": "12345678.5"}, "no more than 7 digits before the decimal point"),
        ({"limit_microusd": "0.0000001"}, "no more than 6 decimal places"),
        ({"limit_microusd": "much"}, "Enter a number"),
        ({"alert_steps": "90, 50"}, "rising percentages from 1 to 100"),
        ({"alert_steps": "101"}, "rising percentages from 1 to 100"),
        ({"alert_steps": "half"}, "whole percentages with commas"),
        ({"scope": "site", "scope_id": str(uuid.uuid4())}, "The whole site needs no id"),
        ({"scope_id": "somebody"}, "valid UUID"),
        ({"period": "month"}, "There is a general budget for this kind and this period already"),
    ],
)
def test_a_budget_that_cannot_be_is_refused_with_a_reason(
    client: Browser, operator: User, fields: dict[str, str], said: str
) -> None:
    Budget.objects.create(scope="user", period="month", limit_microusd=5)
    client.force_login(operator)
    answer = client.post(reverse("admin:monitoring_budget_add"), filled(**fields))
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert Budget.objects.count() == 1


def test_a_budget_that_was_used_is_put_out_of_force_and_not_deleted(
    client: Browser, operator: User, student: User
) -> None:
    budget = Budget.objects.create(scope="site", period="day", limit_microusd=10)
    client.force_login(operator)
    delete = reverse("admin:monitoring_budget_delete", args=[budget.pk])
    assert client.get(delete).status_code == 200
    spend(student, held=1, cost=1)
    assert client.post(delete, {"post": "yes"}).status_code == 403
    client.post(reverse(BUDGETS), {"action": "delete_selected", "_selected_action": [budget.pk], "post": "yes"})
    assert Budget.objects.exists()


def test_budgets_and_accounts_are_found_by_name_and_by_id(client: Browser, operator: User, student: User) -> None:
    Budget.objects.create(scope="user", scope_id=student.pk, period="day", limit_microusd=10, label="Robin")
    spend(student, held=1, cost=1)
    client.force_login(operator)
    for name in (BUDGETS, "admin:monitoring_budgetaccount_changelist"):
        for words, found in [("nobody", False), (str(student.pk), True)]:
            answer = client.get(reverse(name), {"q": words})
            assert answer.status_code == 200
            assert ("field-limit" in answer.content.decode() or "field-starts_on" in answer.content.decode()) is found


def test_a_budget_that_is_saved_as_it_was_says_nothing_changed(client: Browser, operator: User) -> None:
    budget = Budget.objects.create(scope="site", period="day", limit_microusd=1_000_000, alert_steps=[50, 75])
    client.force_login(operator)
    change = reverse("admin:monitoring_budget_change", args=[budget.pk])
    form = client.get(change).context["adminform"].form
    assert form["alert_steps"].value() == "50, 75"
    data = {"period": "day", "limit_microusd": "1", "alert_steps": "50, 75", "is_active": "on"}
    assert client.post(change, data).status_code == 302
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


def test_who_only_looks_at_a_budget_reads_dollars_and_percentages(client: Browser, auditor: User) -> None:
    budget = Budget.objects.create(scope="site", period="day", limit_microusd=5_000_000, alert_steps=[50, 75])
    client.force_login(auditor)
    shown = page(client, "admin:monitoring_budget_change", budget.pk)
    assert "50, 75" in shown
    assert "$5.00" in shown
    assert "5000000" not in shown
    assert "[50" not in shown
