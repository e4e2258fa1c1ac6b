"""What a person's own budget promises: the books stay true however it is set, raised or begun anew."""

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from monitoring import audit, budgets, periods, pricing, services, standings
from monitoring.budgets import BudgetExhaustedError
from monitoring.models import Alert, Budget, BudgetAccount, LedgerEntry, Reservation
from monitoring.tests.conftest import Crowd
from monitoring.tests.ledger import noon_of, settled

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
PRICE = pricing.Price("plain", (pricing.Tier(0, pricing.MILLION, 0, 0, 0),))


def reserve(by: User, amount: int) -> Reservation:
    with transaction.atomic():
        return services.reserve(by=by, kind="turn", scopes=[], price=PRICE, amount_microusd=amount)


def spend(by: User, cost: int) -> LedgerEntry:
    """A reply that cost so many micro-dollars."""
    usage = pricing.Usage(input=cost)
    made = reserve(by, cost)
    return services.settle(reservation=made, usage=usage, outcome="complete", first_text_ms=1, total_ms=2)


def general(limit: int, **fields: Any) -> Budget:
    return Budget.objects.create(**{"scope": "user", "period": "month", "limit_microusd": limit, **fields})


def stands(person: User) -> tuple[int, int, int]:
    """Used, left and the step of the one budget of this person."""
    (one,) = standings.standings(person.pk)
    return one.account.used_microusd, one.account.left_microusd, one.step


@pytest.fixture(autouse=True)
def books(db: None) -> Iterator[None]:
    """Whatever a test did, the auditor finds nothing wrong after it."""
    yield
    assert audit.check_budgets().breaches == []
    assert audit.check_settlements().breaches == []


@pytest.fixture
def told() -> Iterator[list[tuple[uuid.UUID, int]]]:
    """Who was told of which step."""
    found: list[tuple[uuid.UUID, int]] = []
    before = dict(budgets._tellers)
    budgets.register_teller("notifications", lambda account, step: found.append((account.scope_id, step)))
    yield found
    budgets._tellers.clear()
    budgets._tellers.update(before)


def words(person: User) -> list[str]:
    return [entry.get_change_message() for entry in standings.history(person.pk)]


def test_only_budgets_of_the_person_are_theirs_and_a_named_one_takes_the_place_of_the_general_one(
    student: User, other_student: User
) -> None:
    general(100)
    Budget.objects.create(scope="site", period="day", limit_microusd=5)
    own = general(300, scope_id=student.pk, period="day")
    general(50, period="day")
    assert [one.budget.limit_microusd for one in standings.standings(student.pk)] == [300, 100]
    assert [one.is_own for one in standings.standings(student.pk)] == [True, False]
    assert [one.budget.limit_microusd for one in standings.standings(other_student.pk)] == [50, 100]
    Budget.objects.exclude(pk=own.pk).delete()
    assert standings.standings(other_student.pk) == []


def test_a_raise_under_the_general_budget_gives_that_much_more_and_not_a_new_period(
    student: User, other_student: User, caretaker: User
) -> None:
    general(100, alert_steps=[])
    spend(student, 80)
    assert stands(student) == (80, 20, 75)
    own = standings.set_own(by=caretaker, person=student, period="month", more_microusd=50)
    assert (own.limit_microusd, own.label, own.alert_steps) == (150, "Student, a month", [])
    assert stands(student) == (80, 70, 0)
    with pytest.raises(BudgetExhaustedError):
        reserve(student, 71)
    spend(student, 70)
    assert stands(student) == (150, 0, 100)
    assert stands(other_student) == (0, 100, 0)
    (line,) = words(student)
    assert line.startswith("Limit: $0.0001, before that $0.0001.")
    assert line.endswith("that was used of the general budget goes on counting.")


def test_a_second_raise_adds_to_the_first_and_carries_nothing_twice(student: User, caretaker: User) -> None:
    general(100)
    spend(student, 60)
    for _time in range(2):
        standings.set_own(by=caretaker, person=student, period="month", more_microusd=100)
    assert stands(student) == (60, 240, 0)
    standings.set_own(by=caretaker, person=student, period="month", to_microusd=70)
    assert stands(student) == (60, 10, 75)
    assert len(words(student)) == 3


def test_a_budget_that_comes_back_into_force_counts_what_was_used_meanwhile(student: User, caretaker: User) -> None:
    general(100)
    spend(student, 10)
    own = standings.set_own(by=caretaker, person=student, period="month", to_microusd=500)
    spend(student, 200)
    Budget.objects.filter(pk=own.pk).update(is_active=False)
    spend(student, 30)
    # What counted in their own went there.
    assert stands(student) == (30, 70, 0)
    standings.set_own(by=caretaker, person=student, period="month", to_microusd=500)
    assert stands(student) == (240, 260, 0)
    assert Budget.objects.filter(scope_id=student.pk).count() == 1


