"""What the budgets still allow in a conversation, told before anybody types."""

import uuid
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext as _

from conversations.models import Session
from conversations.turns.accept import most_that_a_reply_costs, scopes_of
from monitoring import budgets
from monitoring.models.price import UnknownPriceError


@dataclass(frozen=True, slots=True)
class Allowance:
    """What to say about the budget, in plain words, and whether it covers no further reply."""

    exhausted: bool
    text: str


def allowance(session: Session) -> Allowance | None:
    """What is left for this conversation when it is little or nothing; None while there is nothing to say."""
    if session.voice == Session.Voice.SCRIPTED:
        return None
    left = budgets.remaining(scopes_of(session.pk, session.section_id), session.student_id)
    if left is None:
        return None
    try:
        each = most_that_a_reply_costs(session)
    except UnknownPriceError:
        return None
    replies = left.left_microusd // each if each else budgets.FEW
    if not replies:
        return Allowance(exhausted=True, text=left.claim.used_up)
    if replies >= budgets.FEW:
        return None
    # No number: what is held for a reply is several times what one costs.
    return Allowance(exhausted=False, text=_("The budget is nearly used up: one of the next replies may be refused."))


def allowance_of(session_id: uuid.UUID, language: str) -> Allowance | None:
    """The same for a session by its key, in this language."""
    with translation.override(language):
        return allowance(Session.objects.get(pk=session_id))
