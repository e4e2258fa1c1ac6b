"""Money has one door: reserved before, settled once after."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Section, User
from monitoring import pricing, services
from monitoring.models import Budget, LedgerEntry, ModelPrice, Reservation
from monitoring.models.price import UnknownPriceError
from monitoring.services import AlreadySettledError, Scope

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
SESSION, SECTION = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def reservation(student: User, prices: None) -> Reservation:
    return services.reserve(
        by=student,
        kind="turn",
        scopes=[Scope("session", SESSION, "a talk"), Scope("section", SECTION, "SW 101")],
        price=ModelPrice.objects.in_force("claude-haiku-5-5"),
        amount_microusd=500,
    )


def settle(reservation: Reservation) -> LedgerEntry:
    usage = pricing.Usage(input=1_000, output=100)
    with transaction.atomic():  # the one of whoever ends the work
        return services.settle(
            reservation=reservation, usage=usage, outcome="complete", first_text_ms=300, total_ms=900
        )


def test_a_settlement_says_what_was_used_by_whom_and_what_it_cost(reservation: Reservation, student: User) -> None:
    entry = settle(reservation)
    assert entry.cost_microusd == 100 + 50
    assert (str(entry.session_uuid), str(entry.section_uuid), entry.user) == (str(SESSION), str(SECTION), student)
    assert Reservation.objects.get().state == "settled"
    assert str(entry.cost_microusd) in str(entry)
    assert "turn" in str(reservation)


def test_a_settlement_of_cached_tokens_is_the_one_computed_by_hand(reservation: Reservation) -> None:
    # 500 x 0.1 + 41 x 0.5 + 1,000 x 0.125 + 12,003 x 0.01 = 50 + 20.5 + 125 + 120.03 = 315.53
    usage = pricing.Usage(input=500, output=41, cache_write=1_000, cache_read=12_003)
    entry = services.settle(
        reservation=reservation, usage=usage, outcome="complete", first_text_ms=None, total_ms=900, calls=2
    )
    entry.refresh_from_db()
    assert (entry.cost_microusd, entry.cache_write_tokens, entry.cache_read_tokens) == (316, 1_000, 12_003)
    assert entry.calls == 2


def test_an_attempt_that_used_nothing_costs_nothing(reservation: Reservation) -> None:
    entry = services.settle(
        reservation=reservation, usage=pricing.Usage(), outcome="failed", first_text_ms=None, total_ms=1
    )
    assert (entry.cost_microusd, entry.calls, entry.message_uuid) == (0, 1, None)


def test_a_settlement_names_the_reply_that_it_paid_for(student: User, prices: None) -> None:
    reply = uuid.uuid4()
    reservation = services.reserve(
        by=student,
        kind="turn",
        scopes=[Scope("session", SESSION, ""), Scope("message", reply, "")],
        price=ModelPrice.objects.in_force("claude-haiku-5-5"),
        amount_microusd=500,
    )
    settle(Reservation.objects.get(pk=reservation.pk))
    assert LedgerEntry.objects.get().message_uuid == reply


def test_a_second_settlement_or_release_moves_no_budget(student: User, prices: None, section: Section) -> None:
    budget = Budget.objects.create(scope="section", period="day", limit_microusd=1_000)
    price = ModelPrice.objects.in_force("claude-haiku-5-5")
    scopes = [Scope("section", section.pk, str(section))]
    first, second = (
        services.reserve(by=student, kind="turn", scopes=scopes, price=price, amount_microusd=400) for _time in range(2)
    )
    settle(first)
    for again in (settle, lambda reservation: services.release(reservation=reservation)):
        with pytest.raises(AlreadySettledError), transaction.atomic():
            again(first)
    account = budget.accounts.get()
    assert (account.held_microusd, account.spent_microusd) == (400, 150)
    assert list(second.accounts.all()) == [account]


def test_an_attempt_is_settled_once(reservation: Reservation) -> None:
    settle(reservation)
    with pytest.raises(AlreadySettledError):
        settle(Reservation.objects.get())
    with pytest.raises(AlreadySettledError), transaction.atomic():
        services.release(reservation=reservation)
    assert LedgerEntry.objects.count() == 1


def test_what_was_not_used_is_given_back(reservation: Reservation) -> None:
    services.release(reservation=reservation)
    assert Reservation.objects.get().state == "released"
    with pytest.raises(AlreadySettledError):
        settle(reservation)


def test_an_attempt_is_billed_at_the_price_of_its_reservation_whatever_changed_since(reservation: Reservation) -> None:
    ModelPrice.objects.update(input=10**9, output=10**9)
    assert settle(Reservation.objects.get()).cost_microusd == 150


def test_the_newest_price_that_has_begun_is_in_force(prices: None) -> None:
    amounts = {"output": 1, "cache_write": 1, "cache_read": 1}
    now = timezone.now()
    ModelPrice.objects.create(model="claude-haiku-5-5", valid_from=now, input=7, **amounts)
    ModelPrice.objects.create(model="claude-haiku-5-5", valid_from=now + dt.timedelta(days=1), input=9, **amounts)
    assert ModelPrice.objects.in_force("claude-haiku-5-5").tiers[0].input == 7
    past = now - dt.timedelta(days=1)
    assert ModelPrice.objects.in_force("claude-haiku-5-5", past).tiers[0].input == 100_000
    assert "claude-haiku-5-5" in str(ModelPrice.objects.filter(model="claude-haiku-5-5").first())


def test_a_model_without_a_price_is_neither_called_nor_offered(prices: None, settings: Any) -> None:
    settings.MODELS = ["claude-haiku-5-5", "unheard-of"]
    assert services.offered_models() == ["claude-haiku-5-5"]
    with pytest.raises(UnknownPriceError, match="unheard-of"):
        ModelPrice.objects.in_force("unheard-of")


def test_the_prices_of_a_new_installation_need_no_network() -> None:
    assert ModelPrice.objects.in_force("claude-haiku-5-5").tier_for(100_001).input == 500_000
