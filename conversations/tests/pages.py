"""What tests of pages share: a person's browser, a page's words, and a conversation begun."""

import re
from typing import Any

from django.test import Client as Browser

from accounts.models import User
from clients.models import ClientProfile
from conversations import sessions
from conversations.models import Message, Session
from monitoring import pricing
from monitoring.services import reserve

HTMX = {"HX-Request": "true"}


def signed_in(user: User) -> Browser:
    """A browser in which this person is signed in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def words(response: Any) -> str:
    """The page's source with runs of white space made one space."""
    return re.sub(r"\s+", " ", response.content.decode())


def begin(user: User, client: ClientProfile) -> Session:
    """The session of this person, who has accepted the notice, with this client."""
    sessions.accept_notice(by=user)
    return sessions.start(by=user, client=client)


def add(session: Session, role: str, content: str, status: str = "complete", **fields: Any) -> Message:
    """The next message of a session; a client's answers what was said last, if anything was."""
    if role == Message.Role.CLIENT:
        fields.setdefault("reply_to", session.messages.filter(role=Message.Role.STUDENT).last())
    session.last_sequence += 1
    session.save(update_fields=["last_sequence"])
    return Message.objects.create(
        session=session, sequence=session.last_sequence, role=role, content=content, status=status, **fields
    )


def free_money(user: User) -> Any:
    """A reservation of nothing."""
    return reserve(by=user, kind="turn", scopes=[], price=pricing.free("scripted"), amount_microusd=0)
