"""Deletion of whole conversations, with all that hangs on them, and of what is no longer needed of old ones.

What they cost stays in the ledger. A conversation that a newer one goes on from waits until that one has gone, and one
in which something still runs until it has ended.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Notification
from conversations.models import (
    Attempt,
    Evaluation,
    Flag,
    Message,
    Reflection,
    SafetyAlert,
    Scoring,
    Session,
    TranscriptReading,
    Turn,
    TutorTalk,
)
from monitoring import retention
from monitoring.retention import Batch, bounded

# About so many rows hang on one message: its turn, marks, readings.
ROWS_OF_A_MESSAGE = 3
# So many conversations at most are looked at for one batch.
LOOKED_AT = 200


def register_all() -> None:
    """Register what of conversations is deleted once it is old; called when the app starts."""
    retention.register_rows(
        "transcript_readings",
        lambda before: TranscriptReading.objects.filter(read_at__lt=before),
        label=_("readings of transcripts"),
        default_days=1_095,
    )
    retention.register(
        "turn_states",
        label=_("what turns noted about the client"),
        note=_("Without it, feedback, maps and evaluations say nothing of these conversations any more."),
        count=lambda before: bounded(_noted(before)),
        delete=_clear_states,
        default_days=None,
    )
    retention.register(
        "conversations",
        label=_("conversations"),
        note=_(
            "With everything in them: messages, notes, attempts at graded work, scorings, feedback, flags, safety"
            " alerts. What they cost stays in the ledger."
        ),
        count=lambda before: bounded(_ended(before)),
        delete=_delete_ended,
        default_days=None,
    )


def _ended(before: dt.datetime) -> QuerySet[Session]:
    # What ended before began before: by that there is an index.
    return Session.objects.filter(started_at__lt=before, ended_at__lt=before)


def _delete_ended(before: dt.datetime, at_most: int, after: Any) -> Batch:
    deleted = delete_sessions(_ended(before), at_most)
    return Batch(deleted, more=bool(deleted))


def _noted(before: dt.datetime) -> QuerySet[Turn]:
    return Turn.objects.filter(session__in=_ended(before).values("pk")).exclude(state={})


def _clear_states(before: dt.datetime, at_most: int, after: Any) -> Batch:
    """Go through the ended conversations in the order of their keys, some at a time."""
    sessions = _ended(before).order_by("pk")
    if after:
        sessions = sessions.filter(pk__gt=uuid.UUID(after))
    keys = _fitting(sessions.values_list("pk", "last_sequence")[:LOOKED_AT], at_most)
    if not keys:
        return Batch(0, more=False)
    cleared = Turn.objects.filter(session__in=keys).exclude(state={}).update(state={})
    return Batch(cleared, more=True, after=str(keys[-1]))


def delete_sessions(found: QuerySet[Session], at_most: int) -> int:
    """Delete so many of these conversations as have about `at_most` rows, one at least; how many. In a transaction."""
    branches = Session.objects.filter(branch_of__session=OuterRef("pk"))
    running = Turn.objects.running().filter(session=OuterRef("pk"))
    at_work = Evaluation.objects.filter(session=OuterRef("pk"), reservation__isnull=False)
    # The words of what they go over stand in them.
    debriefs = TutorTalk.objects.filter(about=OuterRef("pk"))
    waiting = Exists(branches) | Exists(debriefs) | Exists(running) | Exists(at_work)
    free = found.exclude(waiting).order_by("started_at", "pk")
    locked = free.select_for_update(skip_locked=True, of=("self",))
    keys = _fitting(locked.values_list("pk", "last_sequence")[:LOOKED_AT], at_most)
    if keys:
        _delete(keys)
    return len(keys)


def _fitting(rows: Any, at_most: int) -> list[uuid.UUID]:
    """The first conversations that together have about so many rows, by key; one at least."""
    keys: list[uuid.UUID] = []
    total = 0
    for key, messages in rows:
        total += 10 + ROWS_OF_A_MESSAGE * messages
        if keys and total > at_most:
            break
        keys.append(key)
    return keys


def _delete(keys: Sequence[uuid.UUID]) -> None:
    """In the order in which nothing protects what goes; what is in nobody's way goes with its conversation."""
    _delete_told(keys)
    of_these = Q(session__in=keys)
    for model in (Scoring, Evaluation, Reflection, Attempt, TranscriptReading, SafetyAlert, Turn):
        model._default_manager.filter(of_these).delete()
    # Replies first: each holds on to what it answers.
    Message.objects.filter(of_these, reply_to__isnull=False).delete()
    Message.objects.filter(of_these).delete()
    Session.objects.filter(pk__in=keys).delete()


def _delete_told(keys: Sequence[uuid.UUID]) -> None:
    """Notifications that lead to what is deleted, whoever they are for."""
    students = Session.objects.filter(pk__in=keys).values("student")
    transcripts = [reverse("transcript", args=[key]) for key in keys]
    Notification.objects.filter(user__in=students, path__in=transcripts).delete()
    alerts = SafetyAlert.objects.filter(session__in=keys).values_list("pk", flat=True)
    paths = [reverse("safety-alert", args=[key]) for key in alerts]
    flags = Flag.objects.filter(message__session__in=keys).values_list("pk", flat=True)
    paths += [reverse("flag", args=[key]) for key in flags]
    if paths:
        kinds = [Notification.Kind.SAFETY, Notification.Kind.FLAGGED]
        Notification.objects.filter(kind__in=kinds, path__in=paths).delete()
