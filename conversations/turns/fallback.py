"""Another attempt at the same reply, with a reservation of its own: by another model, once more, or by the script."""

from dataclasses import replace

from django.db import transaction

from clients.guard import Slip
from clients.personas.clarifying import ONCE_MORE
from clients.prompts import reminder
from clients.snapshot import ClientSnapshot
from conversations.models import Breach, Session, Turn
from conversations.turns.accept import ClaimedTurn, reserve_reply
from monitoring import pricing
from monitoring.budgets import BudgetExhaustedError, tell_refusal
from monitoring.models.price import UnknownPriceError
from monitoring.providers import endpoint_of
from monitoring.services import settle

# The outcome of an attempt that was taken back, in the ledger.
WITHDRAWN = "withdrawn"


def next_model(claimed: ClaimedTurn, tried: set[str]) -> str | None:
    """The first of those who stand in that was not asked yet."""
    return next((model for model in claimed.stand_ins if model not in tried), None)


def give_to(claimed: ClaimedTurn, model: str, used: pricing.Usage, calls: int) -> ClaimedTurn | None:
    """Settle what the failed model used, reserve for the other one, and return the claim that asks it.

    None when it cannot be asked: its provider has no key or is switched off, it has no price, a budget does not cover
    it, or the turn was ended meanwhile.
    """
    endpoint = endpoint_of(model)
    if not endpoint.is_ready:
        return None
    try:
        with transaction.atomic():
            request = replace(claimed.request, model=model, endpoint=endpoint)
            return _follow(claimed, replace(claimed, request=request), used, calls)
    except UnknownPriceError:
        return None
    except BudgetExhaustedError as error:
        tell_refusal(error)
        return None


def take_back(claimed: ClaimedTurn, slip: Slip, used: pricing.Usage, calls: int, index: int) -> ClaimedTurn | None:
    """Settle an attempt that left the character, keep the breach, and return the claim of the attempt that follows.

    After a first breach the model is reminded and asked once more. After a second one, and where no budget covers
    that, the scripted voice speaks, which costs nothing. `index` is that of the frame that took the text back. None
    when the turn was ended meanwhile.
    """
    if not claimed.request.reminder:
        following = replace(claimed, request=replace(claimed.request, reminder=_reminder(claimed)))
        try:
            with transaction.atomic():
                return _follow(claimed, following, used, calls, slip=slip, index=index)
        except UnknownPriceError:
            pass
        except BudgetExhaustedError as error:
            tell_refusal(error)
    with transaction.atomic():
        return _follow(claimed, _scripted(claimed), used, calls, slip=slip, index=index)


def _reminder(claimed: ClaimedTurn) -> str:
    """What the next attempt is told of the one that was taken back."""
    snapshot = claimed.request.snapshot
    return reminder(snapshot) if isinstance(snapshot, ClientSnapshot) else ONCE_MORE


def _scripted(claimed: ClaimedTurn) -> ClaimedTurn:
    script = Session.Voice.SCRIPTED
    return replace(claimed, voice=script, request=replace(claimed.request, model=script.value))


def _follow(
    claimed: ClaimedTurn,
    following: ClaimedTurn,
    used: pricing.Usage,
    calls: int,
    *,
    slip: Slip | None = None,
    index: int = 0,
) -> ClaimedTurn | None:
    """End this attempt and begin the following one, in the transaction around it."""
    session = Session.objects.select_for_update().get(pk=claimed.session_id)
    turn = Turn.objects.held(claimed.id, claimed.fence).select_related("reservation").first()
    if turn is None:
        return None
    if turn.reservation_id != claimed.reservation.pk:
        # Asked again, since the answer of the first time was lost with the database.
        if turn.reservation.frozen_price.model == Session.Voice.SCRIPTED:
            following = _scripted(claimed)
        return replace(following, reservation=turn.reservation)
    # The old money first, so that a nearly empty budget is not asked for both.
    entry = settle(
        reservation=claimed.reservation,
        usage=used,
        outcome=WITHDRAWN if slip else Turn.Status.FAILED,
        first_text_ms=None,
        # The reply's own entry has the whole time.
        total_ms=0,
        calls=calls,
    )
    if slip and session.client_id is not None:
        Breach.objects.create(
            session=session,
            client_id=session.client_id,
            reply_id=claimed.reply_id,
            kind=slip.kind.value,
            attempt=2 if claimed.request.reminder else 1,
            excerpt=slip.excerpt,
            model=claimed.request.model,
        )
    session.voice, session.model = following.voice, following.request.model
    turn.reservation = reserve_reply(by=session.student, talk=session, reply_id=claimed.reply_id)
    turn.partial_text, turn.partial_index = "", max(index, turn.partial_index)
    turn.save(update_fields=["reservation", "partial_text", "partial_index"])
    session.input_tokens += used.total_input
    session.output_tokens += used.output
    session.cost_microusd += entry.cost_microusd
    # Neither voice nor model: who was chosen is asked first the next time too.
    session.save(update_fields=["input_tokens", "output_tokens", "cost_microusd"])
    return replace(following, reservation=turn.reservation)
