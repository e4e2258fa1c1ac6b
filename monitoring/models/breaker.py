"""Circuit breakers: which model of which provider answers, as all processes know it."""

import datetime as dt

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Breaker(models.Model):
    """One model at one provider.

    closed → open after BREAKER_FAILURES faults in a row → half_open (one probe at a time) → closed, or open again
    """

    class State(models.TextChoices):
        CLOSED = "closed", _("answers")
        OPEN = "open", _("does not answer")
        HALF_OPEN = "half_open", _("is being tried")

    provider = models.CharField(_("provider"), max_length=200)
    model = models.CharField(_("model"), max_length=100)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CLOSED)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    last_fault = models.CharField(_("last fault"), max_length=40, blank=True)
    failed_at = models.DateTimeField(_("last failure"), null=True)
    # When the outage began: failed probes do not move it.
    opened_at = models.DateTimeField(_("opened"), null=True)
    # Half open: until then the probe that was let through has the word, and nobody else is let through.
    probe_until = models.DateTimeField(_("probe until"), null=True)
    # The provider asked everyone to wait (429 with retry-after).
    wait_until = models.DateTimeField(_("asked to wait until"), null=True)

    class Meta:
        verbose_name = _("provider state")
        verbose_name_plural = _("provider states")
        ordering = ["provider", "model"]
        constraints = [models.UniqueConstraint(fields=["provider", "model"], name="one_breaker_per_model")]

    def __str__(self) -> str:
        return f"{self.model} {self.get_state_display()}"

    @property
    def rest_seconds(self) -> float:
        """How long nobody may call it yet; 0 when it answers, or when the next call may be the probe."""
        if self.state == self.State.OPEN and self.failed_at:
            return _seconds_to(self.failed_at + dt.timedelta(seconds=settings.BREAKER_OPEN_SECONDS))
        return _seconds_to(self.probe_until) if self.state == self.State.HALF_OPEN else 0.0

    @property
    def wait_seconds(self) -> float:
        """How long the provider asked everyone to wait, from now on."""
        return _seconds_to(self.wait_until)


def _seconds_to(moment: dt.datetime | None) -> float:
    return max(0.0, (moment - timezone.now()).total_seconds()) if moment else 0.0
