"""Pages of conversations: the notice, practice, one's sessions, transcripts, and the teacher's side."""

from django.conf import settings
from django.http import Http404

from clients.snapshot import ClientSnapshot
from conversations.models import Session
from monitoring import breakers


def counterpart(session: Session) -> ClientSnapshot:
    """The client of a session as it was at the start; 404 for a session with somebody else."""
    if session.client_version is None:
        raise Http404
    return session.client_version.snapshot


def service_words(model: str) -> str:
    """What to expect of the model that speaks, or of those that stand in for it; "" when all is well."""
    if not settings.ANTHROPIC_API_KEY:
        return ""
    return breakers.status([model, *settings.FALLBACK_MODELS]).for_students
