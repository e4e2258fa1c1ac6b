"""Where a model is asked: at the provider that has a row for it, else at that of the settings (docs/providers.md)."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from monitoring.models import Provider, ProviderModel

Protocol = Provider.Protocol
# The key of the provider of the settings.
KEY_NAME = "ANTHROPIC_API_KEY"
# A reply is asked of a provider as it was so long ago: a message must not look each time.
KEPT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider as it is called: under this name in breakers, in this protocol, at this address, with this key.

    `key_name` is the variable that holds the key, "" for a server that asks for none. `calls_at_once` is how many
    replies one process asks of one of its models, None for as many as the settings allow.
    """

    provider: str
    protocol: str
    base_url: str
    key: str = field(repr=False)
    key_name: str = ""
    calls_at_once: int | None = None
    asks_usage: bool = True
    is_active: bool = True

    @property
    def missing(self) -> str:
        """What is missing before it can be called, in words for operators; "" when nothing is."""
        if not self.is_active:
            return _("%(provider)s is switched off.") % {"provider": self.provider}
        if self.key_name and not self.key:
            return _("%(name)s is not set in the environment.") % {"name": self.key_name}
        if self.protocol == Protocol.CHAT and not _speaks_chat():
            return _("The package openai is not installed: pip install --require-hashes -r requirements-chat.txt.")
        return ""

    @property
    def is_ready(self) -> bool:
        """Whether it can be called, as far as can be known without a call."""
        return not self.missing


def configured() -> Endpoint:
    """The provider of the settings, called by its host and port."""
    return Endpoint(
        provider=urlsplit(settings.ANTHROPIC_BASE_URL).netloc.rpartition("@")[2][:200],
        protocol=Protocol.MESSAGES,
        base_url=settings.ANTHROPIC_BASE_URL,
        key=settings.ANTHROPIC_API_KEY,
        key_name=KEY_NAME,
    )


def endpoint_of(model: str) -> Endpoint:
    """Where this model is asked; each process reads the rows every ten seconds at most."""
    return _rows(int(time.monotonic() / KEPT_SECONDS)).get(model) or configured()


def models_with_rows() -> list[str]:
    """The models of all providers in use that have a row, ready or not, by name."""
    return [model for model, endpoint in _rows(int(time.monotonic() / KEPT_SECONDS)).items() if endpoint.is_active]


def first_ready(models: Iterable[str]) -> str | None:
    """The first of these models whose provider can be called, None when none can."""
    return next((model for model in models if endpoint_of(model).is_ready), None)


def forget() -> None:
    """Read the rows anew the next time."""
    _rows.cache_clear()


@lru_cache(maxsize=1)
def _rows(period: int) -> Mapping[str, Endpoint]:
    rows = ProviderModel.objects.select_related("provider").order_by("name")
    return {row.name: endpoint_from(row.provider) for row in rows}


def endpoint_from(provider: Provider) -> Endpoint:
    """How this row is called, with its key from the environment."""
    return Endpoint(
        provider=provider.name,
        protocol=provider.protocol,
        base_url=provider.base_url,
        key=settings.PROVIDER_KEYS.get(provider.key_name, ""),
        key_name=provider.key_name,
        calls_at_once=provider.calls_at_once,
        asks_usage=provider.asks_usage,
        is_active=provider.is_active,
    )


@lru_cache(maxsize=1)
def _speaks_chat() -> bool:
    return find_spec("openai") is not None
