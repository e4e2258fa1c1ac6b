"""Invitations: one-time links by which a person gets an account, or a new password where no mail is configured."""

import datetime as dt
import hashlib
import secrets
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.section import Enrolment, Section
from accounts.models.user import User


def fingerprint(token: str) -> str:
    """What the database keeps of a token: its SHA-256, so that a leaked table opens no account."""
    return hashlib.sha256(token.encode()).hexdigest()


def default_expiry() -> dt.datetime:
    """The end of a new invitation's life."""
    return timezone.now() + dt.timedelta(days=settings.INVITATION_DAYS)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Reads of invitations."""

    def visible_to(self, user: User) -> "InvitationQuerySet":
        """Who may change invitations sees all, others those they made."""
        return self.all() if user.has_perm("accounts.change_invitation") else self.filter(invited_by=user)

    def matching(self, text: str) -> "InvitationQuerySet":
        """Invitations whose address or name contains the text; all for an empty one."""
        return self.filter(models.Q(email__icontains=text) | models.Q(display_name__icontains=text)) if text else self

    def open(self) -> "InvitationQuerySet":
        """Invitations that can still be used."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def unused(self, section: Section | uuid.UUID) -> "InvitationQuerySet":
        """Invitations of students into this section that nobody used or revoked, expired ones too."""
        return self.filter(section=section, role=User.Role.STUDENT, used_at=None, revoked_at=None)

    def not_come(self, section: Section) -> "InvitationQuerySet":
        """Those of them whose student did not come by another way meanwhile."""
        return self.unused(section).exclude(email__in=Enrolment.objects.come(section).values("student__email"))

    def by_token(self, token: str) -> "Invitation | None":
        """The open invitation that this token belongs to."""
        return self.open().filter(fingerprint=fingerprint(token)).first()


class Invitation(models.Model):
    """A one-time link for one person."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        USED = "used", _("used")
        EXPIRED = "expired", _("expired")
        REVOKED = "revoked", _("revoked")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail address"))
    display_name = models.CharField(_("display name"), max_length=150, blank=True)
    role = models.CharField(_("role"), max_length=10, choices=User.Role.choices, default=User.Role.STUDENT)
    section = models.ForeignKey(Section, verbose_name=_("section"), null=True, blank=True, on_delete=models.SET_NULL)
    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        User, verbose_name=_("invited by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), default=default_expiry)
    used_at = models.DateTimeField(_("used"), null=True, editable=False)
    # Whoever used it may have another address by now.
    used_by = models.ForeignKey(
        User, verbose_name=_("used by"), null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="invitation_newest"),
            models.Index(fields=["invited_by", "-created_at"], name="invitation_of_maker"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> State:
        """Whether the link still works, and if not, why."""
        if self.used_at:
            return self.State.USED
        if self.revoked_at:
            return self.State.REVOKED
        return self.State.WAITING if self.expires_at > timezone.now() else self.State.EXPIRED

    def issue_token(self) -> str:
        """A fresh token for this invitation; only its fingerprint is kept, an older one stops working."""
        token = secrets.token_urlsafe(32)
        self.fingerprint = fingerprint(token)
        return token
