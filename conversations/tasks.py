"""Background work of conversations."""

from celery import shared_task

from conversations import reminders, safety, sessions
from conversations.evaluation.runs import settle_forgotten
from conversations.turns.recover import recover


@shared_task(name="conversations.recover_turns")
def recover_turns() -> None:
    """End the turns that a dead web process left, also when no web process lives to do it."""
    recover()


@shared_task(name="conversations.close_overdue")
def close_overdue() -> None:
    """Complete the sessions whose deadline has come, also when no web process lives to do it."""
    sessions.close_overdue()


@shared_task(name="conversations.pass_on_safety_alerts")
def pass_on_safety_alerts() -> None:
    """Tell the admins of safety alerts that nobody has acknowledged in time."""
    safety.pass_on()


@shared_task(name="conversations.abandon_idle")
def abandon_idle() -> None:
    """Close the sessions that were left idle."""
    sessions.abandon_idle()


@shared_task(name="conversations.remind_of_due_work")
def remind_of_due_work() -> None:
    """Tell students of unfinished work that is due within a day, and of conversations that wait for their look back."""
    reminders.remind()
    reminders.remind_to_reflect()


@shared_task(name="conversations.settle_forgotten_evaluations")
def settle_forgotten_evaluations() -> None:
    """Settle what a dead worker holds for evaluations that nobody goes on with."""
    settle_forgotten()
