"""Recovering: turns whose process died, or that an operator releases, are ended as interrupted, with what arrived."""

import datetime as dt
import uuid
from collections.abc import Collection

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from conversations.counterparts import frozen_of
from conversations.models import Session, Turn
from conversations.section_models import MOST_STAND_INS
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
    for turn in orphans.select_related("session", "reservation"):
        ended += _interrupt(turn, _reason(turn, own))
    return ended


def release(*, by: User, turn: Turn) -> bool:
    """End a turn that is stuck, whoever owns it, with what had arrived; whether it was still running.

    Safe while somebody works on it: whichever ends it first under its fence has ended it, and the other writes nothing.
    Raises PermissionDenied for who may not (`conversations.change_turn`).
    """
    if not by.has_perm("conversations.change_turn"):
        raise PermissionDenied
    running = Turn.objects.running().filter(pk=turn.pk)
    found = running.select_related("session", "reservation").first()
    return found is not None and _interrupt(found, "released")


def _interrupt(turn: Turn, why: str) -> bool:
    """End it with the text that was saved, if it still runs under this fence."""
    usage = _usage_of_the_dead(turn)
    outcome = Outcome(Turn.Status.INTERRUPTED, turn.partial_text, usage, error=why, fell_back=True)
    return finish(turn.pk, turn.fence, outcome) is not None


def check_stuck() -> str:
    """The health check of turns: none runs although each clock that could still end it has long run out."""
    attempts = 2 + max(MOST_STAND_INS, len(settings.FALLBACK_MODELS))
    longest = attempts * (settings.QUEUE_SECONDS + 2 * settings.REPLY_TOTAL_SECONDS)
    long_ago = timezone.now() - dt.timedelta(seconds=longest)
    stuck = Turn.objects.running().filter(accepted_at__lt=long_ago).exists()
    return _("a reply runs although its time is long over") if stuck else ""


def _reason(turn: Turn, own: uuid.UUID | None) -> str:
    """Why it was left, in a word for operators."""
    if turn.owner is None:
        return "never_taken"
    return "dropped" if turn.owner == own else "process_died"


def _usage_of_the_dead(turn: Turn) -> pricing.Usage:
    """What the attempt used, as far as can be told: the provider's counts died with the process."""
    if turn.reservation.frozen_price.model == Session.Voice.SCRIPTED or turn.status == Turn.Status.ACCEPTED:
        return pricing.Usage()
    prompt = frozen_of(turn.session_id, turn.session.client_version_id).prompt
    said = turn.session.messages.spoken().values_list("content", flat=True)
    return pricing.estimate_usage([prompt, *said], turn.partial_text)
