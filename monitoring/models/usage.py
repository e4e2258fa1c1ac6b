"""Sums of the ledger by hour and day, kept so that a dashboard of a term need not add up six million rows.

All of it is derived and can be rebuilt from the ledger at any time. `RolledUp` says which hours and days are kept;
for the others the ledger itself is asked, so that figures are right even where no worker runs.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from monitoring.models.budget import NOBODY


class Usage(models.Model):
    """What was used in one stretch of time of one model for one kind of work."""

    model = models.CharField(_("model"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    failures = models.PositiveIntegerField(_("failed or interrupted"), default=0)
    estimated = models.PositiveIntegerField(_("with estimated usage"), default=0)
    # Each counts once: where its first attempt was settled. So hours add up to days, and models to all models.
    sessions = models.PositiveIntegerField(_("conversations that began"), default=0)
    messages = models.PositiveIntegerField(_("replies"), default=0)
    input_tokens = models.PositiveBigIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveBigIntegerField(_("output tokens"), default=0)
    cache_write_tokens = models.PositiveBigIntegerField(_("cache write tokens"), default=0)
    cache_read_tokens = models.PositiveBigIntegerField(_("cache read tokens"), default=0)
    cost_microusd = models.PositiveBigIntegerField(_("cost in micro-dollars"), default=0)
    total_ms = models.PositiveBigIntegerField(_("total time in ms"), default=0)

    class Meta:
        abstract = True


class HourlyUsage(Usage):
    """One hour of one model, kind of work and section."""

    starts_at = models.DateTimeField(_("hour from"))
    section_uuid = models.UUIDField(_("section"), default=NOBODY)

    class Meta:
        verbose_name = _("hour's usage")
        verbose_name_plural = _("hourly usage")
        ordering = ["-starts_at", "model"]
        constraints = [
            models.UniqueConstraint(
                fields=["starts_at", "model", "kind", "section_uuid"], name="one_row_per_hour_and_scope"
            ),
        ]
        # Operators look for what a section used.
        indexes = [models.Index(fields=["section_uuid", "-starts_at"], name="section_hours")]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.model}"


class DailyUsage(Usage):
    """One school day of one model, kind of work and section."""

    day = models.DateField(_("day"))
    section_uuid = models.UUIDField(_("section"), default=NOBODY)

    class Meta:
        verbose_name = _("day's usage")
        verbose_name_plural = _("daily usage")
        ordering = ["-day", "model"]
        constraints = [
            models.UniqueConstraint(fields=["day", "model", "kind", "section_uuid"], name="one_row_per_day_and_scope"),
        ]
        indexes = [models.Index(fields=["section_uuid", "-day"], name="section_days")]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.model}"


class DailyUserUsage(Usage):
    """One school day of one person, model and kind of work."""

    day = models.DateField(_("day"))
    user_uuid = models.UUIDField(_("person"), default=NOBODY)

    class Meta:
        verbose_name = _("day's usage of a person")
        verbose_name_plural = _("daily usage of people")
        ordering = ["-day", "model"]
        constraints = [
            models.UniqueConstraint(fields=["day", "model", "kind", "user_uuid"], name="one_row_per_day_and_user"),
        ]
        indexes = [models.Index(fields=["user_uuid"], name="user_usage")]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.user_uuid}"


class HourlyLatency(models.Model):
    """How many attempts of one hour and model showed their first text within so many milliseconds, and not sooner.

    From such counts the percentiles of any stretch of time follow, as near as the steps between the bounds.
    """

    starts_at = models.DateTimeField(_("hour from"))
    model = models.CharField(_("model"), max_length=100)
    within_ms = models.PositiveIntegerField(_("first text within ms"))
    count = models.PositiveIntegerField(_("attempts"))

    class Meta:
        verbose_name = _("hour's latency")
        verbose_name_plural = _("hourly latency")
        ordering = ["-starts_at", "model", "within_ms"]
        constraints = [
            models.UniqueConstraint(fields=["starts_at", "model", "within_ms"], name="one_row_per_hour_and_bound"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.model} {self.within_ms} ms"


class RolledUp(models.Model):
    """An hour or a day whose sums are kept, as the school's clock in this zone has them."""

    class Period(models.TextChoices):
        HOUR = "hour", _("an hour")
        DAY = "day", _("a day")

    period = models.CharField(_("what"), max_length=4, choices=Period.choices)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    # Days of another zone are other days: what was kept for them is not asked any more.
    zone = models.CharField(_("time zone"), max_length=64)
    rolled_at = models.DateTimeField(_("added up"))

    class Meta:
        verbose_name = _("stretch that was added up")
        verbose_name_plural = _("stretches that were added up")
        ordering = ["-starts_at"]
        constraints = [models.UniqueConstraint(fields=["period", "starts_at"], name="one_mark_per_stretch")]

    def __str__(self) -> str:
        return f"{self.get_period_display()} {self.starts_at:%Y-%m-%d %H:%M}"
