"""The rules that verbs of assignments keep, as exceptions whose text a person may read, and who may change one."""

from django.utils.translation import gettext as _

from accounts.models import Section, User
from accounts.services import RuleBrokenError
from conversations.models import Assignment


class AssignmentRuleError(RuleBrokenError):
    """A rule of assignments was broken; the message says which in plain words."""


class NotYoursError(AssignmentRuleError):
    """The person may not do this with the assignment."""


class StaleEditError(AssignmentRuleError):
    """Somebody else saved after this page was opened."""


class InUseError(AssignmentRuleError):
    """Students have begun, so this cannot be undone."""


class NotReadyError(AssignmentRuleError):
    """Something is missing or not allowed in what is set."""


class CannotStartError(AssignmentRuleError):
    """The student cannot begin this now."""


def must_teach(by: User, section: Section) -> None:
    teaches = by.looks_after_students and Section.objects.visible_to(by).filter(pk=section.pk).exists()
    if not teaches:
        raise NotYoursError(_("Only those who teach a section can set work for it."))
    if section.archived_at:
        raise NotReadyError(_("The section is archived."))


def changeable(by: User, assignment: Assignment) -> Assignment:
    """The assignment as it is now, locked, if this person may change it."""
    keys = Assignment.objects.editable_by(by).filter(pk=assignment.pk).values("pk")
    locked = Assignment.objects.select_for_update(of=("self",)).select_related("section").filter(pk__in=keys).first()
    if locked is None:
        raise NotYoursError(_("You cannot change this assignment."))
    return locked
