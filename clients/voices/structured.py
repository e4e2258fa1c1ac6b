"""Questions to a model whose answer is data: asked in one go, heard as a stream, and read by a schema."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import anthropic
from django.conf import settings
from pydantic import BaseModel, ValidationError

from clients.voices.base import Ending, Fault, VoiceError
from clients.voices.calling import call_patiently
from clients.voices.claude import CACHE, TAKES_EFFORT
from clients.voices.patience import Switchboard, switchboard
from clients.voices.streamed import hang_up
from monitoring.models import Reservation
from monitoring.pricing import Usage, estimate_usage, most_tokens
from monitoring.providers import Endpoint, endpoint_of

Value = TypeVar("Value", bound=BaseModel)
# Whoever asks from a job's step must be back before the job counts as silent.
SHARE_OF_A_STEP = 0.8


class Failure(StrEnum):
    """Why there is no answer although the model gave one: it refused, was cut at the limit, or said something else."""

    REFUSED = "refused"
    TRUNCATED = "truncated"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Question(Generic[Value]):
    """What is asked: the instruction, the text it is about, and the shape of the answer.

    Instruction and text are cached for some minutes, so that asking the same again costs little.
    """

    instruction: str
    text: str
    shape: type[Value]
    model: str
    max_tokens: int

    @property
    def most_tokens(self) -> int:
        """As many tokens as the question can have at most, its shape included."""
        return most_tokens(self.instruction, self.text, str(self._schema()))

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of `messages.create`."""
        output: dict[str, Any] = {"format": {"type": "json_schema", "schema": self._schema()}}
        if TAKES_EFFORT.match(self.model):
            output["effort"] = settings.MODEL_EFFORT
        text = {"type": "text", "text": self.text, "cache_control": CACHE}
        return {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "system": [{"type": "text", "text": self.instruction, "cache_control": CACHE}],
            "messages": [{"role": "user", "content": [text]}],
            "thinking": {"type": "disabled"},
            "output_config": output,
        }

    def _schema(self) -> dict[str, Any]:
        return anthropic.transform_schema(self.shape)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """What came of a question: the `value`, or else the provider's `error` or the `failure` of what the model said.

    `usage` is what it used, estimated where a cut left out the provider's counts; `calls` those to the provider.
    """

    value: Value | None
    usage: Usage
    calls: int
    total_ms: int
    error: VoiceError | None = None
    failure: Failure | None = None

    @property
    def outcome(self) -> str:
        """How it ended in a word, as the ledger keeps it."""
        return "failed" if self.error else self.failure or Ending.COMPLETE


def ask_all(questions: Sequence[Question[Value]], reservations: Sequence[Reservation]) -> list[Answer[Value]]:
    """Ask these at the same time and wait for all; the answers in the same order.

    A held reservation for each proves that the money was set aside; the caller settles them. A provider's failure is in
    the answer and not raised: the breaker, the pauses and the number of calls are those of a client's reply. For
    workers: it blocks for at most some 45 seconds, and needs a thread without an event loop.
    """
    if any(reservation.state != Reservation.State.HELD for reservation in reservations):
        raise ValueError("no model is called without a held reservation")
    # Where each is asked stands in the database, which no event loop may wait for.
    asked = [(question, endpoint_of(question.model)) for question in questions]
    return asyncio.run(_ask_all(asked)) if asked else []


async def _ask_all(asked: Sequence[tuple[Question[Value], Endpoint]]) -> list[Answer[Value]]:
    board = switchboard()
    try:
        return await asyncio.gather(*(_ask(question, endpoint, board) for question, endpoint in asked))
    finally:
        await hang_up()


async def _ask(question: Question[Value], endpoint: Endpoint, board: Switchboard) -> Answer[Value]:
    speech = call_patiently(endpoint, question.model, question.arguments, on_wait=None, board=board)
    began = time.monotonic()
    text, error = "", None
    try:
        async with asyncio.timeout(settings.JOB_DEAD_SECONDS * SHARE_OF_A_STEP), aclosing(aiter(speech)) as pieces:
            async for piece in pieces:
                text += piece
    except TimeoutError:
        error = VoiceError(Fault.TIMEOUT, "the answer was not whole in time")
    except VoiceError as raised:
        error = raised
    if error is None and speech.ending is None:
        error = VoiceError(Fault.CONNECTION, "the answer was cut")
    usage = speech.usage
    if text and (error or usage is None):
        usage = estimate_usage([question.instruction, question.text], text, usage)
    value, failure = (None, None) if error else _read(question.shape, text, speech.ending)
    return Answer(value, usage or Usage(), speech.calls, round((time.monotonic() - began) * 1_000), error, failure)


def _read(shape: type[Value], text: str, ending: Ending | None) -> tuple[Value | None, Failure | None]:
    """The value that the text is by this shape, or why it is none."""
    if ending is Ending.REFUSED:
        return None, Failure.REFUSED
    if ending is Ending.TRUNCATED:
        return None, Failure.TRUNCATED
    try:
        return shape.model_validate_json(text), None
    except ValidationError:
        return None, Failure.INVALID
