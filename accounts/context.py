"""What every page knows: the school, and how much the person has not read."""

from collections.abc import Callable

from django.http import HttpRequest

from accounts.models import Notification, School, User

MOST = 100


def school(request: HttpRequest) -> dict[str, School]:
    """The school of this installation under the name `school`."""
    return {"school": getattr(request, "school", None) or School.current()}


def notifications(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """How many notifications wait for the person, at most 100, under the name `unread_notifications`.

    One query, and only on pages that show it.
    """

    def unread() -> int:
        if not isinstance(request.user, User):
            return 0
        return Notification.objects.shown_to(request.user).unread().order_by()[:MOST].count()

    return {"unread_notifications": unread}
