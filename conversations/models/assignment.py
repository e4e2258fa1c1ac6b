"""Assignments: work that a section is set, the clients it is done with, and what one student may do differently."""

import datetime as dt
import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations.lateness import Deadlines, LateRule
from conversations.models.rubric import Rubric


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """Reads of assignments."""

    def visible_to(self, user: User) -> "AssignmentQuerySet":
        """Admins see all, teachers those of their sections, students the published ones of sections they are in."""
        if user.is_admin:
            return self.all()
        if user.is_teacher:
            return self.filter(section__in=user.sections.values("pk"))
        sections = user.enrolments.active().values("section")
        return self.filter(section__in=sections, published_at__isnull=False, archived_at=None)

    def editable_by(self, user: User) -> "AssignmentQuerySet":
        """Those that this person may change: admins all, teachers those of their sections that are not archived."""
        return self.visible_to(user).filter(section__archived_at=None) if user.looks_after_students else self.none()

    def published(self) -> "AssignmentQuerySet":
        """What students have been told of, and what is not archived."""
        return self.filter(published_at__isnull=False, archived_at=None)

    def matching(self, text: str) -> "AssignmentQuerySet":
        """Assignments whose title contains the text; all for an empty one."""
        return self.filter(title__icontains=text) if text else self


class Assignment(models.Model):
    """Work set for a section: one or more clients to talk with, by a day and under rules."""

    class Grading(models.TextChoices):
        PRACTICE = "practice", _("practice")
        GRADED = "graded", _("graded")

    class Feedback(models.TextChoices):
        LIVE = "live", _("while they talk")
        END = "end", _("when they have finished")
        RELEASE = "release", _("when a teacher releases it")

    class Counted(models.TextChoices):
        BEST = "best", _("the best attempt")
        LAST = "last", _("the last attempt")

    LateRule = LateRule

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    section = models.ForeignKey(
        Section, verbose_name=_("section"), on_delete=models.PROTECT, related_name="assignments"
    )
    created_by = models.ForeignKey(
        User, verbose_name=_("written by"), on_delete=models.PROTECT, related_name="assignments", editable=False
    )
    copied_from = models.ForeignKey("self", null=True, blank=True, editable=False, on_delete=models.SET_NULL)
    title = models.CharField(_("title"), max_length=150)
    instructions = models.TextField(_("instructions"), max_length=5_000, blank=True)
    grading = models.CharField(_("counts as"), max_length=10, choices=Grading.choices, default=Grading.PRACTICE)
    opens_at = models.DateTimeField(_("available from"), null=True, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    late_rule = models.CharField(
        _("after the due date"), max_length=10, choices=LateRule.choices, default=LateRule.MARK
    )
    # Of the score, for every day that has begun since the due date; only under the rule that deducts.
    late_percent = models.PositiveSmallIntegerField(_("percent per day"), default=10)
    # Of each client; empty: as often as they like.
    max_attempts = models.PositiveSmallIntegerField(_("attempts per client"), null=True, blank=True)
    counted = models.CharField(_("which attempt counts"), max_length=10, choices=Counted.choices, default=Counted.BEST)
    time_limit_minutes = models.PositiveSmallIntegerField(_("time limit in minutes"), null=True, blank=True)
    in_order = models.BooleanField(_("clients in this order"), default=False)
    feedback = models.CharField(_("feedback is shown"), max_length=10, choices=Feedback.choices, default=Feedback.END)
    # Moves with every edit, so that a form that was opened before another edit is noticed when it is sent.
    revision = models.PositiveIntegerField(default=0, editable=False)
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        ordering = ["due_at", "title", "id"]
        indexes = [
            models.Index(fields=["section", "due_at"], name="assignment_by_section"),
            models.Index(fields=["due_at"], name="assignment_due"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(opens_at__isnull=True)
                | models.Q(due_at__isnull=True)
                | models.Q(due_at__gt=models.F("opens_at")),
                name="assignment_is_due_after_it_opens",
                violation_error_message=_("The due date must be after the day from which it is available."),
            ),
            models.CheckConstraint(
                condition=models.Q(late_percent__gte=1, late_percent__lte=100), name="assignment_deducts_a_share"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_published(self) -> bool:
        """Whether students see it."""
        return self.published_at is not None and self.archived_at is None

    def deadlines_for(self, granted: "AssignmentException | None" = None) -> Deadlines:
        """The dates and rules that hold for one student, with whatever was granted them."""
        due = self.due_at
        if granted and granted.due_at and due:
            due = max(due, granted.due_at)
        limit = self.time_limit_minutes
        if granted and limit:
            limit += granted.extra_minutes
        attempts = self.max_attempts
        if granted and attempts:
            attempts += granted.extra_attempts
        return Deadlines(
            opens_at=self.opens_at,
            due_at=due,
            rule=LateRule(self.late_rule),
            percent=self.late_percent,
            limit=dt.timedelta(minutes=limit) if limit else None,
            attempts=attempts,
        )


class AssignmentClient(models.Model):
    """One client of an assignment: its place, the rubric it is scored by, and how much must be said."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="clients")
    client = models.ForeignKey(
        ClientProfile, verbose_name=_("client"), on_delete=models.PROTECT, related_name="assigned"
    )
    rubric = models.ForeignKey(
        Rubric, verbose_name=_("rubric"), null=True, blank=True, on_delete=models.PROTECT, related_name="assigned"
    )
    position = models.PositiveSmallIntegerField()
    min_exchanges = models.PositiveSmallIntegerField(_("least number of exchanges"), default=0)

    class Meta:
        verbose_name = _("client of an assignment")
        verbose_name_plural = _("clients of an assignment")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "client"], name="client_once_per_assignment"),
            models.UniqueConstraint(fields=["assignment", "position"], name="one_assigned_client_per_position"),
        ]

    def __str__(self) -> str:
        return f"{self.client} · {self.assignment}"


class AssignmentException(models.Model):
    """What one student is granted: a later due date, more attempts, more time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="exceptions")
    student = models.ForeignKey(
        User, verbose_name=_("student"), on_delete=models.CASCADE, related_name="assignment_exceptions"
    )
    due_at = models.DateTimeField(_("due for them"), null=True, blank=True)
    extra_attempts = models.PositiveSmallIntegerField(_("more attempts"), default=0)
    extra_minutes = models.PositiveSmallIntegerField(_("more minutes"), default=0)
    reason = models.CharField(_("reason, for teachers"), max_length=300, blank=True)
    granted_by = models.ForeignKey(User, verbose_name=_("granted by"), on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(_("granted"), default=timezone.now)

    class Meta:
        verbose_name = _("exception for a student")
        verbose_name_plural = _("exceptions for students")
        ordering = ["student__display_name", "id"]
        constraints = [models.UniqueConstraint(fields=["assignment", "student"], name="one_exception_per_student")]

    def __str__(self) -> str:
        return f"{self.student} · {self.assignment}"
