"""Money has one door: reserved before, settled once after."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from monitoring import pricing, services
from monitoring.models import LedgerEntry, ModelPrice, Reservation
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
    return services.settle(reservation=reservation, usage=usage, outcome="complete", first_text_ms=300, total_ms=900)


def test_a_settlement_says_what_was_used_by_whom_and_what_it_cost(reservation: Reservation, student: User) -> None:
    entry = settle(reservation)
    assert entry.cost_microusd == 100 + 50
    assert (str(entry.session_uuid), str(entry.section_uuid), entry.user) == (str(SESSION), str(SECTION), student)
    assert Reservation.objects.get().state == "settled"
    assert str(entry.cost_microusd) in str(entry)
    assert "turn" in str(reservation)


def test_an_attempt_is_settled_once(reservation: Reservation) -> None:
    settle(reservation)
    with pytest.raises(AlreadySettledError):
        settle(Reservation.objects.get())
    with pytest.raises(AlreadySettledError):
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
