"""Errors: what went wrong is written down, and a burst of it becomes an alert."""

import datetime as dt
import re
import uuid

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from monitoring.alerts import raise_alert
from monitoring.models import Alert, ErrorEntry, Severity

DETAIL_MAX_CHARACTERS = 4_000
BLANK = "[…]"
_KEY = re.compile(r"\bsk-[\w-]{4,}")
_HEADER = re.compile(r"(?i)((?:x-api-key|authorization)[\"']?\s*[:=,]\s*[\"']?)(?:bearer\s+)?[^\s\"',}]+")


def record(
    *,
    kind: str,
    source: str = "",
    detail: str = "",
    severity: str = Severity.ERROR,
    session_uuid: uuid.UUID | None = None,
) -> ErrorEntry:
    """Write down what went wrong, for operators: kinds look like "provider.overloaded", `source` says where.

    Keys are blanked, and the detail is cut to 4,000 characters. Many errors (not warnings) within ERROR_BURST_SECONDS
    raise one alert. Call it where nothing rolls back, or the entry goes with the rest.
    """
    entry = ErrorEntry.objects.create(
        kind=kind[:40],
        source=source[:200],
        detail=without_secrets(detail)[:DETAIL_MAX_CHARACTERS],
        severity=severity,
        session_uuid=session_uuid,
    )
    # After commit, the last of several that are written at once sees all of them.
    transaction.on_commit(_watch_for_burst, robust=True)
    return entry


def without_secrets(text: str) -> str:
    """The text with API keys blanked, and without what no database stores (NUL, lone surrogates)."""
    if settings.ANTHROPIC_API_KEY:
        text = text.replace(settings.ANTHROPIC_API_KEY, BLANK)
    text = _HEADER.sub(rf"\1{BLANK}", _KEY.sub(BLANK, text))
    return text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")


def _watch_for_burst() -> None:
    """One alert for a burst; when it goes on, another only after ERROR_BURST_SECONDS."""
    now = timezone.now()
    since = now - dt.timedelta(seconds=settings.ERROR_BURST_SECONDS)
    errors = ErrorEntry.objects.filter(at__gt=since).exclude(severity=Severity.WARNING)
    if errors[: settings.ERROR_BURST_COUNT].count() < settings.ERROR_BURST_COUNT:
        return
    if Alert.objects.filter(kind=Alert.Kind.ERRORS, created_at__gt=since).exists():
        return
    stretch = int(now.timestamp() // settings.ERROR_BURST_SECONDS)
    with translation.override(settings.LANGUAGE_CODE):
        text = _("%(count)d errors within %(seconds)d seconds. The list of errors says which.") % {
            "count": settings.ERROR_BURST_COUNT, "seconds": settings.ERROR_BURST_SECONDS,
        }  # fmt: skip
    raise_alert(key=f"errors:{stretch}", kind=Alert.Kind.ERRORS, severity=Severity.ERROR, text=text)
