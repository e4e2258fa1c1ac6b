"""What the budgets still allow in a conversation, told before anybody types."""

import uuid
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import ngettext

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
        return Allowance(exhausted=True, text=left.used_up)
    if replies >= budgets.FEW:
        return None
    text = ngettext(
        "The budget is nearly used up: it covers about %(count)d more reply.",
        "The budget is nearly used up: it covers about %(count)d more replies.",
        replies,
    )
    return Allowance(exhausted=False, text=text % {"count": replies})


def allowance_of(session_id: uuid.UUID, language: str) -> Allowance | None:
    """The same for a session by its key, in this language."""
    with translation.override(language):
        return allowance(Session.objects.get(pk=session_id))
