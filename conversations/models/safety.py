"""Safety: what a student wrote about their own distress, who was told, and who has seen to it."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.models import ClientProfile
from conversations.models.message import Message
from conversations.models.session import Session


class SafetyAlertQuerySet(models.QuerySet["SafetyAlert"]):
    """Reads of safety alerts."""

    def visible_to(self, user: User) -> "SafetyAlertQuerySet":
        """School admins see all, teachers those of students in their sections; others none."""
        return self.filter(session__in=Session.objects.supervised_by(user).order_by().values("pk"))

    def waiting(self) -> "SafetyAlertQuerySet":
        """Those that nobody has acknowledged."""
        return self.filter(acknowledged_at=None)

    def danger(self) -> "SafetyAlertQuerySet":
        """Those of somebody who may be in danger."""
        return self.filter(tier=SafetyAlert.Tier.DANGER)


class SafetyAlert(models.Model):
    """One message in which a student seemed to speak of their own distress. The client never heard it."""

    class Tier(models.IntegerChoices):
        STRAIN = 1, _("strained")
        DISTRESS = 2, _("in distress")
        DANGER = 3, _("in danger")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(
        Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="safety_alerts"
    )
    message = models.OneToOneField(
        Message, verbose_name=_("message"), on_delete=models.PROTECT, related_name="safety_alert"
    )
    tier = models.PositiveSmallIntegerField(_("how serious"), choices=Tier.choices)
    raised_at = models.DateTimeField(_("raised"), default=timezone.now)
    # When those who were not told at first were told, since nobody had acknowledged it.
    escalated_at = models.DateTimeField(_("passed on"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        User, verbose_name=_("seen to by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(_("seen to"), null=True, blank=True)
    comment = models.CharField(_("what was done"), max_length=500, blank=True)

    objects = SafetyAlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("safety alert")
        verbose_name_plural = _("safety alerts")
        ordering = ["-raised_at", "-id"]
        indexes = [models.Index(fields=["-raised_at"], condition=models.Q(acknowledged_at=None), name="safety_waiting")]

    def __str__(self) -> str:
        return f"{self.get_tier_display()} {self.raised_at:%Y-%m-%d %H:%M}"


class ContentConsent(models.Model):
    """That somebody has read a client's content note, in these words, and wants to talk with them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="content_consents")
    client = models.ForeignKey(ClientProfile, on_delete=models.CASCADE, related_name="content_consents")
    note = models.CharField(max_length=300)
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("consent to a content note")
        verbose_name_plural = _("consents to content notes")
        ordering = ["-given_at"]
        constraints = [models.UniqueConstraint(fields=["user", "client", "note"], name="consent_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.client}"
