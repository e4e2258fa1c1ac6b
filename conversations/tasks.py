"""Background work of conversations."""

from celery import shared_task

from conversations import reminders, sessions
from conversations.turns.recover import recover


@shared_task(name="conversations.recover_turns")
def recover_turns() -> None:
    """End the turns that a dead web process left, also when no web process lives to do it."""
    recover()


@shared_task(name="conversations.close_overdue")
def close_overdue() -> None:
    """Complete the sessions whose deadline has come, also when no web process lives to do it."""
    sessions.close_overdue()


@shared_task(name="conversations.abandon_idle")
def abandon_idle() -> None:
    """Close the sessions that were left idle."""
    sessions.abandon_idle()


@shared_task(name="conversations.remind_of_due_work")
def remind_of_due_work() -> None:
    """Tell students of unfinished work that is due within a day."""
    reminders.remind()
