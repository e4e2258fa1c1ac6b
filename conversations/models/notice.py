"""The notice before the first chat, and who accepted which version of it when."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User

# Raise it when the notice's text changes in substance: everyone is asked again.
NOTICE_VERSION = 2


class NoticeAcceptance(models.Model):
    """One person's acceptance of one version of the notice."""

    user = models.ForeignKey(User, verbose_name=_("user"), on_delete=models.CASCADE, related_name="notices")
    version = models.PositiveSmallIntegerField(_("version"), default=NOTICE_VERSION)
    accepted_at = models.DateTimeField(_("accepted"), auto_now_add=True)

    class Meta:
        verbose_name = _("accepted notice")
        verbose_name_plural = _("accepted notices")
        constraints = [models.UniqueConstraint(fields=["user", "version"], name="notice_accepted_once")]

    def __str__(self) -> str:
        return f"{self.user} {self.version}"

    @classmethod
    def needed_by(cls, user: User) -> bool:
        """Whether this person has yet to accept the notice as it is now."""
        return not cls.objects.filter(user=user, version=NOTICE_VERSION).exists()
