"""What a conversation with a client will cost, before anyone starts it."""

from dataclasses import dataclass

from django.conf import settings

from clients.models import ClientProfile
from clients.prompts import system_prompt
from monitoring import pricing
from monitoring.models import ModelPrice
from monitoring.services import offered_models

# 30 messages: 15 of the student, 15 of the client.
EXCHANGES = 15
# Generous on purpose: a client's median reply is about 20 tokens, and a school should not be shown less than it pays.
STUDENT_TOKENS, REPLY_TOKENS = 30, 60
# The state block of each turn: at most 120 words, sent anew every time and never cached.
STATE_TOKENS = 160


@dataclass(frozen=True, slots=True)
class Estimate:
    """The price of a 30-message conversation with one model, in micro-dollars.

    chosen: the model speaks for the client now. above_warning: it costs more than settings.COST_WARNING_MICROUSD.
    """

    model: str
    microusd: int
    chosen: bool
    above_warning: bool


def estimates(client: ClientProfile) -> list[Estimate]:
    """One estimate for each model that is offered, in the order of the settings; one query for each and two more."""
    tokens = pricing.estimate_tokens(system_prompt(client.snapshot(), client.prompt_override))
    return [_estimate(client, model, tokens) for model in offered_models()]


def _estimate(client: ClientProfile, model: str, prompt_tokens: int) -> Estimate:
    price = ModelPrice.objects.in_force(model)
    cost = pricing.estimate_chat(
        price,
        prompt_tokens=prompt_tokens,
        exchanges=EXCHANGES,
        student_tokens=STUDENT_TOKENS,
        reply_tokens=REPLY_TOKENS,
    )
    cost += price.cost(pricing.Usage(input=EXCHANGES * STATE_TOKENS))
    return Estimate(
        model=model,
        microusd=cost,
        chosen=model == client.chosen_model,
        above_warning=cost > settings.COST_WARNING_MICROUSD,
    )
