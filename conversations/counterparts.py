"""Whom a session is with: a client or a tutor, as they were at the start."""

import uuid

from clients.models import ClientVersion
from clients.models.version import Frozen
from clients.voices.base import Counterpart
from conversations.models import Session, TutorTalk


def frozen_of(session_id: uuid.UUID, client_version_id: uuid.UUID | None) -> Frozen[Counterpart]:
    """Snapshot and prompt of the client, or of the tutor where there is no client; each process reads them once."""
    if client_version_id:
        return ClientVersion.frozen(client_version_id)
    return TutorTalk.frozen(session_id)


def counterpart_of(session: Session) -> Counterpart:
    """Whom this session is with."""
    return frozen_of(session.pk, session.client_version_id).snapshot
