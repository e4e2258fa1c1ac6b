"""Telling people: in the portal's list and by mail, as each wishes, and the same thing only once."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from accounts.models import Notification, NotificationChoice, User

Kind = Notification.Kind

# What a person of each role is ever told of, and so may switch; those of whom no line speaks are told of nothing.
KINDS: Mapping[str, tuple[Kind, ...]] = {
    User.Role.STUDENT: (Kind.PUBLISHED, Kind.DUE_SOON, Kind.RELEASED, Kind.COMMENTED, Kind.REFLECT, Kind.BUDGET),
    User.Role.TEACHER: (Kind.BUDGET, Kind.FLAGGED),
    User.Role.ADMIN: (Kind.BUDGET, Kind.FLAGGED),
}
# What nobody may switch off.
ALWAYS = frozenset({Kind.SAFETY})


class Ways(NamedTuple):
    """Where a person wants to be told."""

    in_portal: bool = True
    by_mail: bool = True


def tell(
    *, users: Iterable[User], kind: Kind, about: str, names: Mapping[str, str], path: str = "", by_mail: bool = True
) -> None:
    """Tell these people once about this thing (`about` names it, such as "assignment:<uuid>").

    `names` are put into the kind's sentence, `path` is where it leads; without `by_mail` it stands in the portal alone.
    Call it in the transaction of what happened: it only writes rows, mail is sent by a task.
    """
    people = {user.pk: user for user in users}
    kept = NotificationChoice.objects.none()
    if kind not in ALWAYS:
        kept = NotificationChoice.objects.filter(user__in=people.keys(), kind=kind)
    choices = {choice.user_id: choice for choice in kept}
    rows = []
    # In one order: of two who tell the same people at once, none waits for the other in a circle.
    for pk in sorted(people):
        choice = choices.get(pk)
        shown, to_mail = (choice.in_portal, choice.by_mail) if choice else (True, True)
        to_mail = to_mail and by_mail
        if shown or to_mail:
            row = Notification(
                user_id=pk, kind=kind, about=about, names=dict(names), path=path, shown=shown, to_mail=to_mail
            )
            rows.append(row)
    Notification.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def mark_read(*, by: User, notification: Notification) -> None:
    """Keep that this person has seen it; the first time counts."""
    Notification.objects.visible_to(by).unread().filter(pk=notification.pk).update(read_at=timezone.now())


def mark_seen(*, by: User, path: str) -> None:
    """Whoever opens a page has read what leads there, by whichever way they came. One query."""
    Notification.objects.visible_to(by).unread().filter(path=path).update(read_at=timezone.now())


def mark_all_read(*, by: User) -> None:
    """Keep that this person has seen all that stands in their list."""
    Notification.objects.shown_to(by).unread().update(read_at=timezone.now())


def chosen_ways(user: User) -> dict[Kind, Ways]:
    """Where this person wants to be told, by each kind that they are told of."""
    kept = {
        choice.kind: Ways(choice.in_portal, choice.by_mail) for choice in NotificationChoice.objects.filter(user=user)
    }
    return {kind: kept.get(kind, Ways()) for kind in KINDS.get(user.role, ())}


@transaction.atomic
def choose_ways(*, by: User, ways: Mapping[Kind, Ways]) -> None:
    """Keep where this person wants to be told from now on; mails of a kind that they switched off wait no longer."""
    rows = [NotificationChoice(user=by, kind=kind, **way._asdict()) for kind, way in ways.items()]
    NotificationChoice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["user", "kind"], update_fields=["in_portal", "by_mail"]
    )
    unwanted = [kind for kind, way in ways.items() if not way.by_mail]
    waiting = Notification.objects.visible_to(by).filter(kind__in=unwanted, to_mail=True, mailed_at=None)
    waiting.update(to_mail=False)
