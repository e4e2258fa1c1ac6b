"""The rules that verbs of this app keep, as exceptions whose text a person may read."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class RuleBrokenError(Exception):
    """A rule was broken and nothing was changed; `str()` of it is a sentence for the person who asked."""

    sentence: str | Promise = _("This is not possible.")

    def __init__(self, sentence: str | Promise = "") -> None:
        super().__init__(sentence or self.sentence)

    def __str__(self) -> str:
        return str(self.args[0])


class NotAllowedError(RuleBrokenError):
    """The acting user has no right to this."""

    sentence = _("Your account may not do this. Nothing was changed.")


class InvitationClosedError(RuleBrokenError):
    """The invitation was used, revoked or has expired, or whoever made it may no longer invite."""

    sentence = _("This link no longer works. Ask whoever sent it for a new one.")


class AccountExistsError(RuleBrokenError):
    """The address belongs to an account that can sign in."""

    sentence = _("There is an account with this e-mail address already.")


class AccountDisabledError(RuleBrokenError):
    """The account was disabled by the school."""

    sentence = _("This account has been disabled. Ask your school's support to enable it.")


class ErasedError(RuleBrokenError):
    """Everything about this person is being erased, or was."""

    sentence = _("Everything about this person is being erased, or was. The account stays disabled.")


class WrongRoleError(RuleBrokenError):
    """The account's role does not fit."""

    sentence = _("This account has another role.")


class LastLeadError(RuleBrokenError):
    """A section would be left without a lead."""

    sentence = _("A section keeps at least one lead. Make another teacher lead first.")


class CodeRefusedError(RuleBrokenError):
    """No current section has this code now."""

    sentence = _("No section has this code now. Check the letters, or ask your teacher for the current one.")


class RemovedStudentError(RuleBrokenError):
    """A student whom staff removed does not come back by code."""

    sentence = _("You were removed from this section. Your teacher can return you; a code cannot.")


class TooManyTriesError(RuleBrokenError):
    """Too many wrong codes; `retry_after` is in whole seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ArchivedSectionError(RuleBrokenError):
    """The section is archived."""

    sentence = _("This section is archived. Reopen it first.")
