"""Background work of accounts."""

from celery import shared_task

from accounts.services import notification_mail, rosters


@shared_task(name="accounts.mail_notifications")
def mail_notifications() -> None:
    """Mail people what they were told of and have not read yet."""
    notification_mail.mail_waiting()


@shared_task(name="accounts.clear_rosters")
def clear_rosters() -> None:
    """Delete the rosters that were looked at and not imported."""
    rosters.clear_forgotten()
