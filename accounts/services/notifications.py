"""Telling people: in the portal's list and by mail, as each wishes, and the same thing only once."""

from collections.abc import Iterable, Mapping

from accounts.models import Notification, NotificationChoice, User


def tell(
    *, users: Iterable[User], kind: Notification.Kind, about: str, names: Mapping[str, str], path: str = ""
) -> None:
    """Tell these people once about this thing (`about` names it, such as "assignment:<uuid>").

    `names` are put into the kind's sentence, `path` is where it leads. Call it in the transaction of what happened:
    it only writes rows, mail is sent by a task.
    """
    people = {user.pk: user for user in users}
    choices = {
        choice.user_id: choice for choice in NotificationChoice.objects.filter(user__in=people.keys(), kind=kind)
    }
    rows = []
    for pk in people:
        choice = choices.get(pk)
        shown, to_mail = (choice.in_portal, choice.by_mail) if choice else (True, True)
        if shown or to_mail:
            row = Notification(
                user_id=pk, kind=kind, about=about, names=dict(names), path=path, shown=shown, to_mail=to_mail
            )
            rows.append(row)
    Notification.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
