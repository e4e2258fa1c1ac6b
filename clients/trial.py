"""Trying the voice: whether key and model work, how fast the first word comes, and what a reply costs."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from clients.prompts import system_prompt
from clients.snapshot import ClientSnapshot, Fact
from clients.state import BLOCK_TOKENS
from clients.voices import Speech, VoiceError, VoiceRequest, speak, voice_for_new_sessions
from clients.voices.base import Fault
from clients.voices.calling import call
from clients.voices.claude import reply_parameters
from clients.voices.scripted import Line
from clients.voices.speaking import CLAUDE
from clients.voices.structured import SHARE_OF_A_STEP
from monitoring import breakers, pricing, services
from monitoring.models import ModelPrice, Reservation
from monitoring.providers import endpoint_of

# Small and made up, so that the trial costs next to nothing and needs no client in the database.
SOMEBODY = ClientSnapshot(
    name="Robin Hale",
    age=41,
    background="Robin Hale runs a small garden shop and has come about a parking fine.",
    traits=("practical", "humorous"),
    communication_style="brief",
    scenario="A short talk at a counter.",
    reason="A parking fine.",
    difficulty="gentle",
    facts=(
        Fact("fine", "surface", 0, ("I got a fine for parking at my own shop. Forty dollars.",), ("fine", "bring")),
    ),
)
QUESTION = "Hello, what brings you here today?"
TRIAL, REHEARSAL = "trial", "rehearsal"
KINDS = (TRIAL, REHEARSAL)
# Longer than any trial takes: what is still held then belongs to a process that died.
FORGOTTEN = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Trial:
    """How a voice did. `fault` is None when it spoke; times are in milliseconds, the cost in micro-dollars.

    `advice` is what to do about a fault, in plain words, and `detail` what the provider said.
    """

    voice: str
    model: str
    reply: str
    first_text_ms: int | None
    total_ms: int
    cost_microusd: int
    fault: Fault | None = None
    advice: str = ""
    detail: str = ""


def advice_for(fault: Fault) -> str:
    """What whoever runs the portal can do about a fault of the provider."""
    return {
        Fault.AUTHENTICATION: _("The key was refused, or there is none. Check the provider's key in the environment."),
        Fault.PERMISSION: _("The key may not use this model. Check the rights of the key with the provider."),
        Fault.RATE_LIMIT: _("The provider asks to slow down. Try again in a minute, or ask it for a higher limit."),
        Fault.SPEND_CAP: _("The spending limit at the provider is reached. Raise it there, or wait."),
        Fault.OVERLOADED: _("The provider is overloaded. Try again in a few minutes."),
        Fault.TIMEOUT: _("No answer came in time. Check the network and the provider's address, then try again."),
        Fault.CONNECTION: _("The provider could not be reached. Check the network and the provider's address."),
        Fault.INVALID_REQUEST: _("The provider does not know this model, or refused the request. Check its name."),
        Fault.SERVER: _("The provider had a failure of its own. Try again in a few minutes."),
        Fault.EMPTY: _("The model said nothing. If it thinks before it speaks, switch that off at the provider."),
    }[fault]  # fmt: skip


def try_voice(*, by: User | None, model: str = "") -> Trial:
    """Let the voice of this installation answer one sentence, and settle what it cost.

    `by` is who asked, None on the command line. Without a key the scripted voice is tried. A provider's fault is in the
    trial and not raised. Raises UnknownPriceError for a model without a price.
    """
    model = model or settings.MODEL_DEFAULT
    voice, _model = voice_for_new_sessions(model)
    heard = hear(
        by=by,
        kind=TRIAL,
        request=VoiceRequest(
            SOMEBODY, system_prompt(SOMEBODY), [Line("student", QUESTION)], model, settings.REPLY_MAX_TOKENS
        ),
        voice=voice,
    )
    if heard.error is None and voice == CLAUDE:
        breakers.succeeded(provider=endpoint_of(model).provider, model=model)
    trial = Trial(
        voice, model if voice == CLAUDE else "", heard.text, heard.first_text_ms, heard.total_ms, heard.cost_microusd
    )
    error = heard.error
    return replace(trial, fault=error.fault, advice=advice_for(error.fault), detail=str(error)) if error else trial


@dataclass(frozen=True, slots=True)
class TutorAsk:
    """One reply of a tutor: its composed prompt, what was said, and what it is told of this moment."""

    prompt: str
    history: Sequence[Line]
    note: str
    model: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply heard outside of any conversation, in milliseconds and micro-dollars; `error` is what went wrong."""

    text: str
    first_text_ms: int | None
    total_ms: int
    cost_microusd: int
    error: VoiceError | None


