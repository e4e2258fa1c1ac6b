"""What tests of distress share: what a student says, the alert that it raises, and who was told."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from accounts.models import Notification
from conversations.models import SafetyAlert, Session
from conversations.safety import SetAsideError
from conversations.turns.accept import accept

STRAIN, DISTRESS = "I feel completely overwhelmed by this conversation.", "I hate myself so much."
DANGER = "I want to kill myself."


def say(talk: Session, text: str, key: uuid.UUID | None = None) -> SetAsideError:
    """Say this about oneself."""
    with pytest.raises(SetAsideError) as aside:
        accept(by=talk.student, session_id=talk.pk, client_key=key or uuid.uuid4(), text=text, owner=uuid.uuid4())
    return aside.value


def alert_of(talk: Session, text: str = DISTRESS, ago: dt.timedelta = dt.timedelta(0)) -> SafetyAlert:
    """The alert that this raised so long ago."""
    alert = SafetyAlert.objects.get(message=say(talk, text).message)
    SafetyAlert.objects.filter(pk=alert.pk).update(raised_at=timezone.now() - ago)
    return alert


def told(about: str = "raised") -> set[str]:
    """The addresses of those who were told."""
    rows = Notification.objects.filter(kind="safety", about__endswith=about)
    return set(rows.values_list("user__email", flat=True))
