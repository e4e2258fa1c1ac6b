"""Heartbeats: which processes of the portal are alive."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    """Reads of heartbeats."""

    def alive(self, kind: str) -> "HeartbeatQuerySet":
        """Processes of that kind whose heart beat recently enough."""
        seconds = settings.HEARTBEAT_DEAD_SECONDS if kind == Heartbeat.Kind.WEB else settings.WORKER_DEAD_SECONDS
        return self.filter(kind=kind, beat_at__gt=timezone.now() - dt.timedelta(seconds=seconds))


class Heartbeat(models.Model):
    """One process of the portal and when it last said that it lives."""

    class Kind(models.TextChoices):
        WEB = "web", _("web")
        WORKER = "worker", _("worker")
        BEAT = "beat", _("schedule")
        PULSE = "pulse", _("schedule, queue and worker together")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=200, help_text=_("Machine and process number."))
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    beat_at = models.DateTimeField(_("last beat"), default=timezone.now, db_index=True)

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
