"""Circuit breakers: which model of which provider answers, as all processes know it."""

from django.db import models
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
