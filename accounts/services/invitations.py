"""Invitations: make, make again, revoke, accept. A link is told once, and only its fingerprint is kept."""

import dataclasses

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Enrolment, Invitation, PersonKey, Section, User
from accounts.models.invitation import default_expiry
from accounts.models.section import EnrolmentQuerySet
from accounts.services.account_mail import mail_invitation
from accounts.services.enrolment import join_as_student, join_as_teacher
from accounts.services.links import OneTimeLink, site_url
from accounts.services.rules import (
    AccountDisabledError,
    AccountExistsError,
    InvitationClosedError,
    NotAllowedError,
    WrongRoleError,
)

# What one sheet of links holds: ten pages and more; the rest follows once these have come.
MOST_LINKS = 300


def check_may_invite(*, by: User | None, role: str, section: Section | None) -> None:
    """School admins and support invite students and teachers, teachers only students into a section that they teach.

    Into a section teachers are invited by who may staff it, since they read all that is said there. Staff are made by
    who has every right. Raises NotAllowedError.
    """
    if by is None or not by.is_active or not (by.is_teacher or by.has_perm("accounts.add_invitation")):
        raise NotAllowedError
    if section is not None and not Section.objects.current().filled_by(by).filter(pk=section.pk).exists():
        raise NotAllowedError(_("You can invite only into current sections that you teach."))
    if by.is_teacher and (role != User.Role.STUDENT or section is None):
        raise NotAllowedError(_("Teachers can invite only students, and only into a section."))
    if role == User.Role.TEACHER and section is not None and not Section.objects.led_by(by).contains(section):
        raise NotAllowedError(_("Only school admins put teachers into a section. Leave “Section” empty and ask one."))
    if role in User.STAFF_ROLES and (section is not None or not by.is_superuser):
        raise NotAllowedError(_("Only an admin with every right can invite staff, and without a section."))


def invite(*, by: User, email: str, role: str, section: Section | None = None, display_name: str = "") -> OneTimeLink:
    """A one-time link for a new person, or for someone to join a section; mailed where mail is configured.

    Inviting the same person to the same place again replaces the open link. Raises NotAllowedError, WrongRoleError,
    AccountExistsError or AccountDisabledError.
    """
    email = email.strip().lower()
    with transaction.atomic():
        check_may_invite(by=by, role=role, section=section)
        _check_account(email, role, section)
        same = Invitation.objects.open().filter(email=email, role=role, section=section, invited_by=by)
        invitation = same.select_for_update().first() or Invitation(
            email=email, role=role, section=section, invited_by=by
        )
        invitation.display_name = display_name
        token = _renew(invitation)
    return _mailed(by, _link(invitation, token))


def reissue_invitation(*, by: User, invitation: Invitation) -> OneTimeLink:
    """A fresh link for an invitation that waits or has expired; the old link stops working.

    Raises NotAllowedError, or InvitationClosedError if it was used or revoked.
    """
    with transaction.atomic():
        invitation = _locked(by, invitation)
        check_may_invite(by=by, role=invitation.role, section=invitation.section)
        token = _renew(invitation)
    return _mailed(by, _link(invitation, token))


@transaction.atomic
def renew_links(*, by: User, section: Section) -> list[OneTimeLink]:
    """Fresh links, to print, for all students whom this person awaits here; none is mailed.

    They are those whom the person invited and who have not come, and those of the section who have no password yet, as
    after a roster. The links they had stop working. By address, at most MOST_LINKS. Raises NotAllowedError.
    """
    check_may_invite(by=by, role=User.Role.STUDENT, section=section)
    made = []
    for seat in _not_invited(by, section).select_related("student").order_by("student__email")[:MOST_LINKS]:
        student = seat.student
        row = Invitation(email=student.email, display_name=student.display_name, section=section, invited_by=by)
        row.issue_token()
        made.append(row)
    Invitation.objects.bulk_create(made)
    waiting = Invitation.objects.visible_to(by).not_come(section)
    rows = list(waiting.select_for_update().order_by("email", "id")[:MOST_LINKS])
    expires_at = default_expiry()
    links = []
    for row in rows:
        token, row.expires_at = row.issue_token(), expires_at
        links.append(_link(row, token))
    Invitation.objects.bulk_update(rows, ["fingerprint", "expires_at"])
    return links


def count_awaited(*, by: User, section: Section) -> int:
    """For how many students `renew_links` would make links if nothing limited it. One query."""
    invited = Invitation.objects.visible_to(by).not_come(section).order_by().values_list("email")
    seated = Enrolment.objects.not_come(section).order_by().values_list("student__email")
    return invited.union(seated).count()


def _not_invited(by: User, section: Section) -> EnrolmentQuerySet:
    invited = Invitation.objects.visible_to(by).unused(section).values("email")
    return Enrolment.objects.not_come(section).exclude(student__email__in=invited)


