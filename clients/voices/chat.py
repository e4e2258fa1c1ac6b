"""Chat completions, the protocol of Mistral and others, by the openai SDK, which is an extra (docs/providers.md)."""

import json
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import Any

from clients.voices.base import Ending
from clients.voices.sse import EventStream, believable
from clients.voices.streamed import TRANSPORT, StreamedSpeech
from monitoring.pricing import Usage
from monitoring.providers import Endpoint

# https://platform.openai.com/docs/api-reference/chat/streaming and https://docs.mistral.ai/api (`model_length`).
ENDINGS = {
    "stop": Ending.COMPLETE,
    "length": Ending.TRUNCATED,
    "model_length": Ending.TRUNCATED,
    "content_filter": Ending.REFUSED,
}
# Mistral's and DeepSeek's words for a failure of theirs in the middle of a reply.
BROKEN = {"error": "api_error", "insufficient_system_resource": "overloaded_error"}
DONE = b"[DONE]"


def chat_arguments(arguments: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """The keyword arguments of `chat.completions.create` that say what these of `messages.create` do.

    Breakpoints of the cache have no like: who speaks this protocol caches beginnings unasked, or not at all.
    """
    said = [("system", arguments["system"]), *((one["role"], one["content"]) for one in arguments["messages"])]
    translated: dict[str, Any] = {
        "model": arguments["model"],
        # Not `max_completion_tokens`, which Mistral refuses.
        "max_tokens": arguments["max_tokens"],
        "messages": [{"role": role, "content": _text(content)} for role, content in said],
    }
    if answer := arguments.get("output_config", {}).get("format"):
        schema = {"name": "answer", "schema": answer["schema"], "strict": True}
        translated["response_format"] = {"type": "json_schema", "json_schema": schema}
    if endpoint.asks_usage:
        translated["stream_options"] = {"include_usage": True}
    return translated


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n\n".join(block["text"] for block in content)


class ChatStream(EventStream):
    """One streamed completion; `[DONE]` is the mark of its end."""

    usage: Usage | None = None

    def read(self, data: bytes) -> str:
        """The text of one chunk."""
        if data == DONE:
            self.ending = ENDINGS.get(self._stop_reason or "")
            return ""
        return self._note(json.loads(data))

    def _note(self, chunk: dict[str, Any]) -> str:
        if error := chunk.get("error"):
            told = error if isinstance(error, dict) else {"message": error}
            self.error = (str(told.get("type") or told.get("code") or ""), str(told.get("message", "")))
            return ""
        if isinstance(usage := chunk.get("usage"), dict):
            self.usage = _usage(usage)
        # The chunk that brings the counts has no choices.
        for choice in chunk.get("choices") or []:
            self._stop_reason = choice.get("finish_reason") or self._stop_reason
            if self._stop_reason in BROKEN:
                self.error = (BROKEN[self._stop_reason], self._stop_reason)
            return _said((choice.get("delta") or {}).get("content"))
        return ""


def _said(content: str | list[dict[str, Any]] | None) -> str:
    """The words of a delta; Mistral's models that think send a list of parts, of which only text is said aloud."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _usage(counted: dict[str, Any]) -> Usage:
    """The counts in our terms: what was read from a cache is part of theirs of the prompt."""
    prompt, output = (believable(counted.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
    details = counted.get("prompt_tokens_details") or {}
    cached = min(believable(details.get("cached_tokens") or counted.get("prompt_cache_hit_tokens") or 0), prompt)
    return Usage(input=prompt - cached, output=output, cache_read=cached)


class ChatSpeech(StreamedSpeech):
    """One streamed reply by chat completions; the arguments are given as those of `messages.create`."""

    reader = ChatStream

    def __init__(self, endpoint: Endpoint, arguments: dict[str, Any]) -> None:
        super().__init__(endpoint, chat_arguments(arguments, endpoint))

    @property
    def sdk(self) -> ModuleType:
        """OpenAI's, loaded when it is needed: it is an extra."""
        import openai

        return openai

    def new_client(self, **options: Any) -> Any:
        """The SDK's client, over aiohttp, with nothing of the environment that was meant for OpenAI."""
        import openai

        client = openai.AsyncOpenAI(**options, http_client=openai.DefaultAioHttpClient(**TRANSPORT))
        client.organization = client.project = None
        client._custom_headers = {}
        return client

    def request(self, client: Any) -> AbstractAsyncContextManager[Any]:
        """The request with its body unread."""
        request: AbstractAsyncContextManager[Any] = client.chat.completions.with_streaming_response.create(
            **self.arguments, stream=True
        )
        return request
