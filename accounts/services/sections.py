"""Verbs about sections: create, change, archive, reopen, switch the join code, and join by it."""

import datetime as dt

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.models import Enrolment, Section, SectionTeacher, Term, User
from accounts.models.section import new_join_code, read_join_code
from accounts.services.enrolment import check_may_lead, check_may_staff, join_as_teacher
from accounts.services.rules import (
    ArchivedSectionError,
    CodeRefusedError,
    NotAllowedError,
    RemovedStudentError,
    TooManyTriesError,
    WrongRoleError,
)
from monitoring import limits
from monitoring.models import RateLimit


@transaction.atomic
def create_section(
    *,
    by: User,
    name: str,
    course_code: str = "",
    term: Term | None = None,
    starts_on: dt.date | None = None,
    ends_on: dt.date | None = None,
    lead: User | None = None,
) -> Section:
    """A section with its first lead: a teacher leads what they create, an admin names a teacher.

    Raises NotAllowedError, or WrongRoleError without a teacher who leads.
    """
    if not by.looks_after_students or (by.is_teacher and lead not in {None, by}):
        raise NotAllowedError
    lead = by if by.is_teacher else lead
    if lead is None:
        raise WrongRoleError(_("Name the teacher who leads this section."))
    section = Section.objects.create(
        name=name, course_code=course_code, term=term, starts_on=starts_on, ends_on=ends_on
    )
    join_as_teacher(section=section, teacher=lead, part=SectionTeacher.Part.LEAD)
    return section


@transaction.atomic
def change_section(
    *,
    by: User,
    section: Section,
    name: str,
    course_code: str,
    term: Term | None,
    starts_on: dt.date | None,
    ends_on: dt.date | None,
) -> None:
    """Change what a section is called and when it runs. Raises NotAllowedError."""
    check_may_lead(by, section)
    section.name, section.course_code, section.term = name, course_code, term
    section.starts_on, section.ends_on = starts_on, ends_on
    section.save(update_fields=["name", "course_code", "term", "starts_on", "ends_on"])


@transaction.atomic
def archive_section(*, by: User, section: Section) -> None:
    """End a section: nobody joins or starts conversations in it, nothing is deleted. Raises NotAllowedError."""
    check_may_lead(by, section)
    if section.archived_at is None:
        section.archived_at, section.join_code = timezone.now(), ""
        section.save(update_fields=["archived_at", "join_code"])


@transaction.atomic
def reopen_section(*, by: User, section: Section) -> None:
    """Bring an archived section back with all its people; its join code stays off. Raises NotAllowedError."""
    check_may_lead(by, section)
    if section.archived_at is not None:
        section.archived_at = None
        section.save(update_fields=["archived_at"])


@transaction.atomic
def renew_code(*, by: User, section: Section) -> str:
    """A fresh join code; the one before stops working. Raises NotAllowedError or ArchivedSectionError."""
    check_may_staff(by, section)
    code = new_join_code()
    # Not by save: a new code changes nobody's access, so open sockets need not look again.
    if not Section.objects.current().filter(pk=section.pk).update(join_code=code):
        raise ArchivedSectionError
    section.join_code = code
    return code


@transaction.atomic
def switch_off_code(*, by: User, section: Section) -> None:
    """Let nobody join by code; who has joined stays. Raises NotAllowedError."""
    check_may_staff(by, section)
    Section.objects.filter(pk=section.pk).update(join_code="")
    section.join_code = ""


def join_by_code(*, by: User, code: str) -> Section:
    """The section with this code, in which the student is enrolled from now on; once, however often it is asked.

    Raises WrongRoleError, CodeRefusedError, RemovedStudentError, or TooManyTriesError when there were too many wrong
    codes: then this one is not even looked at. As at the sign-in, a try is counted before the look and given back when
    it was right, so that many at once try no more codes than the limit says.
    """
    if not by.is_student:
        raise WrongRoleError(_("Only students join sections by code."))
    tries = tries_key(by)
    try:
        with transaction.atomic():
            counted_at = limits.admit(tries)
    except limits.LimitReachedError as reached:
        wait = limits.wait_words(reached.retry_after)
        text = _("There were too many wrong codes. You can try again in %(wait)s.") % {"wait": wait}
        raise TooManyTriesError(text, reached.retry_after) from reached
    letters = read_join_code(code)
    with transaction.atomic():
        section = Section.objects.current().filter(join_code=letters).first() if letters else None
        if section is None:
            raise CodeRefusedError
        enrolment, _made = Enrolment.objects.get_or_create(section=section, student=by)
        limits.give_back(tries, counted_at=counted_at)
    if enrolment.removed_at is not None:
        raise RemovedStudentError
    return section


def tries_key(user: User) -> limits.Key:
    """Under what this person's wrong codes are counted: as often as a password, in a window of its own."""
    digest = salted_hmac("join code", str(user.pk), algorithm="sha256").hexdigest()
    return (RateLimit.Name.SIGN_INS_PER_ACCOUNT, digest)
