"""Messages: what was said, one row each, numbered without holes."""

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.voices.base import Fault
from clients.voices.faults import words
from conversations.models.session import Session
from monitoring.ids import uuid7

# Numbers have no holes, so a page of a transcript is a range of so many of them.
TRANSCRIPT_PAGE = 200


class MessageQuerySet(models.QuerySet["Message"]):
    """Reads of messages."""

    def after(self, sequence: int) -> "MessageQuerySet":
        """Messages with a higher number, oldest first."""
        return self.filter(sequence__gt=sequence).order_by("sequence")

    def spoken(self) -> "MessageQuerySet":
        """What counts as said to the client, oldest first: none superseded, empty, failed or set aside."""
        return self.exclude(status__in=Message.UNSAID).exclude(content="").order_by("sequence")

    def flaggable_by(self, user: User) -> "MessageQuerySet":
        """What clients said in sessions that this person may read, and so may flag."""
        readable = Session.objects.visible_to(user).order_by().values("pk")
        return self.filter(role=Message.Role.CLIENT, session__in=readable).exclude(content="")


class Message(models.Model):
    """One message. A reply's id is known from the moment its turn is accepted; its number only when it is finished."""

    class Role(models.TextChoices):
        STUDENT = "student", _("student")
        CLIENT = "client", _("client")
        SYSTEM = "system", _("system")

    class Status(models.TextChoices):
        COMPLETE = "complete", _("complete")
        TRUNCATED = "truncated", _("cut at the length limit")
        REFUSED = "refused", _("refused by the model")
        STOPPED = "stopped", _("stopped")
        INTERRUPTED = "interrupted", _("interrupted")
        FAILED = "failed", _("failed")
        SUPERSEDED = "superseded", _("replaced by a new attempt")
        ASIDE = "aside", _("said for themself, kept from the client")

    # What the other side never heard.
    UNSAID = (Status.SUPERSEDED, Status.FAILED, Status.ASIDE)
    RETRYABLE = (Status.STOPPED, Status.INTERRUPTED, Status.REFUSED, Status.FAILED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="messages")
    sequence = models.PositiveIntegerField(_("number"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.COMPLETE)
    content = models.TextField(_("text"), blank=True)
    # Why the client did not answer, a clients.voices Fault; empty where it did. The page says it in plain words.
    fault = models.CharField(_("fault"), max_length=40, blank=True)
    client_key = models.UUIDField(null=True, editable=False)
    reply_to = models.ForeignKey("self", null=True, editable=False, on_delete=models.PROTECT, related_name="replies")
    created_at = models.DateTimeField(_("written"), default=timezone.now)
    token_count = models.PositiveIntegerField(_("tokens"), default=0)
    input_tokens = models.PositiveIntegerField(_("tokens read for this reply"), default=0)
    cost_microusd = models.PositiveBigIntegerField(_("cost in micro-dollars"), default=0)
    first_text_ms = models.PositiveIntegerField(_("time to first text in ms"), null=True)
    response_ms = models.PositiveIntegerField(_("time to the whole reply in ms"), null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["session", "sequence"]
        indexes = [
            # The few of all messages that an operator filters by; most are complete, and write nothing here.
            models.Index(
                fields=["status", "-created_at"],
                condition=models.Q(
                    status__in=["truncated", "refused", "stopped", "interrupted", "failed", "superseded", "aside"]
                ),
                name="message_unusual",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["session", "sequence"], name="one_message_per_number"),
            models.UniqueConstraint(
                fields=["session", "client_key"],
                condition=models.Q(client_key__isnull=False),
                name="one_message_per_send",
            ),
            models.CheckConstraint(condition=models.Q(sequence__gte=1), name="message_numbers_start_at_one"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.role}"

    @property
    def total_tokens(self) -> int:
        """All tokens that this message took, read and written."""
        return self.input_tokens + self.token_count

    @property
    def response_seconds(self) -> float | None:
        """Seconds to the whole reply, None for what was not a reply."""
        return None if self.response_ms is None else self.response_ms / 1_000

    @property
    def place(self) -> str:
        """The address of this message in its transcript."""
        page = (self.sequence - 1) // TRANSCRIPT_PAGE + 1
        address = reverse("transcript", args=[self.session_id])
        return f"{address}{f'?page={page}' if page > 1 else ''}#message-{self.pk}"

    @property
    def can_be_retried(self) -> bool:
        """Whether a new attempt at this reply may be asked for, as far as its own status says."""
        return self.role == self.Role.CLIENT and self.status in self.RETRYABLE

    def note(self, client_name: str) -> str:
        """Why the client called so did not answer, in plain words; "" for a message that needs no note."""
        if self.status != self.Status.FAILED or self.fault not in set(Fault):
            return ""
        return words(Fault(self.fault), client_name)
