"""Falling back: a turn whose model cannot answer is given to another one, with a reservation of its own."""

from dataclasses import replace

from django.conf import settings
from django.db import transaction

from conversations.models import Session, Turn
from conversations.turns.accept import ClaimedTurn, reserve_reply
from monitoring import pricing
from monitoring.budgets import BudgetExhaustedError, tell_refusal
from monitoring.models.price import UnknownPriceError
from monitoring.services import settle


def next_model(tried: set[str]) -> str | None:
    """The first of FALLBACK_MODELS that was not asked yet."""
    return next((model for model in settings.FALLBACK_MODELS if model not in tried), None)


def give_to(claimed: ClaimedTurn, model: str, used: pricing.Usage, calls: int) -> ClaimedTurn | None:
    """Settle what the failed model used, reserve for the other one, and return the claim that asks it.

    None when it cannot be asked: it has no price, a budget does not cover it, or the turn was ended meanwhile.
    """
    try:
        with transaction.atomic():
            return _give_to(claimed, model, used, calls)
    except UnknownPriceError:
        return None
    except BudgetExhaustedError as error:
        tell_refusal(error)
        return None


def _give_to(claimed: ClaimedTurn, model: str, used: pricing.Usage, calls: int) -> ClaimedTurn | None:
    session = Session.objects.select_for_update().get(pk=claimed.session_id)
    turn = Turn.objects.held(claimed.id, claimed.fence).first()
    if turn is None:
        return None
    if turn.reservation_id != claimed.reservation.pk:
        # Asked again, since the answer of the first time was lost with the database.
        return replace(claimed, request=replace(claimed.request, model=model), reservation=turn.reservation)
    # The old money first, so that a nearly empty budget is not asked for both.
    entry = settle(
        reservation=claimed.reservation,
        usage=used,
        outcome=Turn.Status.FAILED,
        first_text_ms=None,
        # The reply's own entry has the whole time.
        total_ms=0,
        calls=calls,
    )
    session.model = model
    turn.reservation = reserve_reply(by=session.student, talk=session, reply_id=claimed.reply_id)
    turn.save(update_fields=["reservation"])
    session.input_tokens += used.total_input
    session.output_tokens += used.output
    session.cost_microusd += entry.cost_microusd
    # Not the model: who was chosen is asked first the next time too.
    session.save(update_fields=["input_tokens", "output_tokens", "cost_microusd"])
    return replace(claimed, request=replace(claimed.request, model=model), reservation=turn.reservation)
