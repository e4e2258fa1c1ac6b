"""One-time links: an address that opens one page once, shown to staff and mailed where a mail server is configured."""

import datetime as dt
import logging
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.models import School

logger = logging.getLogger("rapport.accounts")


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link for one person: whose it is, the whole address, until when it works, and whether it was mailed."""

    name: str
    email: str
    url: str
    expires_at: dt.datetime
    mailed: bool = False


def site_url(path: str) -> str:
    """The whole address of a path, built from SITE_URL and never from a request's Host header."""
    return f"{settings.SITE_URL}{path}"


def mail_invitation(*, to: str, url: str, invited_by: str, expires_at: dt.datetime) -> bool:
    """Mail an invitation; True if the mail server took it. Staff see the link anyway, so a failure is only logged."""
    if not settings.MAIL_CONFIGURED:
        return False
    context = {"url": url, "invited_by": invited_by, "expires_at": expires_at, "school": School.current()}
    subject = " ".join(render_to_string("accounts/mail/invitation_subject.txt", context).split())
    try:
        sent = send_mail(subject, render_to_string("accounts/mail/invitation.txt", context), None, [to])
    except OSError:  # smtplib's errors are OSErrors too
        logger.exception("An invitation could not be mailed.")
        return False
    return bool(sent)