def test_a_first_budget_counts_from_now_on_and_without_any_there_is_nothing_to_raise(
    student: User, caretaker: User
) -> None:
    with pytest.raises(standings.NothingToRaiseError, match="nothing to raise"):
        standings.set_own(by=caretaker, person=student, period="term", more_microusd=5)
    assert not Budget.objects.exists()
    standings.set_own(by=caretaker, person=student, period="term", to_microusd=5)
    assert stands(student) == (0, 5, 0)
    assert words(student) == ["Limit: < $0.0001."]


def test_a_period_begun_anew_gives_the_whole_limit_again_and_keeps_the_books_and_the_history(
    student: User, caretaker: User
) -> None:
    budget = general(1_000)
    spend(student, 900)
    running = reserve(student, 60)
    account = BudgetAccount.objects.get()
    assert standings.begin_anew(by=caretaker, accounts=[account]) == 1
    assert stands(student) == (0, 940, 0)
    with pytest.raises(BudgetExhaustedError):
        reserve(student, 941)
    services.settle(reservation=running, usage=pricing.Usage(input=50), outcome="complete", first_text_ms=1, total_ms=2)
    assert stands(student) == (50, 950, 0)
    account.refresh_from_db()
    assert (account.spent_microusd, account.carried_microusd, account.held_microusd) == (950, -900, 0)
    assert LedgerEntry.objects.count() == 2
    (line,) = words(student)
    assert line.startswith("Begun anew: of $0.0010 from")
    assert line.endswith("$0.0009 had been used.")
    assert standings.history(student.pk).get().user == caretaker
    # A third time from there; nothing is left over from the first.
    spend(student, 950)
    assert standings.begin_anew(by=caretaker, accounts=[account]) == 1
    assert stands(student) == (0, budget.limit_microusd, 0)


def test_what_came_from_the_general_budget_is_begun_anew_too(student: User, caretaker: User) -> None:
    general(100)
    spend(student, 80)
    own = standings.set_own(by=caretaker, person=student, period="month", to_microusd=100)
    assert standings.begin_anew(by=caretaker, accounts=list(own.accounts.all())) == 1
    assert stands(student) == (0, 100, 0)
    assert len(words(student)) == 2


def test_nothing_begins_anew_where_nothing_was_used_or_the_period_is_over(student: User, caretaker: User) -> None:
    budget = general(100)
    unused = BudgetAccount.objects.create(
        budget=budget, scope_id=student.pk, starts_on=periods.start_of("month", periods.today())
    )
    over = BudgetAccount.objects.create(budget=budget, scope_id=student.pk, starts_on="2025-01-01")
    BudgetAccount.objects.filter(pk=over.pk).update(carried_microusd=5)
    assert standings.begin_anew(by=caretaker, accounts=[unused, over]) == 0
    assert not LogEntry.objects.exists()


def test_who_may_not_change_budgets_changes_none(student: User, auditor: User, teacher: User) -> None:
    general(100)
    spend(student, 10)
    for outsider in (auditor, teacher, student):
        with pytest.raises(PermissionDenied):
            standings.set_own(by=outsider, person=student, period="month", to_microusd=5)
        with pytest.raises(PermissionDenied):
            standings.begin_anew(by=outsider, accounts=list(BudgetAccount.objects.all()))
        with pytest.raises(PermissionDenied):
            budgets.raise_limit(by=outsider, budgets=list(Budget.objects.all()), more_microusd=5)
    assert stands(student) == (10, 90, 0)


def test_a_person_is_told_once_of_each_step_and_again_after_a_raise_or_a_new_beginning(
    student: User, caretaker: User, told: list[tuple[uuid.UUID, int]]
) -> None:
    budget = general(100)
    for cost in (60, 15, 1, 14, 10):
        spend(student, cost)
    assert [step for _person, step in told] == [75, 90, 100]
    assert {person for person, _step in told} == {student.pk}
    told.clear()
    standings.begin_anew(by=caretaker, accounts=list(BudgetAccount.objects.all()))
    spend(student, 80)
    assert told == [(student.pk, 75)]
    told.clear()
    budgets.raise_limit(by=caretaker, budgets=[budget], more_microusd=100)
    spend(student, 80)
    assert told == [(student.pk, 75)]
    # To operators each is an occasion of its own, too.
    assert Alert.objects.count() == len(set(Alert.objects.values_list("key", flat=True))) == 6


def test_half_of_it_is_for_operators_alone_and_steps_that_are_silenced_for_them_are_not_for_the_person(
    student: User, told: list[tuple[uuid.UUID, int]]
) -> None:
    general(100)
    spend(student, 50)
    assert (told, Alert.objects.count()) == ([], 1)
    Budget.objects.update(alert_steps=[])
    spend(student, 40)
    assert (told, Alert.objects.count()) == ([(student.pk, 90)], 1)


