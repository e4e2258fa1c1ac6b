"""What tests of pages share: a person's browser, a page's words, and a conversation begun."""

import re
import threading
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client as Browser

from accounts.models import User
from clients.models import ClientProfile
from conversations import reflections, sessions
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


def look_back(session: Session) -> None:
    """The student's own view of a conversation that has ended, written."""
    criteria = reflections.rubric_for(session).value.criteria
    words = "She fears for the flat and does not want to ask her brother."
    reflections.write(by=session.student, session=session, levels=[None] * len(criteria), formulation=words)


def free_money(user: User) -> Any:
    """A reservation of nothing."""
    return reserve(by=user, kind="turn", scopes=[], price=pricing.free("scripted"), amount_microusd=0)


def at_once(act: Callable[[], object], times: int) -> list[str]:
    """What came of doing this so many times in the same moment: the names of types, of what it raised too, sorted."""
    outcomes: list[str] = []
    together = threading.Barrier(times)

    def do() -> None:
        together.wait()
        try:
            outcomes.append(type(act()).__name__)
        except Exception as error:  # noqa: BLE001  (asked for)
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=do) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)
