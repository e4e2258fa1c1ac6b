"""What each role of staff may do in the admin: rights are data here, and the sign-in backend reads them.

A right is asked for as everywhere in Django: `user.has_perm("<app>.<verb>_<model>")`. A superuser has all of them,
students and teachers have none. See docs/roles.md.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from accounts.models import User

Verbs = tuple[str, ...]

NOTHING: Verbs = ()
LOOK: Verbs = ("view",)
# To look at the rows, and to use the actions of their list or the page of the portal that stands in for them; where it
# has a form, to save it.
CHANGE: Verbs = ("view", "change")
ADD: Verbs = ("view", "add")
KEEP: Verbs = ("view", "add", "change")
ALL: Verbs = ("view", "add", "change", "delete")
# To take a sign-in away and give it back, where nothing else about an account may be changed. It is asked for of users
# alone, whether they are listed as users, students or teachers.
DISABLE: Verbs = ("view", "disable")


class May(NamedTuple):
    """What operators, school admins and support may do with the rows of one model; auditors look at all of them."""

    operator: Verbs = NOTHING
    admin: Verbs = NOTHING
    support: Verbs = NOTHING


# Every model of the portal. Operators and support have no right to a model whose rows say what was said in a
# conversation or what somebody thinks of it: of those that they see, only `conversations.view_message` shows the text.
MODELS: Mapping[str, May] = {
    # --- People and places -------------------------------------------------------------------------------------------
    "accounts.user": May(operator=DISABLE, admin=(*KEEP, "disable"), support=(*KEEP, "disable")),
    "accounts.student": May(operator=LOOK, admin=(*KEEP, "export"), support=KEEP),
    "accounts.teacher": May(operator=LOOK, admin=(*KEEP, "transfer"), support=KEEP),
    "accounts.studentdetails": May(admin=KEEP, support=KEEP),
    "accounts.teacherdetails": May(admin=KEEP, support=KEEP),
    "accounts.personkey": May(admin=LOOK, support=LOOK),
    "accounts.school": May(operator=LOOK, admin=KEEP, support=LOOK),
    "accounts.term": May(operator=LOOK, admin=ALL, support=LOOK),
    "accounts.section": May(operator=LOOK, admin=KEEP, support=LOOK),
    "accounts.sectionkey": May(admin=LOOK, support=LOOK),
    "accounts.sectionteacher": May(admin=ALL, support=LOOK),
    "accounts.enrolment": May(admin=KEEP, support=KEEP),
    "accounts.invitation": May(admin=KEEP, support=KEEP),
    "accounts.rosterfile": May(admin=LOOK),
    "accounts.notification": May(admin=LOOK),
    "accounts.notificationchoice": May(admin=LOOK, support=LOOK),
    # --- Whom students talk to ---------------------------------------------------------------------------------------
    "clients.clientprofile": May(operator=LOOK, admin=KEEP),
    "clients.clientfact": May(operator=LOOK, admin=ALL),
    "clients.clientversion": May(operator=LOOK, admin=LOOK),
    "clients.clientopening": May(operator=LOOK, admin=ALL),
    "clients.clientrule": May(operator=LOOK, admin=LOOK),
    "clients.clienttryout": May(operator=LOOK, admin=LOOK),
    "clients.personatext": May(operator=KEEP, admin=KEEP),
    "clients.sectionpersonas": May(operator=LOOK, admin=LOOK),
    "clients.tutorpreference": May(admin=LOOK),
    # --- Conversations without what was said -------------------------------------------------------------------------
    "conversations.session": May(operator=CHANGE, admin=CHANGE),
    "conversations.turn": May(operator=CHANGE, admin=CHANGE),
    "conversations.tutortalk": May(admin=LOOK),
    "conversations.noticeacceptance": May(admin=LOOK),
    "conversations.contentconsent": May(admin=LOOK),
    "conversations.transcriptreading": May(admin=LOOK),
    # --- What was said, and what people think of it ------------------------------------------------------------------
    "conversations.message": May(admin=LOOK),
    "conversations.flag": May(admin=CHANGE),
    "conversations.safetyalert": May(admin=LOOK),
    "conversations.breach": May(admin=LOOK),
    "conversations.nudge": May(admin=LOOK),
    "conversations.marginnote": May(admin=LOOK),
    "conversations.reflection": May(admin=LOOK),
    "conversations.sessionfeedback": May(admin=LOOK),
    "conversations.evaluation": May(admin=LOOK),
    "conversations.evaluationfinding": May(admin=LOOK),
    "conversations.evaluationclaim": May(admin=LOOK),
    "conversations.scoring": May(admin=LOOK),
    "conversations.scoringrevision": May(admin=LOOK),
    "conversations.mark": May(admin=LOOK),
    # --- What is set; it is written on the portal's own pages ---------------------------------------------------------
    "conversations.assignment": May(admin=LOOK),
    "conversations.assignmentclient": May(admin=LOOK),
    "conversations.assignmentexception": May(admin=LOOK),
    "conversations.attempt": May(admin=LOOK),
    "conversations.rubric": May(admin=CHANGE),
    "conversations.criterion": May(admin=LOOK),
    "conversations.rubricversion": May(admin=LOOK),
    "conversations.sectionmodels": May(operator=LOOK, admin=LOOK),
    # --- Money: operators set it, school admins see it ---------------------------------------------------------------
    "monitoring.modelprice": May(operator=ADD, admin=LOOK),
    "monitoring.provider": May(operator=KEEP, admin=LOOK),
    "monitoring.providermodel": May(operator=ALL, admin=LOOK),
    "monitoring.budget": May(operator=ALL, admin=LOOK),
    "monitoring.budgetaccount": May(operator=CHANGE, admin=LOOK),
    "monitoring.ledgerentry": May(operator=LOOK, admin=LOOK),
    "monitoring.reservation": May(operator=CHANGE, admin=LOOK),
    "monitoring.hourlyusage": May(operator=LOOK, admin=LOOK),
    "monitoring.dailyusage": May(operator=CHANGE, admin=LOOK),
    "monitoring.dailyuserusage": May(operator=LOOK, admin=LOOK),
    "monitoring.hourlylatency": May(operator=LOOK, admin=LOOK),
    "monitoring.rolledup": May(operator=LOOK),
    # --- Running it --------------------------------------------------------------------------------------------------
    "monitoring.ratelimit": May(operator=CHANGE, admin=LOOK),
    "monitoring.ratewindow": May(operator=LOOK),
    "monitoring.heartbeat": May(operator=LOOK),
    "monitoring.healthreport": May(operator=LOOK),
    "monitoring.breaker": May(operator=CHANGE, admin=LOOK),
    "monitoring.alert": May(operator=CHANGE, admin=LOOK),
    "monitoring.errorentry": May(operator=LOOK),
    "monitoring.errorkind": May(operator=CHANGE),
    # What a job could not do and its files name people, so that those who run it see neither.
    "monitoring.job": May(operator=CHANGE, admin=CHANGE),
    "monitoring.jobproblem": May(admin=LOOK),
    "monitoring.jobfile": May(admin=LOOK),
    # --- Privacy -----------------------------------------------------------------------------------------------------
    "monitoring.retentionrule": May(operator=CHANGE, admin=LOOK),
    "monitoring.retentionrun": May(operator=LOOK, admin=LOOK),
    "monitoring.erasure": May(operator=LOOK, admin=ADD),
    "monitoring.adminreading": May(admin=LOOK),
}

# Whose every look at a page of the admin is written down.
WATCHED = frozenset({User.Role.AUDITOR})


@cache
def rights_of(role: str) -> frozenset[str]:
    """The rights of a role, such as "accounts.view_user"; none for students and teachers."""
    if role == User.Role.AUDITOR:
        return frozenset(_right(label, "view") for label in MODELS)
    if role not in User.STAFF_ROLES:
        return frozenset()
    return frozenset(_right(label, verb) for label, may in MODELS.items() for verb in getattr(may, role))


def _right(label: str, verb: str) -> str:
    app, model = label.split(".")
    return f"{app}.{verb}_{model}"
