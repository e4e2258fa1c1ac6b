"""Errors: what went wrong is written down, and a burst of it becomes an alert."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, Count, Max, Min, OuterRef, Subquery, Value, When
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from monitoring.alerts import raise_alert
from monitoring.models import Alert, ErrorEntry, ErrorKind, Severity
from monitoring.models.job import Person
from monitoring.redaction import without_secrets

DETAIL_MAX_CHARACTERS = 4_000
_RANKED = (Severity.WARNING, Severity.ERROR, Severity.CRITICAL)


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


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The errors of one kind in a stretch of time: how many, how bad the worst, when, and what the newest says."""

    kind: str
    count: int
    severity: Severity
    first_at: dt.datetime
    last_at: dt.datetime
    source: str
    detail: str
    acknowledged_at: dt.datetime | None

    @property
    def is_open(self) -> bool:
        """Whether nobody has seen to them, or one came after somebody did."""
        return self.acknowledged_at is None or self.last_at > self.acknowledged_at


def grouped(since: dt.datetime) -> list[ErrorGroup]:
    """The errors since then by kind, what came last first; two queries, by the index of their time and by key."""
    rank = Case(*(When(severity=name, then=Value(number)) for number, name in enumerate(_RANKED)))
    groups = ErrorEntry.objects.filter(at__gte=since).order_by().values_list("kind")
    figures = {
        kind: rest
        for kind, *rest in groups.annotate(
            all_count=Count("pk"), worst=Max(rank), first=Min("at"), last=Max("at"), newest=Max("pk")
        )
    }
    seen_to = ErrorKind.objects.filter(kind=OuterRef("kind"))
    newest = ErrorEntry.objects.filter(pk__in=[rest[-1] for rest in figures.values()])
    newest = newest.annotate(seen_to_at=Subquery(seen_to.values("acknowledged_at")))
    found = []
    for entry in newest:
        count, worst, first, last, _pk = figures[entry.kind]
        found.append(
            ErrorGroup(
                entry.kind, count, _RANKED[worst], first, last, entry.source, entry.detail, entry.seen_to_at
            )
        )  # fmt: skip
    return sorted(found, key=lambda group: group.last_at, reverse=True)


def acknowledge(*, by: Person, kinds: Iterable[str]) -> int:
    """Say that the errors of these kinds, as far as they have come, were seen to; how many kinds.

    Raises PermissionDenied for who may not (`monitoring.change_errorkind`).
    """
    if not by.has_perm("monitoring.change_errorkind"):
        raise PermissionDenied
    now = timezone.now()
    rows = [ErrorKind(kind=kind[:40], acknowledged_at=now, acknowledged_by_id=by.pk) for kind in sorted(set(kinds))]
    ErrorKind.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["kind"], update_fields=["acknowledged_at", "acknowledged_by"]
    )
    return len(rows)


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
