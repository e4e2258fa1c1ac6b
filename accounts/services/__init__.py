"""What people do with accounts: invite, accept, enrol, remove, return, disable, hand out one-time links."""

from accounts.services.enrolment import add_teacher, enrol, remove_from_section, remove_teacher, return_to_section
from accounts.services.invitations import (
    accept_invitation,
    check_may_invite,
    invite,
    reissue_invitation,
    revoke_invitation,
)
from accounts.services.links import OneTimeLink
from accounts.services.people import disable_user, enable_user, issue_password_link
from accounts.services.rules import (
    AccountDisabledError,
    AccountExistsError,
    InvitationClosedError,
    NotAllowedError,
    RuleBrokenError,
    WrongRoleError,
)

__all__ = [
    "AccountDisabledError",
    "AccountExistsError",
    "InvitationClosedError",
    "NotAllowedError",
    "OneTimeLink",
    "RuleBrokenError",
    "WrongRoleError",
    "accept_invitation",
    "add_teacher",
    "check_may_invite",
    "disable_user",
    "enable_user",
    "enrol",
    "invite",
    "issue_password_link",
    "reissue_invitation",
    "remove_from_section",
    "remove_teacher",
    "return_to_section",
    "revoke_invitation",
]
