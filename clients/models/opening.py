"""Openings: which clients a section may practise with."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Section, User


class ClientOpeningQuerySet(models.QuerySet["ClientOpening"]):
    """Reads of openings."""

    def current(self) -> "ClientOpeningQuerySet":
        """Openings that were not closed."""
        return self.filter(closed_at=None)

    def in_sections_of(self, teacher: User) -> "ClientOpeningQuerySet":
        """Openings to the sections that this person teaches now."""
        return self.filter(section__teachers=teacher, section__archived_at=None)


class ClientOpening(models.Model):
    """A client opened to a section for practice; closing keeps the row."""

    client = models.ForeignKey(
        "clients.ClientProfile", verbose_name=_("client"), on_delete=models.CASCADE, related_name="openings"
    )
    section = models.ForeignKey(Section, verbose_name=_("section"), on_delete=models.CASCADE, related_name="openings")
    opened_by = models.ForeignKey(
        User, verbose_name=_("opened by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    opened_at = models.DateTimeField(_("opened"), auto_now_add=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    objects = ClientOpeningQuerySet.as_manager()

    class Meta:
        verbose_name = _("opening")
        verbose_name_plural = _("openings")
        constraints = [models.UniqueConstraint(fields=["client", "section"], name="client_opened_once_per_section")]

    def __str__(self) -> str:
        return f"{self.client} → {self.section}"
