"""Pages of conversations: the notice, practice, one's sessions, transcripts, and the teacher's side."""

from django.http import Http404

from clients.snapshot import ClientSnapshot
from conversations.models import Session


def counterpart(session: Session) -> ClientSnapshot:
    """The client of a session as it was at the start; 404 for a session with somebody else."""
    if session.client_version is None:
        raise Http404
    return session.client_version.snapshot
