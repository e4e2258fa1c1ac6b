"""The access log: every reading of a student's transcript by somebody else."""

import datetime as dt
import uuid
from collections.abc import Iterable

from django.utils import timezone

from accounts.models import User
from conversations.models import Session, TranscriptReading


def log_reading(*, by: User, session: Session, how: TranscriptReading.How) -> None:
    """Write down that this person reads the session; one's own is nobody's business."""
    if session.student_id != by.pk:
        TranscriptReading.objects.create(reader=by, session=session, how=how)


def log_following(*, by: User, session: Session) -> None:
    """Write down that this person follows the session live.

    A page, its socket and one that comes back after a loss are one reading, if they come within a minute.
    """
    just_now = timezone.now() - dt.timedelta(minutes=1)
    known = TranscriptReading.objects.filter(
        reader=by, session=session, how=TranscriptReading.How.LIVE, read_at__gt=just_now
    )
    if not known.exists():
        log_reading(by=by, session=session, how=TranscriptReading.How.LIVE)


def log_readings(*, by: User, sessions: Iterable[uuid.UUID], how: TranscriptReading.How) -> None:
    """Write down that this person reads all of these sessions (by key), which are those of others."""
    TranscriptReading.objects.bulk_create(
        [TranscriptReading(reader=by, session_id=pk, how=how) for pk in sessions], batch_size=1_000
    )
