"""Statements that are written once say what the ORM would say."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from monitoring import prepared
from monitoring.models import Budget, LedgerEntry, Reservation
from monitoring.prepared import Select
from monitoring.pricing import Usage, free
from monitoring.services import Scope, reserve, settle

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def reservation() -> Reservation:
    session = Scope("session", uuid.uuid4(), "A talk")
    return reserve(by=None, kind="turn", scopes=[session], price=free("scripted"), amount_microusd=0)


def test_a_row_inserted_so_is_the_row_that_was_meant() -> None:
    made = reservation()
    stored = Reservation.objects.get(pk=made.pk)
    fields = [field.attname for field in Reservation._meta.concrete_fields]
    assert [getattr(made, name) for name in fields] == [getattr(stored, name) for name in fields]
    assert not made._state.adding
    with pytest.raises(IntegrityError):
        prepared.insert(made)


def test_an_update_changes_the_named_fields_of_one_row_and_only_while_it_is_as_expected() -> None:
    one, other = reservation(), reservation()
    one.state, one.kind = "settled", "never saved"
    assert prepared.update(one, "state", state="held").count == 1
    assert prepared.update(one, "state", state="held").count == 0
    assert dict(Reservation.objects.values_list("pk", "state")) == {one.pk: "settled", other.pk: "held"}
    assert Reservation.objects.get(pk=one.pk).kind == "turn"


def test_a_query_gives_the_same_rows_as_the_orm_with_other_arguments_each_time() -> None:
    budgets = [
        Budget.objects.create(scope="user", scope_id=uuid.uuid4(), period=p, limit_microusd=5) for p in ("day", "term")
    ]
    select = Select(
        lambda pk, scope: Budget.objects.filter(pk=pk, scope_id=scope, is_active=True).values_list("pk", "alert_steps")
    )
    for budget in budgets:
        assert budget.scope_id
        assert select(budget.pk, budget.scope_id) == [(budget.pk, [50, 75, 90, 100])]
        assert select.first(budget.pk, budget.pk) is None


def test_a_settlement_is_written_with_all_its_figures() -> None:
    settle(reservation=reservation(), usage=Usage(1, 2, 3, 4), outcome="complete", first_text_ms=5, total_ms=6, calls=2)
    entry = LedgerEntry.objects.get()
    figures = (entry.input_tokens, entry.output_tokens, entry.cache_write_tokens, entry.cache_read_tokens)
    assert figures == (1, 2, 3, 4)
    assert (entry.first_text_ms, entry.total_ms, entry.calls, entry.outcome) == (5, 6, 2, "complete")
    assert entry.settled_at


def keys() -> set[uuid.UUID]:
    return set(Reservation.objects.values_list("pk", flat=True))


def unsaved(kind: str = "turn") -> Reservation:
    return Reservation(kind=kind, price={}, amount_microusd=0)


def test_statements_that_go_together_see_each_other_in_their_order() -> None:
    row, odd = unsaved(), unsaved(kind="%s; DROP")
    find = Select(lambda pk: Reservation.objects.filter(pk=pk).order_by().values_list("kind"))
    with prepared.together():
        before = find.ask(row.pk)
        prepared.insert(row, odd)
        after = find.ask(row.pk)
        row.kind = "trial"
        changed, unchanged = prepared.update(row, "kind"), prepared.update(row, "kind", state="settled")
        assert (before.rows, after.first) == ([], ("turn",))
        assert (changed.count, unchanged.count) == (1, 0)
        prepared.insert(late := unsaved())
    assert keys() == {row.pk, odd.pk, late.pk}
    assert find(row.pk) == [("trial",)]
    assert find(odd.pk) == [("%s; DROP",)]


def test_the_orm_sees_what_waits_and_counts_its_own_rows() -> None:
    with prepared.together():
        prepared.insert(unsaved(), unsaved())
        assert Reservation.objects.update(kind="trial") == 2
        prepared.insert(row := unsaved())
        assert Reservation.objects.get(pk=row.pk).kind == "turn"


@pytest.mark.django_db(transaction=True)
def test_what_goes_together_is_kept_or_given_up_as_one_and_tells_afterwards() -> None:
    told: list[str] = []

    @prepared.together()
    def write(*rows: Reservation, divide_by: int = 1) -> None:
        prepared.insert(*rows[:1])
        transaction.on_commit(lambda: told.append("committed"))
        assert rows[0].pk in keys()
        prepared.insert(*rows[1:])
        told.extend(["too early"] * (1 // divide_by - 1))

    kept, other = unsaved(), unsaved()
    write(kept, other)
    assert (keys(), told) == ({kept.pk, other.pk}, ["committed"])
    with pytest.raises(ZeroDivisionError):
        write(unsaved(), unsaved(), divide_by=0)
    # What is wrong with the last statement shows when they are sent, and nothing of them stays.
    with pytest.raises(IntegrityError):
        write(unsaved(), kept)
    assert (keys(), told) == ({kept.pk, other.pk}, ["committed"])
    # And the connection is as it was.
    prepared.insert(unsaved())
    assert len(keys()) == 3


@pytest.mark.django_db(transaction=True)
def test_a_transaction_inside_another_ends_with_the_outer_one() -> None:
    @transaction.atomic
    def write() -> None:
        with prepared.together():
            prepared.insert(unsaved())
            with prepared.together():
                prepared.insert(unsaved())
        if len(keys()) == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert not keys()
