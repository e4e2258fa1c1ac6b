"""Limits: how often something may be done, and what was done lately."""

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class RateLimit(models.Model):
    """At most so many in so many seconds, in any stretch of that length. Operators raise the rows with enrolment."""

    class Name(models.TextChoices):
        MESSAGES_PER_PERSON = "message_user", _("messages of one person")
        MESSAGES_OF_SITE = "message_site", _("messages of the whole site")
        SIGN_INS_PER_ACCOUNT = "sign_in_account", _("failed sign-ins to one account from one address")
        SIGN_INS_PER_ADDRESS = "sign_in_address", _("failed sign-ins from one address")
        EXPORTS_PER_PERSON = "export_user", _("downloads of one person")

    name = models.CharField(_("what"), max_length=30, primary_key=True, choices=Name.choices)
    count = models.PositiveIntegerField(_("at most"), validators=[MinValueValidator(1)])
    seconds = models.PositiveIntegerField(_("in seconds"), validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.get_name_display()


class RateWindow(models.Model):
    """What one key (a person, an address, the site) did lately under one limit: see monitoring.windows."""

    name = models.CharField(_("what"), max_length=30, choices=RateLimit.Name.choices)
    key = models.CharField(_("whose"), max_length=120)
    slots: "models.JSONField[Any, Any]" = models.JSONField(default=list)
    touched_at = models.DateTimeField(_("last"))

    class Meta:
        verbose_name = _("limit window")
        verbose_name_plural = _("limit windows")
        constraints = [models.UniqueConstraint(fields=["name", "key"], name="one_window_per_limit_and_key")]

    def __str__(self) -> str:
        return f"{self.name} {self.key}"
