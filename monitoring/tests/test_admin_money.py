"""What operators do with money in the admin: prices from a day on, limits, what is held for nothing, and totals."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from monitoring import audit, budgets, periods, prices, pricing, repairs, rollups, services
from monitoring.admin import totals
from monitoring.models import Budget, BudgetAccount, DailyUsage, ModelPrice, Reservation
from monitoring.prices import PriceRuleError
from monitoring.tests.ledger import noon_of, settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("prices")]

LEDGER = "admin:monitoring_ledgerentry_changelist"
PRICES = "admin:monitoring_modelprice_changelist"


@pytest.fixture
def desk(client: Browser, caretaker: User) -> Browser:
    client.force_login(caretaker)
    return client


def chosen(browser: Browser, model: str, action: str, *rows: Any, **more: str) -> str:
    """The page after an action on these rows."""
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    address = reverse(f"admin:monitoring_{model}_changelist")
    return browser.post(address, data, follow=True).text


# --- Prices ----------------------------------------------------------------------------------------------------------


def priced(from_day: dt.date, **fields: str) -> dict[str, str]:
    amounts = {"input": "0.1", "output": "0.5", "cache_write": "0.125", "cache_read": "0.01"}
    return {
        "model": "claude-new",
        "day": from_day.isoformat(),
        "from_input": "0",
        **{f"{name}_dollars": amount for name, amount in amounts.items()},
        **fields,
    }


def test_a_price_from_a_day_on_is_a_new_row_in_dollars_that_holds_from_the_schools_midnight(desk: Browser) -> None:
    add, soon = reverse("admin:monitoring_modelprice_add"), periods.today() + dt.timedelta(days=7)
    assert desk.post(add, priced(soon)).status_code == 302
    row = ModelPrice.objects.get(model="claude-new")
    assert (row.input, row.output, row.cache_write, row.cache_read) == (100_000, 500_000, 125_000, 10_000)
    assert row.valid_from == periods.bounds(soon)[0]
    assert LogEntry.objects.get().object_id == str(row.pk)
    assert "A price of claude-new begins on" in desk.post(add, priced(soon)).text
    assert desk.post(add, priced(soon, from_input="200000")).status_code == 302
    for refused in (priced(periods.today() - dt.timedelta(days=1)), priced(soon, input_dollars="-1")):
        assert desk.post(add, refused).status_code == 200
    assert "cannot begin in the past" in desk.post(add, priced(periods.today() - dt.timedelta(days=1))).text
    assert desk.post(add, priced(soon, day="soon")).status_code == 200
    assert ModelPrice.objects.filter(model="claude-new").count() == 2


def test_a_price_of_today_holds_from_now_on(desk: Browser, settings: Any) -> None:
    add = reverse("admin:monitoring_modelprice_add")
    old = ModelPrice.objects.in_force(settings.MODEL_DEFAULT)
    assert desk.post(add, priced(periods.today(), model=settings.MODEL_DEFAULT, output_dollars="9")).status_code == 302
    new = ModelPrice.objects.in_force(settings.MODEL_DEFAULT)
    assert (old.tiers[0].output, new.tiers[0].output) == (500_000, 9_000_000)


def test_the_form_begins_with_what_the_price_costs_that_it_follows(desk: Browser) -> None:
    row = ModelPrice.objects.filter(from_input=0).order_by("pk").first()
    assert row
    page = desk.get(reverse(PRICES)).text
    assert f"?follow={row.pk}" in page
    assert "$0.10" in page
    assert "$0.10" in desk.get(reverse("admin:monitoring_modelprice_change", args=[row.pk])).text
    form = desk.get(reverse("admin:monitoring_modelprice_add"), {"follow": row.pk}).context["adminform"].form
    assert form["model"].value() == row.model
    assert form["output_dollars"].value() * pricing.MILLION == row.output
    assert desk.get(reverse("admin:monitoring_modelprice_add"), {"follow": "no"}).status_code == 200


def test_only_a_price_that_has_not_begun_can_be_deleted(desk: Browser, auditor: User) -> None:
    begun = ModelPrice.objects.order_by("pk").first()
    to_come = ModelPrice.objects.create(
        model="m", valid_from=timezone.now() + dt.timedelta(days=2), input=1, output=1, cache_write=1, cache_read=1
    )
    assert begun
    for row, status in ((begun, 403), (to_come, 302)):
        page = reverse("admin:monitoring_modelprice_delete", args=[row.pk])
        assert desk.post(page, {"post": "yes"}).status_code == status
    assert not ModelPrice.objects.filter(model="m").exists()
    desk.force_login(auditor)
    assert "?follow=" not in desk.get(reverse(PRICES)).text


def test_who_may_not_add_a_price_adds_none(auditor: User) -> None:
    row = ModelPrice(model="m", input=1, output=1, cache_write=1, cache_read=1)
    with pytest.raises(PermissionDenied):
        prices.add_price(by=auditor, price=row, day=periods.today())
    with pytest.raises(PriceRuleError):
        prices.begin(row, periods.today() - dt.timedelta(days=1))


# --- Budgets ---------------------------------------------------------------------------------------------------------


def test_the_limit_of_chosen_budgets_is_set_in_dollars_and_its_steps_are_told_anew(desk: Browser) -> None:
    rows = [Budget.objects.create(scope="user", period=period, limit_microusd=1) for period in ("day", "month")]
    other = Budget.objects.create(scope="site", period="day", limit_microusd=7)
    told = BudgetAccount.objects.create(budget=rows[0], starts_on=periods.today(), alerted_percent=90)
    asked = chosen(desk, "budget", "set_limit", *rows)
    assert "New limit in US dollars" in asked
    assert "Enter a number" in chosen(desk, "budget", "set_limit", *rows, confirmed="yes", limit="much")
    assert "2 budgets are $2.50 each now." in chosen(desk, "budget", "set_limit", *rows, confirmed="yes", limit="2.50")
    limits = dict(Budget.objects.values_list("pk", "limit_microusd"))
    assert limits == {rows[0].pk: 2_500_000, rows[1].pk: 2_500_000, other.pk: 7}
    told.refresh_from_db()
    assert told.alerted_percent == 0
    assert {entry.change_message for entry in LogEntry.objects.all()} == {"Limit: $2.50."}


def test_who_may_not_change_budgets_sets_no_limit(client: Browser, auditor: User) -> None:
    row = Budget.objects.create(scope="site", period="day", limit_microusd=1)
    client.force_login(auditor)
    chosen(client, "budget", "set_limit", row, confirmed="yes", limit="5")
    with pytest.raises(PermissionDenied):
        budgets.set_limit(by=auditor, budgets=[row], limit_microusd=5)
    row.refresh_from_db()
    assert row.limit_microusd == 1


# --- What is held ----------------------------------------------------------------------------------------------------


@pytest.fixture
def held(student: User) -> list[Reservation]:
    """What a piece of work forgot long ago, and what was reserved just now."""
    made = [
        services.reserve(by=student, kind="turn", scopes=[], price=pricing.free("m"), amount_microusd=5_000)
        for _ in range(2)
    ]
    long_ago = timezone.now() - dt.timedelta(seconds=audit.HELD_SECONDS + 1)
    Reservation.objects.filter(pk=made[0].pk).update(created_at=long_ago)
    return made


def test_what_is_held_for_nothing_is_given_back_and_the_rest_left_alone(
    client: Browser, operator: User, student: User, held: list[Reservation]
) -> None:
    client.force_login(operator)
    assert "The budgets get this money back." in chosen(client, "reservation", "release", *held)
    page = chosen(client, "reservation", "release", *held, confirmed="yes")
    assert "1 reservation is given back." in page
    assert "1 is left as it is" in page
    assert [row.state for row in Reservation.objects.order_by("created_at")] == ["released", "held"]
    assert repairs.release_held(by=operator, reservations=held) == []
    with pytest.raises(PermissionDenied):
        repairs.release_held(by=student, reservations=held)


def test_all_of_what_is_held_for_nothing_is_given_back_without_a_warning(
    client: Browser, operator: User, held: list[Reservation]
) -> None:
    client.force_login(operator)
    page = chosen(client, "reservation", "release", held[0], confirmed="yes")
    assert "1 reservation is given back." in page
    assert "left as" not in page


def test_what_is_settled_meanwhile_is_not_given_back(
    operator: User, held: list[Reservation], monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = audit.held_for_nothing()
    services.release(reservation=held[0])
    monkeypatch.setattr(audit, "held_for_nothing", lambda: stale)
    assert repairs.release_held(by=operator, reservations=held) == []


def test_the_list_begins_with_what_is_held_and_finds_any_other_by_its_id(
    desk: Browser, held: list[Reservation]
) -> None:
    services.release(reservation=held[0])
    address = reverse("admin:monitoring_reservation_changelist")
    assert desk.get(address).context["cl"].result_count == 1
    assert desk.get(address, {"which": "all"}).context["cl"].result_count == 2
    assert desk.get(address, {"q": str(held[0].pk)}).context["cl"].result_count == 1
    assert desk.get(address, {"q": "somebody"}).context["cl"].result_count == 0
    assert "$0.0050" in desk.get(address).text


# --- Totals ----------------------------------------------------------------------------------------------------------


def figures(browser: Browser, name: str = LEDGER, **filters: str) -> tuple[str, dict[str, str]]:
    """What the totals of a list are of, and its figures."""
    found = browser.get(reverse(name), filters).context["totals"]
    return found.of, dict(found.figures)


def days(first: int, last: int) -> str:
    """The days from so many to so many days ago, as an address has them."""
    return ",".join((periods.today() - dt.timedelta(days=ago)).isoformat() for ago in (first, last))


@pytest.mark.usefixtures("noon")
def test_totals_of_the_ledger_are_of_all_rows_even_where_the_list_would_not_add_them_up(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ago, model in ((0, "a"), (3, "a"), (3, "b"), (4, "a")):
        settled(noon_of(ago) if ago else timezone.now(), model=model, cost_microusd=1_000_000)
    monkeypatch.setattr(totals, "ADDED_AT_MOST", 1)
    assert figures(desk)[0].startswith("The first 1 rows")
    rollups.roll_up()
    of, found = figures(desk)
    assert of.startswith("From the sums of the days from")
    assert (found["Attempts"], found["Cost"], found["Input tokens"]) == ("4", "$4.00", "400")
    assert figures(desk, settled_at__days=days(3, 0), model="a")[1]["Cost"] == "$2.00"
    assert figures(desk, settled_at__days=days(3, 3), kind="trial")[1]["Cost"] == "$0"


def test_days_before_the_first_settlement_are_no_reason_to_leave_the_totals_out(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ago in (0, 3):
        settled(noon_of(ago) if ago else timezone.now(), cost_microusd=1_000_000)
    monkeypatch.setattr(totals, "ADDED_AT_MOST", 1)
    rollups.roll_up()
    of, found = figures(desk, settled_at__days=days(90, 0))
    assert of.startswith("From the sums of the days from")
    assert found["Cost"] == "$2.00"
    assert desk.get(reverse(LEDGER), {"settled_at__days": days(90, 60)}).context["totals"] is None


def test_totals_of_rows_that_no_sum_tells_apart_are_of_these_rows(desk: Browser) -> None:
    entry = settled(timezone.now(), cost_microusd=3_000_000)
    settled(timezone.now())
    of, found = figures(desk, q=str(entry.pk))
    assert (of, found["Cost"]) == ("The row that was found comes to this.", "$3.00")
    assert desk.get(reverse(LEDGER), {"q": "nothing"}).context["totals"] is None


def test_an_empty_ledger_has_no_totals(desk: Browser) -> None:
    assert desk.get(reverse(LEDGER)).context["totals"] is None


@pytest.mark.usefixtures("noon")
def test_sums_have_totals_of_what_was_filtered(desk: Browser) -> None:
    for number in range(3):
        day = periods.today() - dt.timedelta(days=number * 10)
        DailyUsage.objects.create(day=day, model="m", kind="turn", attempts=1_000, cost_microusd=2_000_000)
    name = "admin:monitoring_dailyusage_changelist"
    assert figures(desk, name)[1]["Attempts"] == "3,000"
    of, found = figures(desk, name, day__days=days(10, 0))
    assert (of, found["Cost"]) == ("All 2 rows come to this.", "$4.00")


@pytest.mark.parametrize("wrong", ["yesterday", "2026-01-02,2026-01-01", "2026-01-01", "9999-12-31,9999-12-31"])
def test_days_that_are_none_lead_back_to_the_whole_list(desk: Browser, wrong: str) -> None:
    answer = desk.get(reverse(LEDGER), {"settled_at__days": wrong})
    assert answer.status_code == 302


def test_days_of_the_address_are_offered_beside_the_usual_ones(desk: Browser) -> None:
    answer = desk.get(reverse(LEDGER), {"settled_at__days": "2026-01-02,2026-01-05"})
    (spec, *_others) = answer.context["cl"].filter_specs
    assert [choice["display"] for choice in spec.choices(answer.context["cl"]) if choice["selected"]] == [
        "01/02/2026 – 01/05/2026"
    ]
