"""What operators may rely on when they add a provider."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from monitoring import breakers, health, providers, services
from monitoring.models import ModelPrice, Provider, ProviderModel
from monitoring.providers import endpoint_of
from monitoring.redaction import without_secrets

pytestmark = pytest.mark.django_db

KEY = "mistral-key-0123456789"


@pytest.fixture
def mistral(settings: Any) -> Provider:
    """A provider with its key, and one model."""
    settings.PROVIDER_KEYS = {"MISTRAL_API_KEY": KEY}
    provider = Provider.objects.create(
        name="Mistral", protocol="chat", base_url="https://api.mistral.ai/v1", key_name="MISTRAL_API_KEY"
    )
    ProviderModel.objects.create(provider=provider, name="mistral-small")
    return provider


def test_a_model_is_asked_where_it_has_a_row_and_else_at_the_provider_of_the_settings(
    mistral: Provider, settings: Any
) -> None:
    settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_API_KEY = "https://api.example:8443/x", "anthropic-key"
    known = endpoint_of("mistral-small")
    assert (known.provider, known.protocol, known.base_url, known.key) == (
        "Mistral", "chat", "https://api.mistral.ai/v1", KEY,
    )  # fmt: skip
    other = endpoint_of("claude-haiku-5-5")
    assert (other.provider, other.protocol, other.key) == ("api.example:8443", "messages", "anthropic-key")
    assert known.is_ready
    assert other.is_ready


def test_the_rows_are_read_once_for_many_replies(
    mistral: Provider, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    with django_assert_max_num_queries(1):
        for _ in range(20):
            endpoint_of("mistral-small")
            endpoint_of("claude-haiku-5-5")


def test_what_is_missing_is_said_by_name_and_nothing_is_called(
    mistral: Provider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROVIDER_KEYS = {}
    assert endpoint_of("mistral-small").missing == "MISTRAL_API_KEY is not set in the environment."
    settings.PROVIDER_KEYS = {"MISTRAL_API_KEY": KEY}
    providers.forget()
    monkeypatch.setattr(providers, "_speaks_chat", lambda: False)
    assert "requirements-chat.txt" in endpoint_of("mistral-small").missing
    Provider.objects.update(is_active=False)
    providers.forget()
    # Not at the provider of the settings, which has no such model.
    assert endpoint_of("mistral-small").missing == "Mistral is switched off."
    assert providers.first_ready(["mistral-small", "claude-haiku-5-5"]) is None


def test_a_server_of_ones_own_needs_no_key() -> None:
    provider = Provider.objects.create(name="Ollama", protocol="messages", base_url="http://ollama:11434")
    ProviderModel.objects.create(provider=provider, name="llama3.1:8b")
    assert endpoint_of("llama3.1:8b").is_ready


def test_a_key_is_in_no_row_no_representation_and_no_text_that_is_written_down(mistral: Provider) -> None:
    assert KEY not in repr(endpoint_of("mistral-small"))
    assert KEY not in str(list(Provider.objects.values()))
    assert KEY not in without_secrets(f"401 for {KEY}: no such key")


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "DATABASE_URL", "mistral_api_key", "_API_KEY", "A_API_KEY\n", "A B_API_KEY"]
)
def test_only_what_is_named_as_a_key_can_be_sent_to_a_provider(mistral: Provider, name: str) -> None:
    mistral.key_name = name
    with pytest.raises(ValidationError) as refused:
        mistral.full_clean()
    assert list(refused.value.message_dict) == ["key_name"]


def test_the_key_of_the_settings_stays_with_their_provider(mistral: Provider) -> None:
    mistral.key_name = "ANTHROPIC_API_KEY"
    with pytest.raises(ValidationError) as refused:
        mistral.full_clean()
    assert list(refused.value.message_dict) == ["key_name"]


@pytest.mark.parametrize(
    "address",
    [
        "api.mistral.ai",
        "ftp://x",
        "https://",
        "https://user:pass@x",
        "http://a..b",
        "https://\u2603.example",
        "http://x y",
        "http://x\ty",
        "https://x/?a=b",
        "https://x/#y",
        "http://[",
        "http://x:0",
    ],
)
def test_an_address_is_an_address_and_holds_no_password(mistral: Provider, address: str) -> None:
    mistral.base_url = address
    with pytest.raises(ValidationError) as refused:
        mistral.full_clean()
    assert list(refused.value.message_dict) == ["base_url"]


@pytest.mark.parametrize("address", ["http://ollama:11434", "https://api.deepseek.com/anthropic", "http://127.0.0.1:1"])
def test_addresses_of_servers_are_taken(mistral: Provider, address: str) -> None:
    mistral.base_url = address
    mistral.full_clean()


def test_a_provider_answers_at_least_one_at_a_time(mistral: Provider) -> None:
    mistral.calls_at_once = 0
    with pytest.raises(ValidationError):
        mistral.full_clean()


def test_teachers_are_offered_models_that_can_be_called_and_have_a_price(mistral: Provider, settings: Any) -> None:
    settings.MODELS = []
    assert services.offered_models() == []
    ModelPrice.objects.create(model="mistral-small", input=1, output=1, cache_write=1, cache_read=1)
    assert services.offered_models() == ["mistral-small"]
    settings.PROVIDER_KEYS = {}
    providers.forget()
    assert services.offered_models() == []


def test_the_health_of_each_model_is_kept_and_says_why_one_is_not_used(mistral: Provider, settings: Any) -> None:
    settings.PROVIDER_KEYS = {}
    notes = {check.name: str(check.note) for check in health.kept()}
    assert notes["provider: mistral-small"] == "not used: MISTRAL_API_KEY is not set in the environment."
    assert notes["provider: claude-haiku-5-5"] == "not used: ANTHROPIC_API_KEY is not set in the environment."


def test_what_the_settings_name_is_asked_at_their_provider_whatever_a_row_would_say(mistral: Provider) -> None:
    with pytest.raises(ValidationError) as refused:
        ProviderModel(provider=mistral, name="claude-haiku-5-5").full_clean()
    assert list(refused.value.message_dict) == ["name"]


def test_a_model_that_may_have_been_asked_keeps_its_row_and_a_slip_of_the_pen_goes(
    client: Browser, operator: User, mistral: Provider
) -> None:
    client.force_login(operator)
    page = reverse("admin:monitoring_provider_change", args=[mistral.pk])
    row = mistral.models.get()
    sent = {
        "name": "Mistral", "protocol": "chat", "base_url": "https://api.mistral.ai/v1", "key_name": "MISTRAL_API_KEY",
        "is_active": "on", "models-TOTAL_FORMS": "1", "models-INITIAL_FORMS": "1", "models-0-id": str(row.pk),
        "models-0-provider": str(mistral.pk), "models-0-name": "mistral-smal",
    }  # fmt: skip
    assert client.post(page, sent).status_code == 302
    ModelPrice.objects.create(model="mistral-smal", input=1, output=1, cache_write=1, cache_read=1)
    for change in ({"models-0-name": "other"}, {"models-0-DELETE": "on"}):
        answer = client.post(page, {**sent, **change})
        assert "mistral-smal may have been asked here" in answer.content.decode()
    assert list(mistral.models.values_list("name", flat=True)) == ["mistral-smal"]


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "A model has no price"),
        ({"is_active": False}, "Mistral is switched off."),
        ({"key_name": "NO_SUCH_API_KEY"}, "NO_SUCH_API_KEY is not set"),
    ],
)
def test_the_list_says_what_is_missing(
    client: Browser, operator: User, mistral: Provider, change: dict[str, Any], state: str
) -> None:
    Provider.objects.update(**change)
    client.force_login(operator)
    assert state in client.get(reverse("admin:monitoring_provider_changelist")).content.decode()


def test_the_list_says_when_all_is_well_and_when_a_model_does_not_answer(
    client: Browser, operator: User, mistral: Provider
) -> None:
    client.force_login(operator)
    page = reverse("admin:monitoring_provider_changelist")
    ModelPrice.objects.create(model="mistral-small", input=1, output=1, cache_write=1, cache_read=1)
    assert "ready" in client.get(page).content.decode()
    for _ in range(5):
        breakers.failed(provider="Mistral", model="mistral-small", fault="server")
    assert "A model does not answer" in client.get(page).content.decode()
    mistral.models.all().delete()
    assert "Name at least one model." in client.get(page).content.decode()
    assert client.get(reverse("admin:monitoring_provider_add")).status_code == 200


def test_a_long_name_of_a_model_is_told_by_its_end(settings: Any) -> None:
    settings.MODELS = [f"hf.co/somebody/a-very-long-name-of-a-model-of-theirs-GGUF:Q4_K_{end}" for end in "MS"]
    names = [check.name for check in health.kept() if check.name.startswith("provider: ")]
    assert len({*names}) == len(names) == 2
    assert all(len(name) <= 60 for name in names)
