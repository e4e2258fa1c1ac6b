"""Telling people that their own budget runs low; monitoring calls this, since it knows no notifications."""

from django.urls import reverse

from accounts.models import Notification, User
from accounts.services import notifications
from monitoring.models import Budget, BudgetAccount


def tell_of_budget(account: BudgetAccount, step: int) -> None:
    """Tell whose account this is that so many percent are used, once for each step, period and limit.

    Of a day's budget in the portal alone: by the time that a mail is read, another day has begun.
    """
    person = User.objects.filter(pk=account.scope_id, is_active=True).first()
    if person and Notification.Kind.BUDGET in notifications.KINDS.get(person.role, ()):
        period = account.budget.period
        notifications.tell(
            users=[person],
            kind=Notification.Kind.BUDGET,
            about=f"{account.occasion}:{step}",
            names={"percent": str(step), "period": period, "from": account.starts_on.isoformat()},
            path=reverse("budget"),
            by_mail=period != Budget.Period.DAY,
        )
