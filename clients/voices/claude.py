"""The Messages protocol, which Claude speaks, and DeepSeek and Ollama: a reply's arguments, and the call by the SDK."""

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import Any

import anthropic
from django.conf import settings

from clients import state
from clients.personas import clarifying
from clients.personas.snapshot import TutorSnapshot
from clients.voices.base import VoiceRequest
from clients.voices.memory import recall
from clients.voices.scripted import Line
from clients.voices.sse import MessageStream
from clients.voices.streamed import TRANSPORT, StreamedSpeech
from monitoring.providers import KEY_NAME

# The API wants the student to speak first; this stands in where the client did.
BEGINNING = "(The conversation begins.)"
CACHE = {"type": "ephemeral"}
# Effort is a parameter of the fifth generation; older models answer it with 400.
TAKES_EFFORT = re.compile(r"claude-[a-z]+-5")


def conversation(history: Sequence[Line], note: str) -> list[dict[str, Any]]:
    """What was said as API messages, cached up to the last student message, with the client's state after the cache.

    The state moves every turn and is never stored in the history, so it must not come before the breakpoint.
    """
    said: list[tuple[str, str]] = [("user", BEGINNING)] if not history or history[0].role != "student" else []
    for line in history:
        role = "user" if line.role == "student" else "assistant"
        if said and said[-1][0] == role:
            said[-1] = (role, f"{said[-1][1]}\n\n{line.text}")
        else:
            said.append((role, line.text))
    messages: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in said]
    last = {"type": "text", "text": messages[-1]["content"], "cache_control": CACHE}
    messages[-1]["content"] = [last, {"type": "text", "text": note}] if note else [last]
    return messages


def parameters(request: VoiceRequest) -> dict[str, Any]:
    """The keyword arguments of `messages.create`, in the order that caching wants: prompt, history, state."""
    if isinstance(request.snapshot, TutorSnapshot):
        note = clarifying.note(replies_in(request.history), request.snapshot.language)
    else:
        note = state.block(recall(request.snapshot, request.history), request.snapshot)
    note = "\n".join(part for part in (note, request.reminder) if part)
    return reply_parameters(request.prompt, request.history, note, request.model, request.max_tokens)


def replies_in(history: Sequence[Line]) -> list[str]:
    """What was answered so far."""
    return [line.text for line in history if line.role != "student"]


def reply_parameters(prompt: str, history: Sequence[Line], note: str, model: str, max_tokens: int) -> dict[str, Any]:
    """The same for whoever speaks: the note is about this moment and is never cached, "" for none."""
    arguments: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "system": [{"type": "text", "text": prompt, "cache_control": CACHE}],
        "messages": conversation(history, note),
        # On by default in the fifth generation, and the main threat to cost and to the first word.
        "thinking": {"type": "disabled"},
    }
    if TAKES_EFFORT.match(model):
        arguments["output_config"] = {"effort": settings.MODEL_EFFORT}
    return arguments


class ClaudeSpeech(StreamedSpeech):
    """One streamed reply in the Messages protocol; the arguments are those of `messages.create`."""

    reader = MessageStream

    @property
    def sdk(self) -> ModuleType:
        """Anthropic's."""
        return anthropic

    def new_client(self, **options: Any) -> Any:
        """The SDK's client, over aiohttp."""
        client = anthropic.AsyncAnthropic(**options, http_client=anthropic.DefaultAioHttpClient(**TRANSPORT))
        if self.endpoint.key_name != KEY_NAME:
            # Those of the environment are meant for the provider of the settings.
            client._custom_headers = {}
        return client

    def request(self, client: Any) -> AbstractAsyncContextManager[Any]:
        """The request with its body unread."""
        request: AbstractAsyncContextManager[Any] = client.messages.with_streaming_response.create(
            **self.arguments, stream=True
        )
        return request
