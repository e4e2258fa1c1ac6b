"""What people do with accounts and sections: invite, accept, join, enrol, remove, disable, hand out one-time links."""

from accounts.services.account_mail import mail_address_changed
from accounts.services.enrolment import (
    add_teacher,
    change_part,
    enrol,
    remove_from_section,
    remove_teacher,
    return_to_section,
)
from accounts.services.invitations import (
    accept_invitation,
    check_may_invite,
    count_awaited,
    invite,
    reissue_invitation,
    renew_links,
    revoke_invitation,
)
from accounts.services.links import OneTimeLink
from accounts.services.people import check_not_erased, disable_user, enable_user, issue_password_link
from accounts.services.rules import (
    AccountDisabledError,
    AccountExistsError,
    ArchivedSectionError,
    CodeRefusedError,
    ErasedError,
    InvitationClosedError,
    LastLeadError,
    NotAllowedError,
    RemovedStudentError,
    RuleBrokenError,
    TooManyTriesError,
    WrongRoleError,
)
from accounts.services.sections import (
    archive_section,
    change_section,
    create_section,
    join_by_code,
    renew_code,
    reopen_section,
    switch_off_code,
)
from accounts.services.transfer import belongings_of, transfer_everything

__all__ = [
    "AccountDisabledError",
    "AccountExistsError",
    "ArchivedSectionError",
    "CodeRefusedError",
    "ErasedError",
    "InvitationClosedError",
    "LastLeadError",
    "NotAllowedError",
    "OneTimeLink",
    "RemovedStudentError",
    "RuleBrokenError",
    "TooManyTriesError",
    "WrongRoleError",
    "accept_invitation",
    "add_teacher",
    "archive_section",
    "belongings_of",
    "change_part",
    "change_section",
    "check_may_invite",
    "check_not_erased",
    "count_awaited",
    "create_section",
    "disable_user",
    "enable_user",
    "enrol",
    "invite",
    "issue_password_link",
    "join_by_code",
    "mail_address_changed",
    "reissue_invitation",
    "remove_from_section",
    "remove_teacher",
    "renew_code",
    "renew_links",
    "reopen_section",
    "return_to_section",
    "revoke_invitation",
    "switch_off_code",
    "transfer_everything",
]
