"""Day figures: the ledger's sums by day, kept so that a dashboard of a term need not add up six million rows."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from monitoring.models.budget import NOBODY


class DailyUsage(models.Model):
    """One day (in the school's time zone) of one model, kind of work and section: derived, rebuilt at any time.

    It counts the entries settled up to `through`; what was settled since is in the ledger only.
    """

    day = models.DateField(_("day"))
    model = models.CharField(_("model"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20)
    section_uuid = models.UUIDField(_("section"), default=NOBODY)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    failures = models.PositiveIntegerField(_("failed or interrupted"), default=0)
    estimated = models.PositiveIntegerField(_("with estimated usage"), default=0)
    input_tokens = models.PositiveBigIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveBigIntegerField(_("output tokens"), default=0)
    cache_write_tokens = models.PositiveBigIntegerField(_("cache write tokens"), default=0)
    cache_read_tokens = models.PositiveBigIntegerField(_("cache read tokens"), default=0)
    cost_microusd = models.PositiveBigIntegerField(_("cost in micro-dollars"), default=0)
    total_ms = models.PositiveBigIntegerField(_("total time in ms"), default=0)
    through = models.DateTimeField(_("counted up to"))

    class Meta:
        verbose_name = _("day's usage")
        verbose_name_plural = _("daily usage")
        ordering = ["-day", "model"]
        constraints = [
            models.UniqueConstraint(fields=["day", "model", "kind", "section_uuid"], name="one_row_per_day_and_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.model}"
