"""Turns: a student's message and the one attempt at a reply to it, owned by the server."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.message import Message
from conversations.models.session import Session
from monitoring.ids import uuid7
from monitoring.models import Reservation


class TurnQuerySet(models.QuerySet["Turn"]):
    """Reads of turns."""

    def running(self) -> "TurnQuerySet":
        """Turns that have not ended."""
        return self.filter(status__in=Turn.RUNNING)

    def held(self, turn_id: uuid.UUID, fence: int) -> "TurnQuerySet":
        """The turn, if it still runs under this fence."""
        return self.running().filter(pk=turn_id, fence=fence)

    def states(self) -> dict[uuid.UUID, dict[str, Any]]:
        """What the latest turn of each message made of the client, by the message's key, as the messages came.

        A `clients.record.TurnRecord` as JSON; empty for a turn from before it was kept.
        """
        return dict(self.order_by("accepted_at").values_list("message_id", "state"))


class Turn(models.Model):
    """One attempt at a reply.

    accepted → generating → streaming → complete | truncated | refused | stopped | interrupted | failed
    """

    class Status(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        GENERATING = "generating", _("generating")
        STREAMING = "streaming", _("streaming")
        COMPLETE = "complete", _("complete")
        TRUNCATED = "truncated", _("cut at the length limit")
        REFUSED = "refused", _("refused by the model")
        STOPPED = "stopped", _("stopped")
        INTERRUPTED = "interrupted", _("interrupted")
        FAILED = "failed", _("failed")

    RUNNING = (Status.ACCEPTED, Status.GENERATING, Status.STREAMING)
    # How few of all turns end: what an operator looks for.
    TROUBLED = (Status.TRUNCATED, Status.REFUSED, Status.STOPPED, Status.INTERRUPTED, Status.FAILED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="turns")
    message = models.ForeignKey(Message, verbose_name=_("message"), on_delete=models.PROTECT, related_name="turns")
    reply_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    retry_of = models.OneToOneField(Message, null=True, on_delete=models.PROTECT, related_name="retried_by")
    reservation = models.OneToOneField(Reservation, verbose_name=_("reservation"), on_delete=models.PROTECT)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.ACCEPTED)
    owner = models.UUIDField(_("process"), null=True, editable=False)
    fence = models.PositiveIntegerField(default=0, editable=False)
    stop_requested_at = models.DateTimeField(_("stop asked for"), null=True, editable=False)
    partial_text = models.TextField(_("text so far"), blank=True)
    partial_index = models.PositiveIntegerField(default=0)
    # What the student's message did and where the client stands after it: clients.record.TurnRecord as JSON.
    state: "models.JSONField[Any, Any]" = models.JSONField(_("state of the client"), default=dict)
    error = models.CharField(_("what went wrong"), max_length=40, blank=True)
    accepted_at = models.DateTimeField(_("accepted"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        ordering = ["-accepted_at"]
        indexes = [
            models.Index(
                fields=["owner"],
                condition=models.Q(status__in=["accepted", "generating", "streaming"]),
                name="turn_running",
            ),
            models.Index(
                fields=["status", "-accepted_at"],
                include=["error"],
                condition=models.Q(status__in=["truncated", "refused", "stopped", "interrupted", "failed"]),
                name="turn_troubled",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session"],
                condition=models.Q(status__in=["accepted", "generating", "streaming"]),
                name="one_running_turn_per_session",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"

    @property
    def is_running(self) -> bool:
        """Whether the attempt has not ended."""
        return self.status in self.RUNNING
