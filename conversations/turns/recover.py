"""Recovering: turns whose process died are ended, with what had arrived, as interrupted."""

import datetime as dt
import uuid
from collections.abc import Collection

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from conversations.models import Session, Turn
from conversations.turns.finish import Outcome, finish
from monitoring import pricing
from monitoring.models import Heartbeat


def recover(
    own: uuid.UUID | None = None,
    at_work: Collection[uuid.UUID] = (),
    accepting_in: Collection[uuid.UUID] = (),
    seen_at: dt.datetime | None = None,
) -> int:
    """End every running turn whose owner's heart has stopped, or that nobody took; how many were ended.

    A living process names itself, the replies it works on and the sessions in which it accepts a turn just now: any
    other turn that it owned well before that moment, `seen_at`, was dropped and is ended too.
    Safe to run from many places at once: a turn is ended once, under its session's lock.
    """
    long_ago = (seen_at or timezone.now()) - dt.timedelta(seconds=settings.HEARTBEAT_DEAD_SECONDS)
    living = Heartbeat.objects.alive(Heartbeat.Kind.WEB).values("pk")
    dead = Q(owner__isnull=False) & ~Q(owner__in=living)
    if own:
        # Whoever asks lives, even if a database that was away kept its heart from saying so.
        dead &= ~Q(owner=own)
    untaken = Q(owner=None, accepted_at__lt=long_ago)
    dropped = Q(owner=own, owner__isnull=False, accepted_at__lt=long_ago) & ~Q(reply_id__in=at_work)
    dropped &= ~Q(session_id__in=accepting_in)
    orphans = Turn.objects.running().filter(dead | untaken | dropped)
    ended = 0
    for turn in orphans.select_related("session__client_version"):
        usage = _usage_of_the_dead(turn)
        outcome = Outcome(Turn.Status.INTERRUPTED, turn.partial_text, usage, error=_reason(turn, own), fell_back=True)
        ended += finish(turn.pk, turn.fence, outcome) is not None
    return ended


def _reason(turn: Turn, own: uuid.UUID | None) -> str:
    """Why it was left, in a word for operators."""
    if turn.owner is None:
        return "never_taken"
    return "dropped" if turn.owner == own else "process_died"


def _usage_of_the_dead(turn: Turn) -> pricing.Usage:
    """What the attempt used, as far as can be told: the provider's counts died with the process."""
    if turn.session.voice == Session.Voice.SCRIPTED or turn.status == Turn.Status.ACCEPTED:
        return pricing.Usage()
    version = turn.session.client_version
    said = turn.session.messages.spoken().values_list("content", flat=True)
    return pricing.estimate_usage([version.prompt if version else "", *said], turn.partial_text)
