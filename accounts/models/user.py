"""People: one user model with a role, and students and teachers as models of their own."""

import uuid
import zoneinfo
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def validate_time_zone(value: str) -> None:
    """Refuse what is not an IANA time zone; raises ValidationError."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            _("%(zone)s is not a time zone. Choose one such as Europe/Madrid."), params={"zone": value}
        )


def known_zone(*names: str) -> zoneinfo.ZoneInfo:
    """The first of these names that this machine knows as a time zone, else UTC; empty names are passed over."""
    for name in names:
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue  # a row older than this machine's time zone data must not lock its owner out
    return zoneinfo.ZoneInfo("UTC")


class UserQuerySet(models.QuerySet["User"]):
    """Reads of people."""

    def visible_to(self, user: "User") -> "UserQuerySet":
        """Whom this person may look up on pages outside the admin.

        Who may change accounts finds everyone; teachers also the students and colleagues of their sections; others
        only themselves.
        """
        if user.has_perm("accounts.change_user"):
            return self.all()
        if user.is_teacher:
            mine = models.Q(enrolments__removed_at=None, enrolments__section__teachers=user)
            colleagues = models.Q(teaching__section__teachers=user)
            return self.filter(models.Q(pk=user.pk) | mine | colleagues).distinct()
        return self.filter(pk=user.pk)

    def operating(self) -> "UserQuerySet":
        """Who is told when something is wrong with the portal: operators, and whoever has every right."""
        return self.filter(models.Q(role=User.Role.OPERATOR) | models.Q(is_superuser=True), is_active=True)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes users by e-mail; addresses are kept in lower case, so that sign-in ignores case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with that e-mail, in any case."""
        user: User = self.get(email=(username or "").lower())
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A saved user; without a password one that cannot sign in until a link sets it."""
        user: User = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An admin with every right."""
        return self.create_user(
            email, password, **{"role": User.Role.ADMIN, "is_staff": True, "is_superuser": True, **fields}
        )


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address."""

    class Role(models.TextChoices):
        STUDENT = "student", _("student")
        TEACHER = "teacher", _("teacher")
        ADMIN = "admin", _("school admin")
        OPERATOR = "operator", _("operator")
        SUPPORT = "support", _("support")
        AUDITOR = "auditor", _("auditor")

    # Who may open the admin; what each of them may do there stands in accounts.roles.
    STAFF_ROLES = frozenset({Role.ADMIN, Role.OPERATOR, Role.SUPPORT, Role.AUDITOR})

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        _("e-mail address"),
        max_length=254,
        unique=True,
        error_messages={"unique": _("Someone has this e-mail address already.")},
    )
    display_name = models.CharField(_("display name"), max_length=150)
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.STUDENT)
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, validators=[validate_time_zone], help_text=_("Empty: the school's.")
    )
    language = models.CharField(
        _("language"), max_length=10, blank=True, choices=settings.LANGUAGES, help_text=_("Empty: the browser's.")
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick to disable the account; open chats close within seconds.")
    )
    is_staff = models.BooleanField(_("may open the admin"), default=False)
    is_demo = models.BooleanField(_("demo account"), default=False, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)
    # Open sockets check their right again whenever this moves; see conversations.live.watch.
    access_revision = models.PositiveIntegerField(default=0, editable=False)

    objects: "UserManager" = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["display_name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["display_name", "email"]
        constraints = [
            # With the unique field this makes addresses unique in any case.
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="email_is_lower_case"),
            models.CheckConstraint(
                condition=models.Q(role__in=["student", "teacher", "admin", "operator", "support", "auditor"]),
                name="user_has_a_role",
            ),
        ]
        indexes = [models.Index(fields=["role", "display_name"], name="user_by_role")]

    def __str__(self) -> str:
        return self.display_name or self.email

    def clean(self) -> None:
        """Lower the address before forms look for another account that has it."""
        super().clean()
        self.email = self.email.lower()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the address in lower case and the admin to staff, and let open sockets check their right again."""
        self.email = self.email.lower()
        self.is_staff = self.role in self.STAFF_ROLES
        self.is_superuser = self.is_superuser and self.is_admin
        if not self._state.adding:
            self.access_revision = models.F("access_revision") + 1
            fields = kwargs.get("update_fields")
            if fields is not None:
                kwargs["update_fields"] = {*fields, "is_staff", "is_superuser", "access_revision"}
        super().save(*args, **kwargs)
        if not isinstance(self.access_revision, int):
            self.refresh_from_db(fields=["access_revision"])

    @property
    def is_student(self) -> bool:
        """Whether this person practises."""
        return self.role == self.Role.STUDENT

    @property
    def is_teacher(self) -> bool:
        """Whether this person writes clients and sets work."""
        return self.role == self.Role.TEACHER

    @property
    def is_admin(self) -> bool:
        """Whether this person runs the school: of all who may open the admin, the one who sees classes."""
        return self.role == self.Role.ADMIN

    @property
    def looks_after_students(self) -> bool:
        """Whether students' work is this person's business: that of teachers and school admins, of nobody else."""
        return self.is_teacher or self.is_admin

    def get_full_name(self) -> str:
        """The display name, as Django's own pages ask for it."""
        return self.display_name

    def get_short_name(self) -> str:
        """The display name, as Django's own pages ask for it."""
        return self.display_name


class RoleManager(UserManager):
    """Users of one role."""

    role: str

    def get_queryset(self) -> UserQuerySet:
        """Only users of this role."""
        queryset: UserQuerySet = super().get_queryset()
        return queryset.filter(role=self.role)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A saved user of this role."""
        return super().create_user(email, password, **{"role": self.role, **fields})


class StudentManager(RoleManager):
    """Students."""

    role = User.Role.STUDENT


class TeacherManager(RoleManager):
    """Teachers."""

    role = User.Role.TEACHER


class Student(User):
    """A user who practises."""

    objects = StudentManager()

    class Meta:
        proxy = True
        verbose_name = _("student")
        verbose_name_plural = _("students")


class Teacher(User):
    """A user who writes clients and sets work."""

    objects = TeacherManager()

    class Meta:
        proxy = True
        verbose_name = _("teacher")
        verbose_name_plural = _("teachers")


class StudentDetails(models.Model):
    """What a school keeps about a student beside the account."""

    student = models.OneToOneField(
        User, verbose_name=_("student"), on_delete=models.CASCADE, related_name="student_details"
    )
    student_number = models.CharField(_("student number"), max_length=50, blank=True)
    pronouns = models.CharField(_("pronouns"), max_length=50, blank=True)
    programme = models.CharField(_("programme"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("student details")
        verbose_name_plural = _("student details")
        constraints = [
            models.UniqueConstraint(
                fields=["student_number"], condition=~models.Q(student_number=""), name="one_student_per_number"
            )
        ]

    def __str__(self) -> str:
        return self.student_number


class TeacherDetails(models.Model):
    """What a school keeps about a teacher beside the account."""

    teacher = models.OneToOneField(
        User, verbose_name=_("teacher"), on_delete=models.CASCADE, related_name="teacher_details"
    )
    title = models.CharField(_("title"), max_length=100, blank=True)
    department = models.CharField(_("department"), max_length=150, blank=True)
    office = models.CharField(_("office or phone"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("teacher details")
        verbose_name_plural = _("teacher details")

    def __str__(self) -> str:
        return self.title
