"""Sessions: one conversation of one person with one client, or with a tutor."""

import datetime as dt
import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Section, User
from clients import choices
from clients.models import ClientProfile, ClientVersion
from clients.snapshot import ClientSnapshot
from conversations.models.assignment import Assignment
from conversations.text import storable
from monitoring.ids import uuid7


class SessionQuerySet(models.QuerySet["Session"]):
    """Reads of sessions."""

    def visible_to(self, user: User) -> "SessionQuerySet":
        """Admins see all; students their own practice; teachers their own tests and the sessions of their sections."""
        if user.is_admin:
            return self.all()
        own = models.Q(student=user)
        if user.is_teacher:
            own |= models.Q(section__in=user.sections.values("pk"), kind=Session.Kind.PRACTICE)
        return self.filter(own)

    def speakable(self) -> "SessionQuerySet":
        """Sessions whose student may speak in them: who has left the section keeps the transcript, not the chair."""
        enrolled = models.Q(section__enrolments__student=models.F("student"), section__enrolments__removed_at=None)
        return self.filter(models.Q(kind=Session.Kind.TEST) | models.Q(section=None) | enrolled)

    def spoken_by(self, user: User | uuid.UUID) -> "SessionQuerySet":
        """Sessions in which this person (or the one with this key) sits in the student's chair and may still speak."""
        return self.speakable().filter(student=user)

    def open_to(self, user: User) -> "SessionQuerySet":
        """Sessions that this person may have open in a chat: a student only while they may speak in them."""
        return self.spoken_by(user) if user.is_student else self.visible_to(user)

    def supervised_by(self, user: User) -> "SessionQuerySet":
        """Practice of others that this person looks after: teachers that of their sections, school admins all."""
        if not user.looks_after_students:
            return self.none()
        practice = self.filter(kind=Session.Kind.PRACTICE).exclude(student=user)
        return practice if user.is_admin else practice.filter(section__in=user.sections.values("pk"))

    def scorable_by(self, user: User) -> "SessionQuerySet":
        """Practice that this person may score: what they look after."""
        return self.supervised_by(user)

    def open(self) -> "SessionQuerySet":
        """Sessions that can still go on."""
        return self.filter(status__in=Session.OPEN)

    def overdue(self) -> "SessionQuerySet":
        """Open sessions whose deadline has come; while a teacher pauses them it waits."""
        return self.open().filter(deadline_at__lte=timezone.now(), paused_by=None)

    def idle_since(self, moment: dt.datetime) -> "SessionQuerySet":
        """Open sessions outside of assignments in which nothing has happened since then."""
        return self.open().filter(last_activity_at__lt=moment, assignment=None)

    def matching(self, text: str) -> "SessionQuerySet":
        """Sessions whose client's name contains the text, or in which somebody says it."""
        sought = storable(text)
        # Within these sessions: for few of them that is quicker than the index of all messages.
        said = self.filter(messages__content__says=sought).order_by().values("pk")
        return self.filter(models.Q(client__name__icontains=sought) | models.Q(pk__in=said))


