"""Breaches: replies that left the character, and what became of them."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.models import ClientProfile
from conversations.models.session import Session


class BreachQuerySet(models.QuerySet["Breach"]):
    """Reads of breaches."""

    def visible_to(self, user: User) -> "BreachQuerySet":
        """Those in sessions that this person sees; who looks after no students sees none."""
        if not user.looks_after_students:
            return self.none()
        return self.filter(session__in=Session.objects.visible_to(user).order_by().values("pk"))


class Breach(models.Model):
    """One attempt at a reply that left the character and was taken back before it was kept."""

    class Kind(models.TextChoices):
        HELPER = "helper", _("talked like a helper")
        AI = "ai", _("spoke of being an AI")
        PROMPT = "prompt", _("gave away its instructions")
        FACT = "fact", _("told what was not earned yet")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, verbose_name=_("session"), on_delete=models.CASCADE, related_name="breaches")
    # The session's own, here once more: a client's are counted by it alone.
    client = models.ForeignKey(
        ClientProfile, verbose_name=_("client"), on_delete=models.PROTECT, related_name="breaches", db_index=False
    )
    # The message of the reply, known before its first word.
    reply_id = models.UUIDField(_("reply"), db_index=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    # 1 for the first attempt, after which one more is made; 2 is followed by a scripted line.
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    excerpt = models.CharField(_("what it said"), max_length=300)
    model = models.CharField(_("model"), max_length=100)
    created_at = models.DateTimeField(_("when"), default=timezone.now)

    objects = BreachQuerySet.as_manager()

    class Meta:
        verbose_name = _("breach of character")
        verbose_name_plural = _("breaches of character")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["client", "-created_at"], name="breach_by_client")]
        constraints = [models.UniqueConstraint(fields=["reply_id", "attempt"], name="one_breach_per_attempt")]

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M}"
