"""One-time links: an address that opens one page once, shown to staff and mailed where a mail server is configured."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings


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
