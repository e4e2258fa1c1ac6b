"""What people are mailed about their account: an invitation, and that its address was changed."""

import datetime as dt
import logging
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from accounts.models import School, User

logger = logging.getLogger("rapport.accounts")


def mail_invitation(*, to: str, url: str, invited_by: str, expires_at: dt.datetime) -> bool:
    """Mail an invitation; True if the mail server took it. Staff see the link anyway, so a failure is only logged."""
    return _mail("invitation", to, {"url": url, "invited_by": invited_by, "expires_at": expires_at})


def mail_address_changed(*, user: User, old: str) -> bool:
    """Tell the old address that it is the account's no more; True if the mail server took it.

    The new address is not named: the old one may never have been this person's. Demo accounts have no mail; that the
    address was changed is in the history of the account anyway, so a failure is only logged.
    """
    if user.is_demo:
        return False
    with translation.override(user.language or settings.LANGUAGE_CODE):
        return _mail("address_changed", old, {"name": user.display_name})


def _mail(name: str, to: str, context: dict[str, Any]) -> bool:
    """Mail the text of that name; False where no mail server is configured or it did not take it."""
    if not settings.MAIL_CONFIGURED:
        return False
    context = {**context, "school": School.current()}
    subject = " ".join(render_to_string(f"accounts/mail/{name}_subject.txt", context).split())
    try:
        sent = send_mail(subject, render_to_string(f"accounts/mail/{name}.txt", context), None, [to])
    except OSError:  # smtplib's errors are OSErrors too
        logger.exception("The mail “%s” could not be sent.", name)
        return False
    return bool(sent)
