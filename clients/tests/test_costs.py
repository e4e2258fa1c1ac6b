"""What a teacher is told a conversation will cost."""

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from clients.costs import estimates
from clients.models import ClientProfile
from monitoring.models import ModelPrice

pytestmark = pytest.mark.django_db


def test_every_offered_model_has_an_estimate_and_the_dear_ones_a_warning(client_profile: ClientProfile) -> None:
    rows = {row.model: row for row in estimates(client_profile)}
    assert list(rows) == ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-4-5"]
    assert 500 < rows["claude-haiku-5-5"].microusd < 3_000
    assert not rows["claude-haiku-5-5"].above_warning
    assert rows["claude-sonnet-5-5"].above_warning
    assert rows["claude-opus-5-5"].microusd > rows["claude-sonnet-5-5"].microusd


def test_the_warning_follows_the_setting(client_profile: ClientProfile, settings: Settings) -> None:
    settings.COST_WARNING_MICROUSD = 1
    assert all(row.above_warning for row in estimates(client_profile))


def test_the_model_in_use_is_marked(client_profile: ClientProfile) -> None:
    client_profile.model = "claude-sonnet-5-5"
    assert [row.model for row in estimates(client_profile) if row.chosen] == ["claude-sonnet-5-5"]


def test_a_model_without_a_price_is_not_offered(client_profile: ClientProfile, settings: Settings) -> None:
    settings.MODELS = ["claude-haiku-5-5", "unpriced"]
    assert [row.model for row in estimates(client_profile)] == ["claude-haiku-5-5"]
    ModelPrice.objects.all().delete()
    assert estimates(client_profile) == []


def test_a_longer_prompt_costs_more(client_profile: ClientProfile) -> None:
    before = estimates(client_profile)[0].microusd
    client_profile.prompt_override = "You are very long. " * 1_000
    assert estimates(client_profile)[0].microusd > before


@pytest.mark.usefixtures("still")
def test_estimates_take_one_query_a_model_and_four_more(
    client_profile: ClientProfile, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(8):
        estimates(client_profile)
