"""The nouns of accounts: people, the school, sections, invitations, rosters."""

from accounts.models.invitation import Invitation
from accounts.models.notification import Notification, NotificationChoice
from accounts.models.roster import PersonKey, RosterFile, SectionKey
from accounts.models.school import School, Term
from accounts.models.section import Enrolment, Section, SectionTeacher
from accounts.models.user import Student, StudentDetails, Teacher, TeacherDetails, User

__all__ = [
    "Enrolment",
    "Invitation",
    "Notification",
    "NotificationChoice",
    "PersonKey",
    "RosterFile",
    "School",
    "Section",
    "SectionKey",
    "SectionTeacher",
    "Student",
    "StudentDetails",
    "Teacher",
    "TeacherDetails",
    "Term",
    "User",
]
