"""Statements that are written once say what the ORM would say."""

import uuid

import pytest
from django.db import IntegrityError

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
