"""Transfer of everything that a leaving teacher owns to a colleague; the apps above register what is theirs."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import Invitation, SectionTeacher, User
from accounts.services.people import check_may_manage
from accounts.services.rules import NotAllowedError, WrongRoleError


@dataclass(frozen=True, slots=True)
class Belongings:
    """One kind of thing that teachers own.

    label: what it is called in the plural. count: how many this teacher has. move: give all of the first teacher's to
    the second; called in a transaction, after the rights were checked.
    """

    label: str | Promise
    count: Callable[[User], int]
    move: Callable[[User, User], object]


_kinds: dict[str, Belongings] = {}


def register(
    name: str, *, label: str | Promise, count: Callable[[User], int], move: Callable[[User, User], object]
) -> None:
    """Say at start-up that teachers own this; a second kind of the same name replaces the first."""
    _kinds[name] = Belongings(label, count, move)


def belongings_of(teacher: User) -> list[tuple[str, int]]:
    """What this teacher owns: label and number of each kind, none left out; a query for each kind."""
    return [(str(kind.label), kind.count(teacher)) for kind in _kinds.values()]


@transaction.atomic
def transfer_everything(*, by: User, leaving: User, receiving: User) -> list[tuple[str, int]]:
    """Give everything that one teacher owns to another, all or nothing: label and number of each kind that moved.

    It is written to the admin's history of both. Raises NotAllowedError, or WrongRoleError unless both teach, the
    receiving one has an active account and they are two.
    """
    check_may_manage(by, leaving, "accounts.transfer_teacher")
    if leaving.pk == receiving.pk:
        raise NotAllowedError(_("Choose another teacher than the one who leaves."))
    # Always in the same order, so that two transfers between the same people wait for each other.
    list(User.objects.select_for_update().filter(pk__in=[leaving.pk, receiving.pk]).order_by("pk"))
    if not leaving.is_teacher or not receiving.is_teacher or not receiving.is_active:
        raise WrongRoleError(_("Everything goes from a teacher to a teacher with an active account."))
    moved = belongings_of(leaving)
    for kind in _kinds.values():
        kind.move(leaving, receiving)
    listed = ", ".join(f"{label}: {number}" for label, number in moved)
    for person, text in [
        (leaving, _("Transferred everything to %(name)s (%(listed)s).") % {"name": receiving, "listed": listed}),
        (receiving, _("Received everything of %(name)s (%(listed)s).") % {"name": leaving, "listed": listed}),
    ]:
        LogEntry.objects.log_actions(by.pk, [person], CHANGE, change_message=text, single_object=True)
    return moved


def count_sections(teacher: User) -> int:
    """The sections that this teacher teaches, archived ones too."""
    return SectionTeacher.objects.filter(teacher=teacher).count()


def move_sections(leaving: User, receiving: User) -> None:
    """The receiving teacher takes the part; who teaches the section already has the higher part of both then."""
    mine = {row.section_id: row for row in SectionTeacher.objects.filter(teacher=receiving)}
    for row in SectionTeacher.objects.filter(teacher=leaving):
        own = mine.get(row.section_id)
        if own is None:
            row.teacher = receiving
            row.save(update_fields=["teacher"])
            continue
        if row.part == SectionTeacher.Part.LEAD and own.part != row.part:
            own.part = row.part
            own.save(update_fields=["part"])
        row.delete()


def count_invitations(teacher: User) -> int:
    """Invitations that still work."""
    return Invitation.objects.open().filter(invited_by=teacher).count()


def move_invitations(leaving: User, receiving: User) -> None:
    """Links that were handed out go on working: they die with the right of whoever made them."""
    Invitation.objects.open().filter(invited_by=leaving).update(invited_by=receiving)
