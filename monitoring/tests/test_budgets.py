"""A budget is never overspent, says plainly that it is used up, and tells operators in time."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from accounts.models import School, Term, User
from monitoring import budgets, pricing, services
from monitoring.budgets import BudgetExhaustedError, Scope
from monitoring.models import NOBODY, Alert, Budget, BudgetAccount, LedgerEntry, Reservation
from monitoring.tests.conftest import Crowd

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
# One input token costs one micro-dollar.
PRICE = pricing.Price("plain", (pricing.Tier(0, pricing.MILLION, 0, 0, 0),))
SESSION = Scope("session", uuid.uuid4(), "a talk")
SECTION = Scope("section", uuid.uuid4(), "SW 101")
SCOPES = [SESSION, SECTION]


def budget(scope: str, limit: int, period: str = "day", **fields: Any) -> Budget:
    return Budget.objects.create(scope=scope, period=period, limit_microusd=limit, **fields)


def reserve(by: User | None, amount: int, scopes: Iterable[Scope] = SCOPES) -> Reservation:
    with transaction.atomic():  # the one of whoever accepts work
        return services.reserve(by=by, kind="turn", scopes=list(scopes), price=PRICE, amount_microusd=amount)


def settle(reservation: Reservation, cost: int) -> LedgerEntry:
    usage = pricing.Usage(input=cost)
    return services.settle(reservation=reservation, usage=usage, outcome="complete", first_text_ms=1, total_ms=2)


def account(of: Budget) -> tuple[int, int]:
    """Held and spent."""
    return of.accounts.values_list("held_microusd", "spent_microusd").get()


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Makes it noon (UTC) of a day in 2026."""

    def set_to(month: int, day: int) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: dt.datetime(2026, month, day, 12, tzinfo=dt.UTC))

    return set_to


def test_money_is_held_while_a_reply_is_written_and_spent_by_what_it_cost(student: User) -> None:
    of = [budget("site", 100), budget("section", 100), budget("user", 100), budget("session", 100)]
    first, second = reserve(student, 40), reserve(student, 40)
    assert [account(b) for b in of] == [(80, 0)] * 4
    settle(first, 10)
    services.release(reservation=second)
    assert [account(b) for b in of] == [(0, 10)] * 4
    whose = set(BudgetAccount.objects.values_list("scope_id", flat=True))
    assert whose == {NOBODY, SECTION.id, student.pk, SESSION.id}


def test_what_does_not_fit_is_refused_and_leaves_nothing_behind(student: User) -> None:
    wide, narrow = budget("user", 100), budget("site", 50)
    reserve(student, 30)
    with pytest.raises(BudgetExhaustedError) as refusal:
        reserve(student, 21)
    assert refusal.value.claim.budget.scope == "site"
    assert [account(wide), account(narrow)] == [(30, 0), (30, 0)]
    assert Reservation.objects.count() == 1
    reserve(student, 20)
    assert account(narrow) == (50, 0)


def test_a_reply_that_cost_more_than_was_held_is_still_written_down_whole(student: User) -> None:
    site = budget("site", 100)
    settle(reserve(student, 60), 130)
    assert account(site) == (0, 130)
    with pytest.raises(BudgetExhaustedError):
        reserve(student, 1)


@pytest.mark.parametrize(
    ("scope", "period", "words"),
    [
        ("site", "day", "The school's budget for today is used up. It renews on Nov. 22, 2026."),
        ("section", "month", "Your section's budget for this month is used up. It renews on Dec. 1, 2026."),
        ("user", "term", "Your budget for this term is used up. It renews on Jan. 1, 2027."),
        ("session", "day", "The budget of this conversation for today is used up. It renews on Nov. 22, 2026."),
    ],
)
def test_a_refusal_says_in_plain_words_whose_budget_it_is_and_when_it_renews(
    student: User, noon: Callable[[int, int], None], scope: str, period: str, words: str
) -> None:
    noon(11, 21)
    budget(scope, 10, period)
    with pytest.raises(BudgetExhaustedError) as refusal:
        reserve(student, 11)
    assert str(refusal.value) == words
    refused = refusal.value.claim.budget
    assert (refused.scope, refused.period) == (scope, period)


