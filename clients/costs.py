"""What a conversation with a client will cost, before anyone starts it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from clients.models import ClientProfile
from clients.prompts import system_prompt
from monitoring import pricing
from monitoring.models import ModelPrice
from monitoring.services import offered_models

# 30 messages: 15 of the student, 15 of the client.
EXCHANGES = 15
# The mean of turns as people speak them: half of them up to 15 words, one in ten 49 and more.
STUDENT_TOKENS, REPLY_TOKENS = 30, 30
# The median prompt of the built-in clients.
PROMPT_TOKENS = 2_100
# The mean state block, over the built-in clients: sent anew every time and never cached.
STATE_TOKENS = 125


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
    """One estimate for each model that is offered, in the order of the settings; a query for each and four more."""
    tokens = _prompt_tokens(client)
    return [_estimate(client, model, tokens) for model in offered_models()]


def estimate(client: ClientProfile, model: str, exchanges: int = EXCHANGES) -> int:
    """Micro-dollars of a conversation of so many exchanges. Raises UnknownPriceError."""
    return _cost(model, _prompt_tokens(client), exchanges)


def typical(models: Iterable[str]) -> list[tuple[str, int]]:
    """Each of these models with micro-dollars of a usual conversation with it; one query for each."""
    return [(model, _cost(model, PROMPT_TOKENS, EXCHANGES)) for model in models]


def _prompt_tokens(client: ClientProfile) -> int:
    return pricing.estimate_tokens(system_prompt(client.snapshot(), client.prompt_override))


def _estimate(client: ClientProfile, model: str, prompt_tokens: int) -> Estimate:
    cost = _cost(model, prompt_tokens, EXCHANGES)
    return Estimate(
        model=model,
        microusd=cost,
        chosen=model == client.chosen_model,
        above_warning=cost > settings.COST_WARNING_MICROUSD,
    )


def _cost(model: str, prompt_tokens: int, exchanges: int) -> int:
    price = ModelPrice.objects.in_force(model)
    talk = pricing.estimate_chat(
        price,
        prompt_tokens=prompt_tokens,
        exchanges=exchanges,
        student_tokens=STUDENT_TOKENS,
        reply_tokens=REPLY_TOKENS,
    )
    return talk + price.cost(pricing.Usage(input=exchanges * STATE_TOKENS))
