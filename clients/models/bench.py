"""The test bench: rules that a teacher adds to a client, and runs of scripted students against it."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.models.profile import ClientProfile
from monitoring.models import Job


class ClientRule(models.Model):
    """A correction that a teacher wrote: what this client does, or never does. It goes into the prompt."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(ClientProfile, verbose_name=_("client"), on_delete=models.CASCADE, related_name="rules")
    text = models.CharField(_("rule"), max_length=300)
    # The reply that called for it, as it was said.
    about = models.CharField(_("the reply that it corrects"), max_length=500, blank=True)
    written_by = models.ForeignKey(User, verbose_name=_("written by"), on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(_("written"), default=timezone.now)

    class Meta:
        verbose_name = _("rule of a client")
        verbose_name_plural = _("rules of clients")
        ordering = ["written_at", "id"]

    def __str__(self) -> str:
        return self.text


class ClientTryout(models.Model):
    """One run of the test bench against a client as it was then."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(
        ClientProfile, verbose_name=_("client"), on_delete=models.CASCADE, related_name="tryouts"
    )
    by = models.ForeignKey(User, verbose_name=_("asked for by"), on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.SET_NULL, related_name="tryout"
    )
    voice = models.CharField(_("voice"), max_length=10)
    model = models.CharField(_("model"), max_length=100, blank=True)
    # Conversation by conversation as it was held, with its measures: see clients.tryouts.
    talks: "models.JSONField[Any, Any]" = models.JSONField(_("conversations"), default=list)
    cost_microusd = models.PositiveBigIntegerField(_("cost in micro-dollars"), default=0)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("run of the test bench")
        verbose_name_plural = _("runs of the test bench")
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"{self.client} {self.started_at:%Y-%m-%d %H:%M}"
