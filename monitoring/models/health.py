"""Health over time: what each check said, and from when to when it said so."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class HealthReport(models.Model):
    """One check that said the same for a while; when it says something else, a new row begins."""

    name = models.CharField(_("what"), max_length=60)
    is_ok = models.BooleanField(_("in order"))
    text = models.CharField(_("what it said"), max_length=200, blank=True)
    since = models.DateTimeField(_("since"), default=timezone.now)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    # Of each check one row is what it says now; the others are history.
    is_current = models.BooleanField(default=True, editable=False)

    class Meta:
        verbose_name = _("health report")
        verbose_name_plural = _("health reports")
        ordering = ["-since", "name"]
        indexes = [models.Index(fields=["name", "-since"], name="health_by_name")]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(is_current=True), name="one_current_report_per_check"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.text}"
