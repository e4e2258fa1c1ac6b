"""Verbs about one person's account: disable, enable, hand out a link to a new password."""

import datetime as dt

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services.links import OneTimeLink, site_url
from accounts.services.rules import AccountDisabledError, ErasedError, NotAllowedError
from monitoring.models import Erasure


def check_may_manage(by: User, user: User, right: str = "accounts.change_user") -> None:
    """Who has the right manages students and teachers, staff only who has every right; raises NotAllowedError."""
    if not by.has_perm(right) or (user.is_staff and not by.is_superuser):
        raise NotAllowedError


def check_not_erased(user: User) -> None:
    """That nobody has begun to erase this person; raises ErasedError. Where an account is left, it has no name."""
    if Erasure.objects.filter(subject_uuid=user.pk).exists():
        raise ErasedError


@transaction.atomic
def disable_user(*, by: User, user: User) -> None:
    """Disable an account: sign-ins and open sockets end within seconds, everything written is kept.

    Raises NotAllowedError, also for one's own account, so that nobody locks the last door from inside.
    """
    check_may_manage(by, user, "accounts.disable_user")
    if by.pk == user.pk:
        raise NotAllowedError(_("You cannot disable your own account."))
    user.is_active = False
    user.save(update_fields=["is_active"])
    _log(by, user, _("Disabled."))


@transaction.atomic
def enable_user(*, by: User, user: User) -> None:
    """Let a disabled account sign in again. Raises NotAllowedError or ErasedError."""
    check_may_manage(by, user, "accounts.disable_user")
    # Whoever begins an erasure at this moment has the row first, or waits for it.
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    check_not_erased(user)
    user.is_active = True
    user.save(update_fields=["is_active"])
    _log(by, user, _("Enabled."))


@transaction.atomic
def issue_password_link(*, by: User, user: User) -> OneTimeLink:
    """A link by which this person sets a new password once; it dies with a sign-in, a change or PASSWORD_RESET_TIMEOUT.

    Who may change accounts makes one for everyone they manage, teachers for the students of their sections. The link
    itself is not kept; that it was made is written to the admin's history of the account. Raises NotAllowedError or
    AccountDisabledError.
    """
    teaches = by.is_teacher and user.is_student and User.objects.visible_to(by).filter(pk=user.pk).exists()
    if not teaches:
        check_may_manage(by, user)
    if not user.is_active:
        raise AccountDisabledError
    path = reverse(
        "password_reset_confirm",
        args=[urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)],
    )
    _log(by, user, _("Made a one-time password link."))
    expires_at = timezone.now() + dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    return OneTimeLink(name=user.display_name, email=user.email, url=site_url(path), expires_at=expires_at)


def _log(by: User, user: User, message: str) -> None:
    LogEntry.objects.log_actions(by.pk, [user], CHANGE, change_message=message, single_object=True)
