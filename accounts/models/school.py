"""The school that runs this installation, and its terms."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.user import validate_time_zone


class School(models.Model):
    """The one school of this installation; `School.current()` gives it."""

    name = models.CharField(_("name"), max_length=150, default="Rapport")
    logo = models.ImageField(_("logo"), upload_to="school/", blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    support_contact = models.CharField(
        _("support contact"),
        max_length=300,
        blank=True,
        help_text=_("Shown on the help pages: a person, address or phone."),
    )
    built_ins_allowed = models.BooleanField(
        _("students may practise with built-in clients"),
        default=True,
        help_text=_("Without it, only with opened ones."),
    )

    class Meta:
        verbose_name = _("school")
        verbose_name_plural = _("school")

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """There is one row, whatever is asked."""
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def current(cls) -> "School":
        """The school, or an unsaved one with the defaults before `setup_school` has run."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class Term(models.Model):
    """A stretch of the school year."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))

    class Meta:
        verbose_name = _("term")
        verbose_name_plural = _("terms")
        ordering = ["-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")),
                name="term_ends_after_it_starts",
                violation_error_message=_("The last day must not be before the first."),
            )
        ]

    def __str__(self) -> str:
        return self.name
