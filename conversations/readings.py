"""The access log: every reading of a student's transcript by somebody else."""

import uuid
from collections.abc import Iterable

from accounts.models import User
from conversations.models import Session, TranscriptReading


def log_reading(*, by: User, session: Session, how: TranscriptReading.How) -> None:
    """Write down that this person reads the session; one's own is nobody's business."""
    if session.student_id != by.pk:
        TranscriptReading.objects.create(reader=by, session=session, how=how)


def log_readings(*, by: User, sessions: Iterable[uuid.UUID], how: TranscriptReading.How) -> None:
    """Write down that this person reads all of these sessions (by key), which are those of others."""
    TranscriptReading.objects.bulk_create(
        [TranscriptReading(reader=by, session_id=pk, how=how) for pk in sessions], batch_size=1_000
    )