def test_where_nobody_wrote_down_the_next_term_no_day_is_promised(student: User, school: School) -> None:
    Term.objects.create(name="Now", starts_on=dt.date(2020, 1, 1), ends_on=dt.date(2020, 5, 1))
    budget("user", 10, "term")
    with pytest.raises(BudgetExhaustedError) as refusal:
        reserve(student, 11)
    assert refusal.value.claim.renews_on is None
    assert str(refusal.value) == "Your budget for this term is used up."


def test_a_budget_of_ones_own_takes_the_place_of_the_general_one_of_the_same_period(
    student: User, other_student: User
) -> None:
    budget("user", 10)
    month = budget("user", 1_000, "month")
    own = budget("user", 100, scope_id=student.pk)
    reserve(student, 90)
    assert (account(own), account(month)) == ((90, 0), (90, 0))
    with pytest.raises(BudgetExhaustedError):
        reserve(other_student, 11)
    own.is_active = False
    own.save()
    with pytest.raises(BudgetExhaustedError):
        reserve(student, 11)


def test_each_person_section_and_conversation_has_an_account_of_its_own(student: User, other_student: User) -> None:
    budget("user", 10)
    reserve(student, 10)
    reserve(other_student, 10)
    reserve(None, 10)
    assert BudgetAccount.objects.count() == 2


def test_a_new_day_has_a_fresh_account_and_a_reply_over_midnight_counts_for_the_day_it_began(
    student: User, noon: Callable[[int, int], None]
) -> None:
    day, month = budget("user", 10), budget("user", 100, "month")
    noon(11, 21)
    late = reserve(student, 10)
    noon(11, 22)
    reserve(student, 10)
    settle(late, 7)
    figures = list(day.accounts.order_by("starts_on").values_list("starts_on", "held_microusd", "spent_microusd"))
    assert figures == [(dt.date(2026, 11, 21), 0, 7), (dt.date(2026, 11, 22), 10, 0)]
    assert account(month) == (10, 7)
    noon(12, 1)
    reserve(student, 10)
    assert month.accounts.count() == 2


def test_an_attempt_that_costs_nothing_asks_no_budget(student: User) -> None:
    site = budget("site", 0)
    settle(reserve(student, 0), 0)
    services.release(reservation=reserve(student, 0))
    assert not site.accounts.exists()


@pytest.mark.usefixtures("still")
def test_without_budgets_a_reservation_costs_one_query_more(student: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2 + 1):  # a savepoint, its release, and one
        reserve(student, 0)
    with django_assert_num_queries(2 + 2):
        reservation = reserve(student, 10)
    with django_assert_num_queries(3):
        settle(reservation, 5)


@pytest.mark.usefixtures("still")
def test_holding_takes_one_statement_for_each_budget_and_two_for_the_reservation(
    student: User, django_assert_num_queries: Any
) -> None:
    for scope in ("site", "user", "session"):
        budget(scope, 100)
    reserve(None, 1, [])  # reads the calendar
    for _time in range(2):  # the first makes the accounts
        with transaction.atomic(), django_assert_num_queries(1 + 2 + 3):
            services.reserve(by=student, kind="turn", scopes=SCOPES, price=PRICE, amount_microusd=10)


def test_a_raised_limit_counts_at_once(student: User) -> None:
    site = budget("site", 10)
    with pytest.raises(BudgetExhaustedError):
        reserve(student, 20)
    Budget.objects.update(limit_microusd=20)
    reserve(student, 20)
    assert account(site) == (20, 0)


