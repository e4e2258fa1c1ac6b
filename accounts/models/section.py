"""Sections of a course: who teaches, who is enrolled, and the code by which students join."""

import secrets
import uuid
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.school import Term
from accounts.models.user import User

# Letters alone, so that no digit is taken for one; no I, L and O, and without vowels a code is never a word.
CODE_LETTERS = "BCDFGHJKMNPQRSTVWXZ"
CODE_LENGTH = 8  # 34 bits: at ten tries in five minutes, guessing one of a thousand codes takes years


def new_join_code() -> str:
    """A fresh code; that two sections get the same is refused by the database."""
    return "".join(secrets.choice(CODE_LETTERS) for _letter in range(CODE_LENGTH))


def read_join_code(typed: str) -> str:
    """The code in what somebody typed: in any case, with spaces and hyphens wherever they put them."""
    return "".join(letter for letter in typed.upper() if letter.isalpha())


def move_access(*user_ids: uuid.UUID) -> None:
    """Let the open sockets of these people check their right again."""
    User.objects.filter(pk__in=user_ids).update(access_revision=models.F("access_revision") + 1)


class SectionQuerySet(models.QuerySet["Section"]):
    """Reads of sections."""

    def current(self) -> "SectionQuerySet":
        """Sections that are not archived."""
        return self.filter(archived_at=None)

    def visible_to(self, user: User) -> "SectionQuerySet":
        """School admins see all, teachers those they teach, students those they are enrolled in."""
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            return self.filter(teachers=user)
        # Who was a student or a teacher once, and is of the staff now, may have places in sections still.
        return self.filter(enrolments__student=user, enrolments__removed_at=None) if user.is_student else self.none()

    def filled_by(self, user: User) -> "SectionQuerySet":
        """Sections into which this person brings students: any for who may enrol, their own for teachers."""
        if user.has_perm("accounts.change_enrolment"):
            return self.all()
        return self.visible_to(user) if user.looks_after_students else self.none()

    def led_by(self, user: User) -> "SectionQuerySet":
        """Sections that this person may change, archive and staff: admins all, teachers those they lead."""
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            return self.filter(teaching__teacher=user, teaching__part=SectionTeacher.Part.LEAD)
        return self.none()

    def matching(self, text: str) -> "SectionQuerySet":
        """Sections whose name or course code contains the text; all for an empty one."""
        return self.filter(models.Q(name__icontains=text) | models.Q(course_code__icontains=text)) if text else self

    def with_students(self) -> "SectionQuerySet":
        """With the number `students` of those who are enrolled now."""
        enrolled = Enrolment.objects.filter(section=models.OuterRef("pk"), removed_at=None).order_by()
        number = enrolled.values("section").annotate(number=models.Count("pk")).values("number")
        return self.annotate(students=Coalesce(models.Subquery(number), 0))


class Section(models.Model):
    """A group of students who take a course together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=150)
    course_code = models.CharField(_("course code"), max_length=50, blank=True)
    term = models.ForeignKey(Term, verbose_name=_("term"), null=True, blank=True, on_delete=models.PROTECT)
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    # Empty: joining by code is off.
    join_code = models.CharField(_("join code"), max_length=CODE_LENGTH, blank=True, editable=False)
    teachers = models.ManyToManyField(
        User, verbose_name=_("teachers"), through="SectionTeacher", related_name="sections"
    )

    objects = SectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")),
                name="section_ends_after_it_starts",
                violation_error_message=_("The last day must not be before the first."),
            ),
            models.UniqueConstraint(
                fields=["join_code"], condition=~models.Q(join_code=""), name="one_section_per_join_code"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.course_code} {self.name}".strip()

    @property
    def written_code(self) -> str:
        """The join code as people read it: two groups of four; empty while it is off."""
        half = CODE_LENGTH // 2
        return f"{self.join_code[:half]}-{self.join_code[half:]}" if self.join_code else ""

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Archiving and reopening are noticed by the open sockets of all members."""
        super().save(*args, **kwargs)
        members = models.Q(enrolments__section=self) | models.Q(teaching__section=self)
        move_access(*User.objects.filter(members).values_list("pk", flat=True))


