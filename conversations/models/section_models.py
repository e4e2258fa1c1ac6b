"""Which model speaks in a section, and who stands in for it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Section


class SectionModels(models.Model):
    """A section's own choice, in place of the clients' and the site's. A section without a row has none."""

    section = models.OneToOneField(
        Section, models.CASCADE, related_name="models", primary_key=True, verbose_name=_("section")
    )
    model = models.CharField(_("model"), max_length=100, blank=True, help_text=_("Empty: as each client has it."))
    # Names of models, in the order in which they are asked.
    stand_ins = models.JSONField(_("stand-ins"), default=list, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("changed by")
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("models of a section")
        verbose_name_plural = _("models of sections")
        ordering = ["section"]

    def __str__(self) -> str:
        return str(self.section)