@transaction.atomic
def revoke_invitation(*, by: User, invitation: Invitation) -> None:
    """End an invitation before it is used. Raises NotAllowedError, or InvitationClosedError if it was used."""
    invitation = _locked(by, invitation)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])


@transaction.atomic
def accept_invitation(
    *, by: User | None, token: str, display_name: str = "", password: str | None = None
) -> tuple[User, Section | None]:
    """Use a link once: the account it made, filled or found, and the section it joined.

    `by` is the signed-in user, or None for a newcomer, whose name and (already validated) password are taken. Raises
    InvitationClosedError, AccountExistsError (sign in first), AccountDisabledError, WrongRoleError or NotAllowedError.
    """
    invitation = Invitation.objects.select_related("invited_by", "section").by_token(token)
    if invitation is None:
        raise InvitationClosedError
    try:
        check_may_invite(by=invitation.invited_by, role=invitation.role, section=invitation.section)
    except NotAllowedError as error:
        raise InvitationClosedError from error
    # Of two people who press the button at once, one changes this row and the other finds it changed.
    if not Invitation.objects.open().filter(pk=invitation.pk).update(used_at=timezone.now()):
        raise InvitationClosedError
    if by is None:
        user = _newcomer(invitation, display_name, password)
    elif by.email == invitation.email:
        user = by
    else:
        raise NotAllowedError(_("This invitation is for another person."))
    Invitation.objects.filter(pk=invitation.pk).update(used_by=user)
    if user.role != invitation.role:
        raise WrongRoleError(_("Your account has another role than this invitation. Ask your school's support."))
    if invitation.section is not None and invitation.role == User.Role.STUDENT:
        join_as_student(section=invitation.section, student=user)
    elif invitation.section is not None:
        join_as_teacher(section=invitation.section, teacher=user)
    return user, invitation.section


def _newcomer(invitation: Invitation, display_name: str, password: str | None) -> User:
    # get_or_create settles two invitations of one address that are accepted at once.
    user, made = User.objects.get_or_create(email=invitation.email, defaults={"role": invitation.role})
    if not made:
        user = User.objects.select_for_update().get(pk=user.pk)
        if not user.is_active:
            raise AccountDisabledError
        if user.has_usable_password():
            raise AccountExistsError
        _check_may_open(invitation.invited_by, user)
    user.display_name = display_name
    user.set_password(password)
    user.save()
    return user


def _check_may_open(by: User | None, user: User) -> None:
    """Rosters make accounts without a password: those of other sections are not for an inviter to give one to.

    Raises AccountExistsError.
    """
    known = by is not None and User.objects.visible_to(by).filter(pk=user.pk).exists()
    others = Enrolment.objects.filter(student=user).exists() or PersonKey.objects.filter(user=user).exists()
    if not known and others:
        raise AccountExistsError(
            _("You have an account already that waits for its password. Ask your school for it, then try again.")
        )


def _check_account(email: str, role: str, section: Section | None) -> None:
    user = User.objects.filter(email=email).first()
    if user is None:
        return
    if user.role != role:
        raise WrongRoleError(_("There is an account with this e-mail address already, with another role."))
    if not user.is_active:
        raise AccountDisabledError(_("The account with this e-mail address is disabled. An admin can enable it."))
    if section is not None and Enrolment.objects.active().filter(section=section, student=user).exists():
        raise AccountExistsError(_("This person is in the section already."))
    if section is None and user.has_usable_password():
        raise AccountExistsError(_("This person has an account already. Make a one-time password link instead."))


def _locked(by: User, invitation: Invitation) -> Invitation:
    row = Invitation.objects.visible_to(by).select_for_update().filter(pk=invitation.pk).first()
    if row is None or not (by.is_teacher or by.has_perm("accounts.change_invitation")):
        raise NotAllowedError
    if row.state in {Invitation.State.USED, Invitation.State.REVOKED}:
        raise InvitationClosedError(_("This invitation was used or revoked already. Make a new one."))
    return row


def _renew(invitation: Invitation) -> str:
    token = invitation.issue_token()
    invitation.expires_at = default_expiry()
    invitation.save()
    return token


def _link(invitation: Invitation, token: str) -> OneTimeLink:
    return OneTimeLink(
        name=invitation.display_name,
        email=invitation.email,
        url=site_url(reverse("invitation-accept", args=[token])),
        expires_at=invitation.expires_at,
    )


def _mailed(by: User, link: OneTimeLink) -> OneTimeLink:
    mailed = mail_invitation(to=link.email, url=link.url, invited_by=by.display_name, expires_at=link.expires_at)
    return dataclasses.replace(link, mailed=mailed)
