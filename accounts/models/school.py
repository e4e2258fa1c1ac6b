"""The school that runs this installation, and its terms."""

from typing import Any

from django.db import models
from django.utils.translation import gettext
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
    help_text = models.TextField(
        _("words for a student in distress"),
        max_length=1_500,
        blank=True,
        help_text=_("Shown when a student writes of their own distress, and behind “I need help”. Empty: our words."),
    )
    help_contacts = models.TextField(
        _("whom they can turn to"),
        max_length=1_500,
        blank=True,
        help_text=_("One a line: who, and how to reach them, such as “Counselling: 555 0100, day and night”."),
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

    @property
    def words_of_help(self) -> str:
        """What a student in distress reads: the school's words, else ours in the language that is active."""
        return self.help_text.strip() or gettext(
            "You matter more than any practice. Stop here if you like: it is not held against you. Talk to someone you "
            "trust, today. If you might hurt yourself, or are in danger, call your local emergency number now."
        )

    @property
    def contacts(self) -> list[str]:
        """Whom they can turn to, a line each: the school's list, else its support contact, named so, if it has one."""
        lines = [line.strip() for line in self.help_contacts.splitlines()]
        support = gettext("Support of this portal: %(contact)s") % {"contact": self.support_contact}
        return [line for line in lines if line] or [support][: bool(self.support_contact)]

    @property
    def has_own_contacts(self) -> bool:
        """Whether the school has said whom students in distress can turn to."""
        return bool(self.help_contacts.strip())

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
