"""The operator sees the ledger and cannot change it."""

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from monitoring.models import ModelPrice

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["modelprice", "ledgerentry", "reservation", "heartbeat"])
def test_every_list_opens_and_only_prices_can_be_added(client: Browser, operator: User, model: str) -> None:
    client.force_login(operator)
    assert client.get(reverse(f"admin:monitoring_{model}_changelist")).status_code == 200
    added = client.get(reverse(f"admin:monitoring_{model}_add")).status_code
    assert added == (200 if model == "modelprice" else 403)


def test_a_price_can_be_edited(client: Browser, operator: User) -> None:
    client.force_login(operator)
    row = ModelPrice.objects.first()
    assert row
    assert client.get(reverse("admin:monitoring_modelprice_change", args=[row.pk])).status_code == 200


def test_the_list_of_prices_names_their_unit(client: Browser, operator: User) -> None:
    client.force_login(operator)
    page = client.get(reverse("admin:monitoring_modelprice_changelist")).content.decode()
    assert "micro-dollars per million tokens" in page
