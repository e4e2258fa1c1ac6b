"""Providers beside the one of the settings: where they are, their protocol, the name of their key, their models."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

# Of the environment, only what is named as a key of a provider can be sent to one.
KEY_NAME = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY")


def check_base_url(value: str) -> None:
    """An address of a server. Raises ValidationError for what is none, and for one that holds a password."""
    try:
        url = urlsplit(value)
        well = url.scheme in {"http", "https"} and bool(url.hostname) and (url.port is None or url.port > 0)
        # As those do who will call it.
        (url.hostname or "").encode("idna").decode("ascii")
    except ValueError:
        well = False
    if not well or not value.isascii() or not value.isprintable() or " " in value:
        raise ValidationError(_("Write an address such as https://api.provider.example/v1."))
    if url.username or url.password or url.query or url.fragment:
        raise ValidationError(_("Write the address alone: without a password, a question mark or a hash sign."))


class Provider(models.Model):
    """A server that speaks one of two protocols. Its key is in the environment and never here."""

    class Protocol(models.TextChoices):
        MESSAGES = "messages", _("Messages (Claude, DeepSeek, Ollama)")
        CHAT = "chat", _("chat completions (Mistral and others)")

    name = models.CharField(_("name"), max_length=60, unique=True)
    protocol = models.CharField(_("protocol"), max_length=10, choices=Protocol.choices)
    base_url = models.CharField(
        _("address"),
        max_length=200,
        validators=[check_base_url],
        help_text=_(
            "Where its documentation says that the protocol begins, such as https://api.deepseek.com/anthropic."
        ),
    )
    key_name = models.CharField(
        _("name of its key"),
        max_length=60,
        blank=True,
        validators=[
            RegexValidator(rf"^{KEY_NAME.pattern}\Z", _("Write capital letters that end with _API_KEY.")),
        ],
        help_text=_(
            "The variable of the environment that holds the key, such as MISTRAL_API_KEY. Empty for a server of your "
            "own that asks for none. The key itself is never kept here."
        ),
    )
    calls_at_once = models.PositiveIntegerField(
        _("replies at once"),
        null=True,
        blank=True,
        help_text=_("Of each model and web process; more wait in line. Empty for as many as the settings allow."),
    )
    asks_usage = models.BooleanField(
        _("ask for token counts"),
        default=True,
        help_text=_("Chat completions only. Most count when they are asked to; Mistral counts unasked, and refuses."),
    )
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("provider")
        verbose_name_plural = _("providers")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(calls_at_once=None) | models.Q(calls_at_once__gte=1),
                name="provider_answers_somebody",
                violation_error_message=_("Let one reply through at least."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The key of the settings stays with the provider of the settings."""
        if self.key_name == "ANTHROPIC_API_KEY":
            raise ValidationError(
                {"key_name": _("This key is for the provider of the settings. Give this one a name of its own.")}
            )


class ProviderModel(models.Model):
    """A model that is asked at this provider, wherever its name is used; prices and breakers go by the name."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="models", verbose_name=_("provider"))
    name = models.CharField(
        _("model"),
        max_length=100,
        unique=True,
        help_text=_("As the provider calls it. It needs a price, if only zero."),
    )

    class Meta:
        verbose_name = _("model of a provider")
        verbose_name_plural = _("models of providers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """What the settings name stays with their provider: no row takes its conversations elsewhere."""
        if self.name in {settings.MODEL_DEFAULT, *settings.MODELS, *settings.FALLBACK_MODELS}:
            words = _("This model is asked at the provider of the settings, which name it. Take it out of them first.")
            raise ValidationError({"name": words})
