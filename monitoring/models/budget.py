"""Budgets: how much may be spent by whom in which period, and what each has held and spent."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

# Stands for "the site", "no section" and the like, where a null would slip through a unique constraint.
NOBODY = uuid.UUID(int=0)


def default_alert_steps() -> list[int]:
    """The percentages of a budget at which operators are told."""
    return [50, 75, 90, 100]


def validate_alert_steps(value: Any) -> None:
    """A list of whole percentages from 1 to 100 that rise."""
    whole = isinstance(value, list) and all(type(step) is int and 1 <= step <= 100 for step in value)
    if not whole or value != sorted(set(value)):
        raise ValidationError(_("Write rising percentages from 1 to 100, such as 50, 75, 90, 100."))


class Budget(models.Model):
    """The most that one scope may spend in one period.

    Without a `scope_id` it stands for each one of its kind: a budget "user, per day" gives every person that much.
    A budget that names its user, section or session takes the place of the general one with the same period.
    """

    class Scope(models.TextChoices):
        SITE = "site", _("the whole site")
        SECTION = "section", _("a section")
        USER = "user", _("a person")
        SESSION = "session", _("a conversation")

    class Period(models.TextChoices):
        DAY = "day", _("a day")
        MONTH = "month", _("a month")
        TERM = "term", _("a term")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope = models.CharField(_("for"), max_length=10, choices=Scope.choices)
    scope_id = models.UUIDField(
        _("which one"),
        null=True,
        blank=True,
        help_text=_("The id of one section, person or conversation. Empty: each of them has a budget of this size."),
    )
    label = models.CharField(_("name"), max_length=200, blank=True, help_text=_("How alerts and lists call it."))
    period = models.CharField(_("per"), max_length=10, choices=Period.choices)
    limit_microusd = models.PositiveBigIntegerField(
        _("limit in micro-dollars"), help_text=_("1,000,000 is one US dollar.")
    )
    alert_steps: "models.JSONField[Any, Any]" = models.JSONField(
        _("alert at percent"), default=default_alert_steps, validators=[validate_alert_steps], blank=True
    )
    is_active = models.BooleanField(_("in force"), default=True)

    class Meta:
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        ordering = ["scope", "period"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "scope_id", "period"],
                name="one_budget_per_scope_and_period",
                violation_error_message=_("There is a budget for this one and this period already."),
            ),
            models.UniqueConstraint(
                fields=["scope", "period"],
                condition=models.Q(scope_id__isnull=True),
                name="one_general_budget_per_scope_and_period",
                violation_error_message=_("There is a general budget for this kind and this period already."),
            ),
            models.CheckConstraint(
                condition=~models.Q(scope="site") | models.Q(scope_id__isnull=True),
                name="the_site_has_no_id",
                violation_error_message=_("The whole site needs no id: leave it empty."),
            ),
        ]

    def __str__(self) -> str:
        return self.label or f"{self.get_scope_display()}, {self.get_period_display()}"

    def left_after(self, taken_microusd: int) -> int:
        """Micro-dollars left when so much is held or spent; none where the limit was lowered below that."""
        return max(0, self.limit_microusd - taken_microusd)


class BudgetAccount(models.Model):
    """What one scope has held and spent of one budget in one period; moved only by conditional updates."""

    budget = models.ForeignKey(Budget, verbose_name=_("budget"), on_delete=models.CASCADE, related_name="accounts")
    scope_id = models.UUIDField(_("which one"), default=NOBODY)
    label = models.CharField(_("name"), max_length=200, blank=True)
    starts_on = models.DateField(_("from"), help_text=_("The first day of the period, in the school's time zone."))
    held_microusd = models.PositiveBigIntegerField(_("held"), default=0)
    spent_microusd = models.PositiveBigIntegerField(_("spent"), default=0)
    # Beside what the ledger says was spent: what was used of the general budget before this one took its place, and,
    # below zero, what no longer counts since somebody began the period anew. In the database too, since a server of the
    # last version writes rows without it while this one is installed.
    carried_microusd = models.BigIntegerField(
        _("counted besides"),
        default=0,
        db_default=0,
        help_text=_("Brought from the general budget; below zero, what was used before the period began anew."),
    )
    alerted_percent = models.PositiveSmallIntegerField(_("last alert at percent"), default=0)

    class Meta:
        verbose_name = _("budget account")
        verbose_name_plural = _("budget accounts")
        ordering = ["-starts_on"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "scope_id", "starts_on"], name="one_account_per_period"),
        ]
        # Whose accounts these are. What each message updates is in no index, so that a new account alone pays for it.
        indexes = [models.Index(fields=["scope_id"], name="account_scope")]

    def __str__(self) -> str:
        return f"{self.budget} · {self.starts_on:%Y-%m-%d}"

    @property
    def used_microusd(self) -> int:
        """What counts against its budget, without what is only held."""
        return self.spent_microusd + self.carried_microusd

    @property
    def left_microusd(self) -> int:
        """What of its budget is neither held nor used."""
        return self.budget.left_after(self.held_microusd + self.used_microusd)

    @property
    def occasion(self) -> str:
        """What people are told of once: another limit, or a period begun anew, is another occasion."""
        return f"budget:{self.pk}:{self.budget.limit_microusd - self.carried_microusd}"