def test_what_is_left_is_told_of_the_tightest_budget(student: User, noon: Callable[[int, int], None]) -> None:
    noon(11, 21)
    assert budgets.remaining(SCOPES, student.pk) is None
    budget("site", 1_000, "month", label="All of us")
    budget("section", 200, "month")
    reserve(student, 30)
    settle(reserve(student, 50), 20)
    left = budgets.remaining(SCOPES, student.pk)
    assert left
    assert (left.left_microusd, left.claim.budget.scope, left.claim.label) == (150, "section", "SW 101")
    assert left.claim.renews_on == dt.date(2026, 12, 1)
    Budget.objects.filter(scope="site").update(limit_microusd=10)
    tightest = budgets.remaining(SCOPES, student.pk)
    assert tightest
    assert (tightest.left_microusd, tightest.claim.budget.label) == (0, "All of us")


def test_conversations_left_are_counted_by_what_one_cost_lately(student: User, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("monitoring.budgets.time.monotonic", lambda: clock[0])
    assert budgets.conversations_left(1_000) is None
    assert budgets.conversations_left(1_000, typical_microusd=300) == 3
    other = Scope("session", uuid.uuid4(), "another talk")
    for scope, cost in [(SESSION, 60), (SESSION, 40), (other, 101), (other, 0)]:
        settle(reserve(student, cost, [scope]), cost)
    settle(reserve(None, 999, []), 999)
    clock[0] += 60
    assert budgets.conversations_left(1_000, typical_microusd=300) == 1_000 // 101


@pytest.mark.usefixtures("still")
def test_what_a_conversation_cost_is_worked_out_once_a_minute(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        budgets.conversations_left(1)
    with django_assert_num_queries(0):
        budgets.conversations_left(1)


def told() -> list[tuple[str, str]]:
    return [(alert.severity, alert.text) for alert in Alert.objects.order_by("created_at")]


def test_each_step_is_told_once_by_what_is_spent_and_a_jump_tells_only_of_the_highest(student: User) -> None:
    budget("site", 1_000, label="All of us")
    settle(reserve(student, 499), 499)
    held = reserve(student, 501)
    assert told() == []
    settle(held, 1)
    settle(reserve(student, 100), 1)
    settle(reserve(student, 400), 400)
    settle(reserve(student, 99), 99)
    assert told() == [
        ("warning", "Budget “All of us”: 50% is spent, $0.0005 of $0.0010."),
        ("warning", "Budget “All of us”: 90% is spent, $0.0009 of $0.0010."),
        ("critical", "Budget “All of us”: 100% is spent, $0.0010 of $0.0010."),
    ]


def test_an_alert_of_a_general_budget_says_whose_account_it_is(student: User) -> None:
    budget("section", 100, label="Each section")
    budget("user", 100)
    settle(reserve(student, 80), 80)
    assert {text for _severity, text in told()} == {
        f"Budget “a person, a day ({student.pk})”: 75% is spent, < $0.0001 of $0.0001.",
        "Budget “Each section (SW 101)”: 75% is spent, < $0.0001 of $0.0001.",
    }


def test_operators_are_told_once_that_people_are_refused_though_some_money_is_left(student: User) -> None:
    budget("user", 1_000, scope_id=student.pk, label="Robin")
    for _time in range(2):
        with pytest.raises(BudgetExhaustedError) as refusal:
            reserve(student, 1_001)
        budgets.tell_refusal(refusal.value)
    assert told() == [("error", "Budget “Robin” refuses replies: $0 of $0.0010 is spent.")]


def test_a_budget_without_steps_tells_nothing(student: User) -> None:
    budget("user", 100, alert_steps=[])
    settle(reserve(student, 100), 100)
    with pytest.raises(BudgetExhaustedError) as refusal:
        reserve(student, 1)
    budgets.tell_refusal(refusal.value)
    assert told() == []


whats = st.sampled_from(["hold", "hold", "settle", "release"])
steps = st.lists(st.tuples(whats, st.integers(1, 40), st.integers(0, 9)), max_size=25)


@how(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(steps, st.integers(0, 150), st.integers(0, 100), st.integers(0, 60))
def test_accounts_always_equal_what_is_held_and_what_the_ledger_says(
    student: User, steps: list[tuple[str, int, int]], site: int, section: int, session: int
) -> None:
    ids = [uuid.UUID(int=number + 1) for number in range(4)]
    talks = [[Scope("session", ids[i], ""), Scope("section", ids[i % 2], "")] for i in range(4)]
    with transaction.atomic():
        for scope, limit in [("site", site), ("section", section), ("session", session)]:
            budget(scope, limit)
        held: list[Reservation] = []
        for what, number, which in steps:
            if what == "hold":
                before = BudgetAccount.objects.order_by("pk").values_list("held_microusd", "spent_microusd")
                known = list(before.filter(held_microusd__gt=0))
                try:
                    held.append(reserve(student, number, talks[which % 4]))
                except BudgetExhaustedError:
                    assert list(before.filter(held_microusd__gt=0)) == known
            elif held:
                reservation = held.pop(which % len(held))
                if what == "settle":
                    settle(reservation, min(number, reservation.amount_microusd))
                else:
                    services.release(reservation=reservation)
            check_accounts()
        transaction.set_rollback(True)


def check_accounts() -> None:
    """Held and spent of each account are the sums of its reservations and their ledger entries, within the limit."""
    for row in BudgetAccount.objects.select_related("budget"):
        of = Reservation.objects.filter(accounts=row)
        if row.budget.scope in {"session", "section"}:
            assert all(str(row.scope_id) in {scope["id"] for scope in reservation.scopes} for reservation in of)
        assert row.held_microusd == sum(r.amount_microusd for r in of.filter(state="held"))
        assert row.spent_microusd == sum(e.cost_microusd for e in LedgerEntry.objects.filter(reservation__in=of))
        assert row.held_microusd + row.spent_microusd <= row.budget.limit_microusd


@pytest.mark.django_db(transaction=True)
def test_a_thousand_at_once_against_a_budget_for_ten_are_ten(crowd: Crowd, student: User, other_student: User) -> None:
    site = budget("site", 10 * 7)
    budget("site", 10_000, "month")
    budget("user", 9 * 7)
    budget("section", 9 * 7 + 1)
    budget("session", 2 * 7)
    people = [student, other_student]
    talks = [Scope("session", uuid.uuid4(), "") for _talk in range(40)]
    sections = [Scope("section", uuid.uuid4(), "") for _section in range(3)]

    def send(number: int) -> bool:
        scopes = [talks[number % 40], sections[number % 3]]
        try:
            with transaction.atomic():
                reserve(people[number // 3 % 2], 7, scopes)
        except BudgetExhaustedError:
            return False
        return True

    assert sum(crowd(send, 1_000)) == 10
    assert account(site) == (70, 0)
    check_accounts()


@pytest.mark.django_db(transaction=True)
def test_holding_settling_and_releasing_at_once_neither_loses_money_nor_waits_for_ever(
    crowd: Crowd, student: User, other_student: User
) -> None:
    site = budget("site", 600)
    for scope in ("user", "section", "session"):
        budget(scope, 400)
        budget(scope, 1_000, "term")
    people = [student, other_student]
    talks = [Scope("session", uuid.uuid4(), "") for _talk in range(3)]

    def live(number: int) -> bool:
        scopes = [talks[number % 3], SECTION]
        try:
            reservation = reserve(people[number // 3 % 2], 20, scopes[:: 1 if number % 2 else -1])
        except BudgetExhaustedError:
            return False
        if number % 5:
            settle(reservation, 3)
        else:
            services.release(reservation=reservation)
        return True

    assert any(crowd(live, 240))
    check_accounts()
    assert account(site)[0] == 0
    # Steps of 600 that were passed in parallel are told once each.
    assert Alert.objects.filter(key__startswith=f"budget:{site.accounts.get().pk}:").count() <= 4
