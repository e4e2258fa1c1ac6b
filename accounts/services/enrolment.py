"""Verbs about sections: who is enrolled and who teaches; removal keeps the row, so that return loses nothing."""

import uuid
from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Enrolment, Invitation, Section, SectionTeacher, User
from accounts.services.rules import LastLeadError, NotAllowedError, WrongRoleError


def check_may_staff(by: User, section: Section) -> None:
    """School admins, support and the section's own teachers decide who is in it; raises NotAllowedError."""
    if not Section.objects.filled_by(by).filter(pk=section.pk).exists():
        raise NotAllowedError


def check_may_lead(by: User, section: Section) -> None:
    """Admins and the section's leads decide who teaches it and whether it goes on; raises NotAllowedError."""
    if not Section.objects.led_by(by).filter(pk=section.pk).exists():
        raise NotAllowedError(_("Only a lead of this section may do this. Nothing was changed."))


@transaction.atomic
def enrol(*, by: User, section: Section, student: User) -> Enrolment:
    """The student's active place in the section, made or returned. Raises NotAllowedError, WrongRoleError."""
    check_may_staff(by, section)
    return join_as_student(section=section, student=student)


@transaction.atomic
def remove_from_section(*, by: User, enrolment: Enrolment) -> None:
    """End a student's place; conversations stay, open chats of the section notice. Raises NotAllowedError."""
    check_may_staff(by, enrolment.section)
    if enrolment.removed_at is None:
        enrolment.removed_at = timezone.now()
        enrolment.save(update_fields=["removed_at"])
        close_invitations([enrolment])


@transaction.atomic
def return_to_section(*, by: User, enrolment: Enrolment) -> None:
    """Give a removed student the place back. Raises NotAllowedError."""
    check_may_staff(by, enrolment.section)
    _reopen(enrolment)


@transaction.atomic
def add_teacher(
    *, by: User, section: Section, teacher: User, part: SectionTeacher.Part = SectionTeacher.Part.LEAD
) -> SectionTeacher:
    """Let a teacher teach this section; who does already keeps the part. Raises NotAllowedError, WrongRoleError."""
    check_may_lead(by, section)
    return join_as_teacher(section=section, teacher=teacher, part=part)


@transaction.atomic
def remove_teacher(*, by: User, section: Section, teacher: User) -> None:
    """End a teacher's part in a section, and with it what they see of it. Raises NotAllowedError, LastLeadError."""
    check_may_lead(by, section)
    _check_a_lead_stays(section, teacher)
    for row in SectionTeacher.objects.filter(section=section, teacher=teacher):
        row.delete()


@transaction.atomic
def change_part(*, by: User, section: Section, teacher: User, part: SectionTeacher.Part) -> None:
    """Make a teacher of the section lead or assistant. Raises NotAllowedError, LastLeadError."""
    check_may_lead(by, section)
    if part != SectionTeacher.Part.LEAD:
        _check_a_lead_stays(section, teacher)
    for row in SectionTeacher.objects.filter(section=section, teacher=teacher):
        row.part = part
        row.save(update_fields=["part"])


def close_invitations(enrolments: Sequence[Enrolment]) -> None:
    """Revoke the links by which students who were removed could still come back; a query for each section."""
    students: defaultdict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for enrolment in enrolments:
        students[enrolment.section_id].append(enrolment.student_id)
    for section, ids in students.items():
        emails = User.objects.filter(pk__in=ids).values("email")
        Invitation.objects.unused(section).filter(email__in=emails).update(revoked_at=timezone.now())


def join_as_student(*, section: Section, student: User) -> Enrolment:
    """Enrol without asking who asks: for verbs that have checked it, such as an accepted invitation."""
    if not student.is_student:
        raise WrongRoleError(_("Only students can be enrolled. %(name)s is not a student.") % {"name": student})
    enrolment, made = Enrolment.objects.get_or_create(section=section, student=student)
    if not made:
        _reopen(enrolment)
    return enrolment


def join_as_teacher(
    *, section: Section, teacher: User, part: SectionTeacher.Part = SectionTeacher.Part.LEAD
) -> SectionTeacher:
    """Add a teacher without asking who asks: for verbs that have checked it."""
    if not teacher.is_teacher:
        raise WrongRoleError(_("Only teachers can teach a section. %(name)s is not a teacher.") % {"name": teacher})
    return SectionTeacher.objects.get_or_create(section=section, teacher=teacher, defaults={"part": part})[0]


def _check_a_lead_stays(section: Section, without: User) -> None:
    """Locks the section, so that of two leads who remove each other one is refused."""
    Section.objects.select_for_update().get(pk=section.pk)
    leads = set(
        SectionTeacher.objects.filter(section=section, part=SectionTeacher.Part.LEAD).values_list("teacher", flat=True)
    )
    if leads == {without.pk}:
        raise LastLeadError


def _reopen(enrolment: Enrolment) -> None:
    if enrolment.removed_at is not None:
        enrolment.removed_at = None
        enrolment.save(update_fields=["removed_at"])
