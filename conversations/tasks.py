"""Background work of conversations."""

from celery import shared_task

from conversations import sessions
from conversations.turns.recover import recover


@shared_task(name="conversations.recover_turns")
def recover_turns() -> None:
    """End the turns that a dead web process left, also when no web process lives to do it."""
    recover()


@shared_task(name="conversations.abandon_idle")
def abandon_idle() -> None:
    """Close the sessions that were left idle."""
    sessions.abandon_idle()
