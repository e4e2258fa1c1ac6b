"""The auditor finds every damage to the money, and nothing where there is none."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from monitoring import audit, periods, pricing, rollups, services
from monitoring.audit import Finding
from monitoring.models import (
    Budget,
    BudgetAccount,
    DailyUsage,
    DailyUserUsage,
    HourlyUsage,
    LedgerEntry,
    ModelPrice,
    RateLimit,
    Reservation,
)
from monitoring.pricing import Price, Tier, Usage
from monitoring.services import Scope

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
USAGE = Usage(input=1_000, output=100, cache_write=10, cache_read=20)


def found(*, at_rest: bool = False) -> set[str]:
    """The names of the checks that found a breach."""
    return {name for name, finding in audit.run(at_rest=at_rest) if finding.breaches or finding.more}


@pytest.fixture
def reserve(student: User, prices: None) -> Callable[..., Reservation]:
    """Reserves 500 micro-dollars for the student, whose conversations have a budget of 5,000 a day."""
    Budget.objects.create(scope="user", period="day", limit_microusd=5_000)
    Budget.objects.create(scope="site", period="month", limit_microusd=10_000)

    def reserve_one(kind: str = "turn", model: str = "claude-haiku-5-5") -> Reservation:
        return services.reserve(
            by=student,
            kind=kind,
            scopes=[Scope("session", uuid.uuid4(), "a talk")],
            price=ModelPrice.objects.in_force(model),
            amount_microusd=500,
        )

    return reserve_one


@pytest.fixture
def ledger(reserve: Callable[..., Reservation]) -> LedgerEntry:
    """Two settled, one of them counted two days ago; one released; one held by work that nobody announces."""
    services.release(reservation=reserve())
    reserve(kind="trial")
    for _ in range(2):
        services.settle(reservation=reserve(), usage=USAGE, outcome="complete", first_text_ms=1, total_ms=2)
    entry, older = LedgerEntry.objects.all()
    noon = periods.bounds(periods.today() - dt.timedelta(days=2))[0] + dt.timedelta(hours=12)
    LedgerEntry.objects.filter(pk=older.pk).update(settled_at=noon)
    rollups.roll_up()
    assert DailyUsage.objects.count() == 1
    return entry


def test_a_portal_that_keeps_its_promises_audits_clean(ledger: LedgerEntry) -> None:
    assert found() == set()
    looked_at = {name: finding.checked for name, finding in audit.run()}
    expected = {"settlements": 4, "costs": 2, "budgets": 2, "held money": 1}
    assert looked_at.items() >= expected.items()
    assert looked_at["hours and days"] >= 24


def test_an_empty_portal_audits_clean() -> None:
    assert found(at_rest=True) == set()


def lose_the_entry(entry: LedgerEntry) -> None:
    Reservation.objects.filter(pk=entry.reservation_id).update(amount_microusd=0)
    entry.reservation.accounts.clear()
    entry.delete()
    repair_accounts()


def settle_what_was_released(entry: LedgerEntry) -> None:
    released = Reservation.objects.get(state="released")
    fields = {"kind": "turn", "model": entry.model, "outcome": "complete", "cost_microusd": 0}
    LedgerEntry.objects.create(reservation=released, **fields)


def settle_what_is_still_held(entry: LedgerEntry) -> None:
    held = Reservation.objects.get(state="held")
    fields = {"kind": "turn", "model": entry.model, "outcome": "complete", "cost_microusd": 0}
    LedgerEntry.objects.create(reservation=held, **fields)


def bill_too_much(entry: LedgerEntry) -> None:
    LedgerEntry.objects.filter(pk=entry.pk).update(cost_microusd=entry.cost_microusd + 1)
    repair_accounts()


def bill_for_too_few_tokens(entry: LedgerEntry) -> None:
    LedgerEntry.objects.filter(pk=entry.pk).update(cache_read_tokens=1_000_000)


def bill_another_model(entry: LedgerEntry) -> None:
    LedgerEntry.objects.filter(pk=entry.pk).update(model="claude-opus-5-5")


def forge_the_price(entry: LedgerEntry) -> None:
    Reservation.objects.filter(pk=entry.reservation_id).update(price=pricing.free(entry.model).to_json())


def lose_the_only_tier(entry: LedgerEntry) -> None:
    price = Price(entry.model, (Tier(5_000_000, 0, 0, 0, 0),))
    Reservation.objects.filter(pk=entry.reservation_id).update(price=price.to_json())


def hold_too_much(entry: LedgerEntry) -> None:
    BudgetAccount.objects.filter(budget__scope="user").update(held_microusd=501)


def forget_what_was_spent(entry: LedgerEntry) -> None:
    BudgetAccount.objects.filter(budget__scope="site").update(spent_microusd=0)


def count_against_no_budget(entry: LedgerEntry) -> None:
    entry.reservation.accounts.clear()


def hold_money_for_ever(entry: LedgerEntry) -> None:
    long_ago = timezone.now() - dt.timedelta(seconds=audit.HELD_SECONDS + 1)
    Reservation.objects.filter(state="held").update(created_at=long_ago)


def leave_a_day_stale(entry: LedgerEntry) -> None:
    DailyUsage.objects.update(cost_microusd=1)


def count_a_day_twice(entry: LedgerEntry) -> None:
    row = DailyUsage.objects.get()
    row.pk, row.section_uuid = None, uuid.uuid4()
    row.save()


def lose_an_hour(entry: LedgerEntry) -> None:
    HourlyUsage.objects.all().delete()
    DailyUsage.objects.all().delete()


def settle_after_the_hour_was_added_up(entry: LedgerEntry) -> None:
    hour = HourlyUsage.objects.get()
    LedgerEntry.objects.filter(pk=entry.pk).update(settled_at=hour.starts_at, kind="trial")


def lose_the_people_of_a_day(entry: LedgerEntry) -> None:
    DailyUserUsage.objects.all().delete()


def repair_accounts() -> None:
    """What the accounts say is again what the ledger says, so that only one damage is left."""
    for account in BudgetAccount.objects.all():
        entries = LedgerEntry.objects.filter(reservation__accounts=account)
        account.spent_microusd = sum(entry.cost_microusd for entry in entries)
        account.save()


DAMAGES: dict[Callable[[LedgerEntry], None], str] = {
    lose_the_entry: "settlements",
    settle_what_was_released: "settlements",
    settle_what_is_still_held: "settlements",
    bill_too_much: "costs",
    bill_for_too_few_tokens: "costs",
    bill_another_model: "costs",
    forge_the_price: "costs",
    lose_the_only_tier: "costs",
    hold_too_much: "budgets",
    forget_what_was_spent: "budgets",
    count_against_no_budget: "budgets",
    hold_money_for_ever: "held money",
    leave_a_day_stale: "hours and days",
    count_a_day_twice: "hours and days",
    lose_an_hour: "hours and days",
    settle_after_the_hour_was_added_up: "hours and days",
    lose_the_people_of_a_day: "hours and days",
}


@pytest.mark.parametrize(("damage", "check"), DAMAGES.items(), ids=lambda part: getattr(part, "__name__", None))
def test_each_damage_is_found_by_its_check_and_by_no_other(
    ledger: LedgerEntry, damage: Callable[[LedgerEntry], None], check: str
) -> None:
    damage(ledger)
    assert found() == {check}


def test_at_rest_nothing_may_be_held(ledger: LedgerEntry) -> None:
    assert found(at_rest=True) == {"nothing held"}
    services.release(reservation=Reservation.objects.get(state="held"))
    assert found(at_rest=True) == set()


def test_money_that_running_work_holds_is_in_order(ledger: LedgerEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_money_for_ever(ledger)
    monkeypatch.setattr(audit, "_work", dict(audit._work))
    audit.register_work("a test", lambda: Reservation.objects.filter(state="held").values_list("pk", flat=True))
    assert found() == set()


def test_a_budget_that_was_lowered_below_what_is_spent_is_a_note_and_no_breach(ledger: LedgerEntry) -> None:
    notes = {name: finding.notes for name, finding in audit.run()}
    assert notes["budgets"] == []
    Budget.objects.filter(scope="user").update(limit_microusd=100)
    finding = dict(audit.run())["budgets"]
    assert not finding.breaches
    assert len(finding.notes) == 1


def test_an_attempt_that_cost_more_than_was_held_explains_an_overdrawn_budget(
    reserve: Callable[..., Reservation],
) -> None:
    usage = Usage(output=100_000)
    services.settle(reservation=reserve(), usage=usage, outcome="complete", first_text_ms=1, total_ms=2)
    finding = dict(audit.run())["budgets"]
    assert (finding.breaches, finding.notes) == ([], [])
    assert BudgetAccount.objects.filter(spent_microusd__gt=10_000).exists()


def test_only_the_first_breaches_are_named_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    RateLimit.objects.all().delete()
    for number in range(5):
        RateLimit.objects.create(name=f"limit-{number}", count=1, seconds=1)
    monkeypatch.setattr(audit, "NAMED", 3)
    limits = RateLimit.objects.all()
    assert audit.compare(limits, limits.order_by("pk"), lambda r: r.pk) == Finding(
        5, ["limit-0", "limit-1", "limit-2"], 2
    )
    assert audit.compare(limits, limits.filter(pk="limit-1"), lambda r: r.pk) == Finding(5, ["limit-1"], 0)
    assert audit.cut(9, ["a", "b", "c", "d"]) == Finding(9, ["a", "b", "c"], 1)


def test_wrong_costs_of_many_prices_are_all_counted(
    reserve: Callable[..., Reservation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "NAMED", 2)
    for model in ("claude-haiku-5-5", "claude-haiku-5-5", "claude-haiku-5-5", "claude-sonnet-5-5"):
        reservation = reserve(model=model)
        services.settle(reservation=reservation, usage=USAGE, outcome="complete", first_text_ms=1, total_ms=2)
    LedgerEntry.objects.update(cost_microusd=7)
    finding = audit.check_costs()
    assert (finding.checked, len(finding.breaches), finding.more) == (4, 2, 2)


TIERS = st.tuples(*[st.integers(0, 75_000_000)] * 4)
TOKENS = st.integers(0, 2_000_000)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tiers=st.dictionaries(st.integers(1, 1_000_000), TIERS, max_size=2), base=TIERS, tokens=st.tuples(*[TOKENS] * 4))
def test_the_auditor_reckons_as_the_price_does(
    tiers: dict[int, tuple[int, ...]], base: tuple[int, ...], tokens: tuple[int, ...]
) -> None:
    price = Price("m", tuple(Tier(start, *amounts) for start, amounts in sorted({0: base, **tiers}.items())))
    usage = Usage(input=tokens[0], output=tokens[1], cache_write=tokens[2], cache_read=tokens[3])
    reservation = services.reserve(by=None, kind="turn", scopes=[], price=price, amount_microusd=0)
    services.settle(reservation=reservation, usage=usage, outcome="complete", first_text_ms=1, total_ms=2)
    assert not audit.check_costs().breaches
    LedgerEntry.objects.filter(reservation=reservation).update(cost_microusd=price.cost(usage) + 1)
    assert len(audit.check_costs().breaches) == 1
    LedgerEntry.objects.all().delete()
    Reservation.objects.all().delete()


def test_the_command_says_what_it_looked_at_and_fails_on_a_breach(
    ledger: LedgerEntry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("audit")
    said = capsys.readouterr().out
    assert "settlements: 4 looked at, all right" in said
    assert "nothing held" not in said
    Budget.objects.filter(scope="user").update(limit_microusd=100)
    monkeypatch.setattr(audit, "NAMED", 1)
    LedgerEntry.objects.update(cost_microusd=1)
    with pytest.raises(CommandError, match="breaches"):
        call_command("audit", "--at-rest")
    said = capsys.readouterr().out
    assert "costs: 2 looked at, 2 wrong" in said
    assert f"entry {LedgerEntry.objects.order_by('pk')[0].pk}" in said or "entry" in said
    assert "and 1 more" in said
    assert "note: account" in said
    assert "nothing held: 1 looked at, 1 wrong" in said


def test_checks_of_the_same_name_replace_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: dict[str, Any] = {}
    monkeypatch.setattr(audit, "_checks", checks)
    audit.register("one", lambda: Finding(1, []))
    audit.register("one", lambda: Finding(2, ["worse"]))
    assert [(name, finding.checked) for name, finding in audit.run()] == [("one", 2)]