def test_a_refusal_tells_the_person_and_counts_as_used_up_while_not_one_conversation_is_left(
    student: User, told: list[tuple[uuid.UUID, int]]
) -> None:
    settled(noon_of(1), cost_microusd=60, session_uuid=uuid.uuid4())
    budget = general(100, alert_steps=[])
    spend(student, 50)
    for _time in range(2):
        with pytest.raises(BudgetExhaustedError) as refusal:
            reserve(student, 51)
        budgets.tell_refusal(refusal.value)
    assert told == [(student.pk, 100)]
    assert stands(student) == (50, 50, 100)
    # Another tab had held it: what it gave back is enough again.
    Budget.objects.filter(pk=budget.pk).update(limit_microusd=200)
    assert stands(student) == (50, 150, 0)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [([], [75, 90, 100]), ([50, 75, 90, 100], [75, 90, 100]), ([50], [75, 90, 100]), ([80], [80, 100])],
)
def test_a_person_is_told_at_the_budgets_own_steps_from_75_on(steps: list[int], expected: list[int]) -> None:
    assert budgets.steps_for_person(steps) == expected


def test_a_budget_of_nothing_is_used_up_from_the_start(student: User) -> None:
    general(0)
    assert stands(student) == (0, 0, 100)


def test_the_auditor_finds_a_use_below_nothing(student: User) -> None:
    general(100)
    spend(student, 10)
    BudgetAccount.objects.update(carried_microusd=-11)
    (breach,) = audit.check_budgets().breaches
    assert "besides -11" in breach
    BudgetAccount.objects.update(carried_microusd=-10)


@pytest.mark.django_db(transaction=True)
def test_raising_and_beginning_anew_while_replies_are_written_loses_neither_money_nor_a_raise(
    crowd: Crowd, student: User, caretaker: User
) -> None:
    general(200)
    Budget.objects.create(scope="site", period="day", limit_microusd=10_000)

    def live(number: int) -> bool:
        if number % 12 == 0:
            standings.set_own(by=caretaker, person=student, period="month", more_microusd=10)
        elif number % 12 == 6:
            standings.begin_anew(by=caretaker, accounts=list(BudgetAccount.objects.all()))
        else:
            with contextlib.suppress(BudgetExhaustedError):
                spend(student, 20)
        return True

    assert all(crowd(live, 240))
    assert Budget.objects.get(scope_id=student.pk).limit_microusd == 200 + 20 * 10
    assert all(row.held_microusd == 0 and row.used_microusd >= 0 for row in BudgetAccount.objects.all())
    raised = [line for line in words(student) if line.startswith("Limit")]
    assert len(raised) == 20


def test_a_period_that_was_begun_anew_stays_so_when_the_budget_goes_and_comes_back(
    student: User, caretaker: User
) -> None:
    general(100)
    spend(student, 10)
    own = standings.set_own(by=caretaker, person=student, period="month", to_microusd=500)
    spend(student, 490)
    standings.begin_anew(by=caretaker, accounts=list(BudgetAccount.objects.filter(budget=own)))
    for _time in range(3):
        Budget.objects.filter(pk=own.pk).update(is_active=False)
        standings.set_own(by=caretaker, person=student, period="month", to_microusd=500)
        assert stands(student) == (0, 500, 0)
    spend(student, 500)


def test_what_is_used_counts_once_however_often_budgets_change_places(student: User, caretaker: User) -> None:
    general(1_000)
    used = 0
    for _time in range(3):
        spend(student, 30)
        own = standings.set_own(by=caretaker, person=student, period="month", to_microusd=1_000)
        spend(student, 50)
        used += 80
        assert stands(student) == (used, 1_000 - used, 0)
        Budget.objects.filter(pk=own.pk).update(is_active=False)


def test_whoever_asked_for_too_much_at_once_is_not_told_that_all_is_used_up(
    student: User, told: list[tuple[uuid.UUID, int]]
) -> None:
    general(100)
    # What a conversation costs on average.
    settled(noon_of(1), cost_microusd=2, session_uuid=uuid.uuid4())
    budgets.forget()
    held = reserve(student, 60)
    with pytest.raises(BudgetExhaustedError) as refused:
        reserve(student, 60)
    budgets.tell_refusal(refused.value)
    services.release(reservation=held)
    assert told == []
    # Operators are, once; and the person when it is so.
    assert Alert.objects.count() == 1
    assert BudgetAccount.objects.get().alerted_percent < 100
    spend(student, 98)
    assert told[-1] == (student.pk, 90)
