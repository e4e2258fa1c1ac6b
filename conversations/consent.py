"""Consent: a student has read what a client's conversation is about, and wants to talk with them."""

from accounts.models import User
from clients.models import ClientProfile
from conversations.models import ContentConsent


def is_needed(user: User, client: ClientProfile) -> bool:
    """Whether this student has yet to agree to the client's content note as it is worded now; others are not asked."""
    if not client.content_note or not user.is_student:
        return False
    return not ContentConsent.objects.filter(user=user, client=client, note=client.content_note).exists()


def give(*, by: User, client: ClientProfile) -> None:
    """Keep that this person has read the note and wants to talk with the client; twice keeps the first date."""
    ContentConsent.objects.get_or_create(user=by, client=client, note=client.content_note)
