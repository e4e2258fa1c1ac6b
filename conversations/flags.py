"""Flags: somebody says that one reply is wrong, those who can act are told, and one of them deals with it."""

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Notification, User
from accounts.services import RuleBrokenError
from accounts.services.notifications import tell
from conversations.counterparts import counterpart_of
from conversations.models import Flag, Message


class FlagRuleError(RuleBrokenError):
    """A rule of flags was broken; the message says which in plain words."""


@transaction.atomic
def raise_flag(*, by: User, message: Message, reason: str, comment: str = "") -> Flag:
    """Say that this reply is wrong, or change what one said, until somebody has dealt with it.

    The teachers of the section, the client's owner and admins with every right are told once. Raises FlagRuleError.
    """
    if not Message.objects.flaggable_by(by).filter(pk=message.pk).exists():
        raise FlagRuleError(_("Only a reply of a client in a conversation that you can read may be flagged."))
    earlier = Flag.objects.select_for_update().filter(message=message, raised_by=by).first()
    if earlier and earlier.settled_at:
        raise FlagRuleError(_("Your flag has been dealt with, so it stays as it is."))
    flag, new = Flag.objects.update_or_create(
        message=message, raised_by=by, defaults={"reason": reason, "comment": comment}
    )
    if new:
        _tell(flag)
    return flag


def _tell(flag: Flag) -> None:
    """Tell those who can act, but not whoever raised it; never what was said, since it is mailed."""
    session = flag.message.session
    concerned = Q(is_superuser=True)
    if session.section_id:
        concerned |= Q(teaching__section=session.section_id)
    if session.client and session.client.owner_id:
        concerned |= Q(pk=session.client.owner_id)
    looking = {User.Role.TEACHER, User.Role.ADMIN}
    people = User.objects.filter(concerned, is_active=True, role__in=looking).exclude(pk=flag.raised_by_id).distinct()
    tell(
        users=people,
        kind=Notification.Kind.FLAGGED,
        about=f"flag:{flag.pk}",
        names={"client": counterpart_of(session).name},
        path=reverse("flag", args=[flag.pk]),
    )


@transaction.atomic
def settle(*, by: User, flag: Flag, answer: str = "") -> Flag:
    """Keep that staff dealt with the flag, and in their words what was done, which whoever raised it reads.

    Raises FlagRuleError for who does not see the flag, for students, and when somebody else was first.
    """
    seen = Flag.objects.visible_to(by).filter(pk=flag.pk).values("pk")
    # Joined to nobody: after waiting for the lock, a join would still say what held before.
    locked = Flag.objects.select_for_update().filter(pk__in=seen).first()
    if locked is None or not by.looks_after_students:
        raise FlagRuleError(_("Only staff who see this flag can deal with it."))
    if locked.settled_by:
        raise FlagRuleError(_("%(name)s has dealt with this flag already.") % {"name": locked.settled_by})
    locked.settled_by, locked.settled_at, locked.answer = by, timezone.now(), answer
    locked.save(update_fields=["settled_by", "settled_at", "answer"])
    return locked