class Session(models.Model):
    """A conversation. `last_sequence` and the totals move in the transaction that writes the message they count."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        COMPLETED = "completed", _("completed")
        ABANDONED = "abandoned", _("abandoned")

    class Kind(models.TextChoices):
        PRACTICE = "practice", _("practice")
        TEST = "test", _("test by a teacher")

    class Voice(models.TextChoices):
        CLAUDE = "claude", "Claude"
        SCRIPTED = "scripted", _("scripted")

    Outcome = choices.Outcome

    OPEN = (Status.ACTIVE, Status.PAUSED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    student = models.ForeignKey(User, verbose_name=_("student"), on_delete=models.PROTECT, related_name="practice")
    section = models.ForeignKey(
        Section, verbose_name=_("section"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Empty for free practice; what an attempt was made with stands in its Attempt.
    assignment = models.ForeignKey(
        Assignment, verbose_name=_("assignment"), null=True, on_delete=models.PROTECT, related_name="sessions"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.PRACTICE)
    # The counterpart: a client as it was at the start, or (in a later part) a tutor persona.
    client = models.ForeignKey(
        ClientProfile, verbose_name=_("client"), null=True, on_delete=models.PROTECT, related_name="sessions"
    )
    client_version = models.ForeignKey(
        ClientVersion, verbose_name=_("client version"), null=True, on_delete=models.PROTECT, related_name="sessions"
    )
    persona = models.CharField(_("tutor persona"), max_length=60, blank=True)
    voice = models.CharField(_("voice"), max_length=10, choices=Voice.choices)
    model = models.CharField(_("model"), max_length=100)

    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ACTIVE)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    last_activity_at = models.DateTimeField(_("last activity"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Decided by clients.state, kept when the conversation ends; empty while it runs and where nothing was said.
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices, blank=True)
    # The student's message that this practice tries anew: what came before it is copied, what follows is labelled.
    branch_of = models.ForeignKey(
        "Message", verbose_name=_("tries again from"), null=True, blank=True, on_delete=models.PROTECT,
        related_name="branches",
    )  # fmt: skip
    # From then on nothing is accepted; a reply that runs is finished.
    deadline_at = models.DateTimeField(_("deadline"), null=True, blank=True)
    # The teacher who paused it; empty while it runs and where the student did. Only a teacher continues it then.
    paused_by = models.ForeignKey(
        User, verbose_name=_("paused by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True)

    last_sequence = models.PositiveIntegerField(default=0)
    # Moves with every change that an open socket must show; see conversations.live.watch.
    revision = models.PositiveIntegerField(default=0)
    # An upper bound on the tokens of all that was said, which the next reservation is made by.
    said_tokens = models.PositiveIntegerField(default=0, editable=False)
    exchanges = models.PositiveIntegerField(_("exchanges"), default=0)
    input_tokens = models.PositiveBigIntegerField(_("input tokens"), default=0)
    output_tokens = models.PositiveBigIntegerField(_("output tokens"), default=0)
    cost_microusd = models.PositiveBigIntegerField(_("cost in micro-dollars"), default=0)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(fields=["student", "-started_at", "-id"], name="session_history"),
            models.Index(fields=["section", "-started_at", "-id"], name="session_by_section"),
            models.Index(fields=["-started_at", "-id"], name="session_newest"),
            # Among all the practice the few tests of teachers.
            models.Index(fields=["-started_at", "-id"], condition=models.Q(kind="test"), name="session_tests"),
            # What ended lately, and how; open conversations are not in it, so that no message has to write it.
            models.Index(
                fields=["-ended_at", "status", "kind"],
                condition=models.Q(ended_at__isnull=False),
                name="session_ended",
            ),
            models.Index(
                fields=["last_activity_at"], condition=models.Q(status__in=["active", "paused"]), name="session_idle"
            ),
            models.Index(
                fields=["deadline_at"],
                condition=models.Q(status__in=["active", "paused"], deadline_at__isnull=False),
                name="session_deadline",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["student", "client"],
                condition=models.Q(status__in=["active", "paused"], assignment=None, branch_of=None),
                name="one_open_session_per_student_and_client",
            ),
            models.UniqueConstraint(
                fields=["student", "branch_of"],
                condition=models.Q(status__in=["active", "paused"], branch_of__isnull=False),
                name="one_open_branch_per_message",
            ),
            models.UniqueConstraint(
                fields=["student", "client", "assignment"],
                condition=models.Q(status__in=["active", "paused"], assignment__isnull=False),
                name="one_open_attempt_per_assigned_client",
            ),
            models.CheckConstraint(
                condition=models.Q(client_version__isnull=False, client__isnull=False, persona="")
                | (models.Q(client_version__isnull=True, client__isnull=True) & ~models.Q(persona="")),
                name="session_has_one_counterpart",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "paused"], ended_at__isnull=True)
                | models.Q(status__in=["completed", "abandoned"], ended_at__isnull=False),
                name="session_ends_with_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.student} · {self.client or self.persona}"

    @property
    def is_open(self) -> bool:
        """Whether the conversation can still go on."""
        return self.status in self.OPEN

    @property
    def is_held(self) -> bool:
        """Whether a teacher has paused it: only a teacher continues it, and its deadline waits."""
        return self.status == self.Status.PAUSED and self.paused_by_id is not None

    def is_supervised_by(self, user: User) -> bool:
        """Whether a person who sees it looks after it: the same sentence as `supervised_by`, without a query."""
        return user.looks_after_students and self.kind == self.Kind.PRACTICE and self.student_id != user.pk

    def may_be_scored_by(self, user: User) -> bool:
        """Whether a person who sees it may score it: the same sentence as `scorable_by`, without a query."""
        return self.is_supervised_by(user)

    @property
    def snapshot(self) -> ClientSnapshot | None:
        """The client as it was at the start, which each process reads once; None for a tutor."""
        return ClientVersion.frozen(self.client_version_id).snapshot if self.client_version_id else None

    @property
    def total_tokens(self) -> int:
        """All tokens that the session's attempts have used."""
        return self.input_tokens + self.output_tokens

    @property
    def duration(self) -> dt.timedelta:
        """From the start to the last sign of life: who leaves it to a deadline to end it did not talk until then."""
        return self.last_activity_at - self.started_at

    @property
    def minutes(self) -> int:
        """The duration as people read it: whole minutes, at least one."""
        return max(1, round(self.duration.total_seconds() / 60))

    @property
    def socket_path(self) -> str:
        """The path of this session's websocket."""
        return f"/ws/sessions/{self.pk}/"