def hear(*, by: User | None, kind: str, request: VoiceRequest, voice: str) -> Heard:
    """One reply from beginning to end, in one call, reserved and settled under this kind.

    Raises UnknownPriceError and BudgetExhaustedError; a provider's fault is in what is returned.
    """
    request = replace(request, endpoint=endpoint_of(request.model))
    price = ModelPrice.objects.in_force(request.model) if voice == CLAUDE else pricing.free(voice)
    # One call, whatever the breaker says: the question is whether the model answers now.
    return _heard(by, kind, price, request, lambda reservation: speak(voice, request, reservation, patient=False))


def hear_tutor(*, by: User | None, kind: str, ask: TutorAsk) -> Heard:
    """The same for one reply of a tutor, which a model alone can give."""
    arguments = reply_parameters(ask.prompt, ask.history, ask.note, ask.model, ask.max_tokens)
    price = ModelPrice.objects.in_force(ask.model)
    return _heard(by, kind, price, ask, lambda _reservation: call(endpoint_of(ask.model), arguments))


def _heard(
    by: User | None,
    kind: str,
    price: pricing.Price,
    request: VoiceRequest | TutorAsk,
    begin: Callable[[Reservation], Speech],
) -> Heard:
    said = [line.text for line in request.history]
    most = pricing.most_tokens_of_prose(request.prompt) + pricing.most_tokens(*said) + BLOCK_TOKENS
    with transaction.atomic():
        reservation = services.reserve(
            by=by, kind=kind, scopes=[], price=price, amount_microusd=price.ceiling(most, request.max_tokens)
        )
    speech = begin(reservation)
    reply, first_text_ms, total_ms, error = async_to_sync(_listen)(speech)
    usage = speech.usage
    if usage is None and error is None:
        usage = pricing.Usage(
            input=pricing.estimate_tokens(request.prompt, *said), output=pricing.estimate_tokens(reply), estimated=True
        )
    cost = 0
    if usage is None:
        services.release(reservation=reservation)
    else:
        outcome = speech.ending or "interrupted"
        cost = services.settle(
            reservation=reservation, usage=usage, outcome=outcome, first_text_ms=first_text_ms, total_ms=total_ms
        ).cost_microusd
    if error is None and not (reply and speech.ending):
        error = VoiceError(Fault.SERVER, _("The reply was empty or cut."))
    return Heard(reply, first_text_ms, total_ms, cost, error)


def release_forgotten() -> int:
    """Give back what trials and rehearsals hold whose process died; how many."""
    held = Reservation.objects.filter(kind__in=KINDS, state=Reservation.State.HELD)
    forgotten = list(held.filter(created_at__lt=timezone.now() - FORGOTTEN))
    for reservation in forgotten:
        with suppress(services.AlreadySettledError):
            services.release(reservation=reservation)
    return len(forgotten)


async def _listen(speech: Speech) -> tuple[str, int | None, int, VoiceError | None]:
    """The words, milliseconds to the first and to the end, and what went wrong."""
    began = time.monotonic()
    words: list[str] = []
    first: int | None = None
    error: VoiceError | None = None
    try:
        # A job's step must be back before the job counts as silent, or another worker asks for the same reply.
        until = asyncio.get_running_loop().time() + settings.JOB_DEAD_SECONDS * SHARE_OF_A_STEP
        async with asyncio.timeout(settings.REPLY_FIRST_TEXT_SECONDS) as clock, aclosing(speech.__aiter__()) as pieces:
            async for piece in pieces:
                if first is None:
                    first = _since(began)
                    clock.reschedule(min(until, asyncio.get_running_loop().time() + settings.REPLY_TOTAL_SECONDS))
                words.append(piece)
    except TimeoutError:
        error = VoiceError(Fault.TIMEOUT, _("No answer came in time."))
    except VoiceError as raised:
        error = raised
    # As it can be stored: without NUL and lone halves of characters.
    text = "".join(words).replace("\0", "").encode("utf-8", "replace").decode()
    return text, first, _since(began), error


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)