class SectionTeacher(models.Model):
    """A teacher of a section."""

    class Part(models.TextChoices):
        LEAD = "lead", _("lead")
        ASSISTANT = "assistant", _("assistant")

    section = models.ForeignKey(Section, verbose_name=_("section"), on_delete=models.CASCADE, related_name="teaching")
    teacher = models.ForeignKey(User, verbose_name=_("teacher"), on_delete=models.CASCADE, related_name="teaching")
    part = models.CharField(_("part"), max_length=10, choices=Part.choices, default=Part.LEAD)

    class Meta:
        verbose_name = _("teacher of a section")
        verbose_name_plural = _("teachers of a section")
        constraints = [models.UniqueConstraint(fields=["section", "teacher"], name="teacher_once_per_section")]

    def __str__(self) -> str:
        return f"{self.teacher} · {self.section}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A change of who teaches is noticed by open sockets, those of the person who was replaced too."""
        before = list(type(self).objects.filter(pk=self.pk).values_list("teacher_id", flat=True))
        super().save(*args, **kwargs)
        move_access(*before, self.teacher_id)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """A removed teacher loses open sockets too."""
        outcome = super().delete(*args, **kwargs)
        move_access(self.teacher_id)
        return outcome


class EnrolmentQuerySet(models.QuerySet["Enrolment"]):
    """Reads of enrolments."""

    def visible_to(self, user: User) -> "EnrolmentQuerySet":
        """School admins see all, teachers those of their sections, others their own."""
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            return self.filter(section__teachers=user)
        return self.filter(student=user)

    def active(self) -> "EnrolmentQuerySet":
        """Enrolments that were not removed, in sections that are not archived."""
        return self.filter(removed_at=None, section__archived_at=None)

    def come(self, section: Section) -> "EnrolmentQuerySet":
        """Students of this section who have chosen a password."""
        here = self.filter(section=section, removed_at=None)
        return here.exclude(student__password__startswith=UNUSABLE_PASSWORD_PREFIX)

    def not_come(self, section: Section) -> "EnrolmentQuerySet":
        """Students of this section, with an active account, who have no password yet."""
        here = self.filter(section=section, removed_at=None, student__is_active=True)
        return here.filter(student__password__startswith=UNUSABLE_PASSWORD_PREFIX)

    def matching(self, text: str) -> "EnrolmentQuerySet":
        """Enrolments of students whose name or address contains the text; all for an empty one."""
        found = models.Q(student__display_name__icontains=text) | models.Q(student__email__icontains=text)
        return self.filter(found) if text else self


class Enrolment(models.Model):
    """A student's place in a section; removal keeps the row, return clears the date."""

    section = models.ForeignKey(Section, verbose_name=_("section"), on_delete=models.CASCADE, related_name="enrolments")
    student = models.ForeignKey(User, verbose_name=_("student"), on_delete=models.CASCADE, related_name="enrolments")
    enrolled_at = models.DateTimeField(_("enrolled"), default=timezone.now)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    objects = EnrolmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        ordering = ["-enrolled_at"]
        constraints = [models.UniqueConstraint(fields=["section", "student"], name="student_once_per_section")]

    def __str__(self) -> str:
        return f"{self.student} · {self.section}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A change of enrolment is noticed by open sockets, those of a student who was replaced too."""
        before = list(type(self).objects.filter(pk=self.pk).values_list("student_id", flat=True))
        super().save(*args, **kwargs)
        move_access(*before, self.student_id)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """A deleted enrolment is noticed by open sockets."""
        outcome = super().delete(*args, **kwargs)
        move_access(self.student_id)
        return outcome
