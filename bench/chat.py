"""Replies by chat completions, as the stand-in gives them.

https://platform.openai.com/docs/api-reference/chat-streaming and https://docs.mistral.ai/api.
"""

from typing import Any

from bench.replies import Reply, chunk, dump

# What Mistral's documentation names; any other field is refused.
MISTRAL_FIELDS = {
    "model", "messages", "max_tokens", "stream", "stop", "temperature", "top_p", "random_seed", "metadata",
    "response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "n", "prediction",
    "parallel_tool_calls", "prompt_mode", "reasoning_effort", "safe_prompt",
}  # fmt: skip
REASONS = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}
ROLES = {"system", "user", "assistant"}


def chat_problem_of(body: Any, *, strict: bool) -> str:
    """Why the real API would refuse this body, or nothing."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return "model: Field required"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    if any(m.get("role") not in ROLES or not isinstance(m.get("content"), str) or not m["content"] for m in messages):
        return "messages: each needs a role and a content"
    if messages[-1]["role"] == "assistant":
        return "Expected last role User or Tool for serving but got assistant"
    unknown = sorted(set(body) - MISTRAL_FIELDS) if strict else []
    return f"{unknown[0]}: Extra inputs are not permitted" if unknown else ""


class ChatReply(Reply):
    """One completion, resolved and ready to be sent."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        _book, body, modes, _arrived = arguments
        asked = bool((body.get("stream_options") or {}).get("include_usage"))
        self.counts = "last" if modes.strict else "apart" if asked else ""
        if modes.fault == "no-usage":
            self.counts = ""
        self.prompt = sum(self.usage.values())

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        value = {
            "id": self.id, "object": "chat.completion.chunk", "created": 1_700_000_000, "model": self.model,
            "choices": choices, **more,
        }  # fmt: skip
        return b"data: %b\n\n" % dump(value)

    def _choice(self, delta: dict[str, Any], reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": reason}]

    def _usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt, "completion_tokens": self.count, "total_tokens": self.prompt + self.count,
        }  # fmt: skip

    def opening(self) -> bytes:
        """The chunk that names the role."""
        return chunk(self._chunk(self._choice({"role": "assistant", "content": ""})))

    def before_text(self) -> bytes:
        """What a model thinks before it speaks, where its maker shows it."""
        thought = self._chunk(self._choice({"reasoning_content": "Hm."}))
        return b"".join(chunk(thought) for _ in range(self.modes.thinking)) or chunk(self.ping())

    def text(self, number: int) -> bytes:
        """One delta, not yet in a chunk."""
        return self._chunk(self._choice({"content": self.piece(number)}))

    def delta(self, number: int) -> bytes:
        """One delta as an HTTP chunk."""
        return chunk(self.text(number))

    def broken(self, message: str) -> bytes:
        """An error in mid-stream."""
        return b"data: %b\n\n" % dump({"error": {"message": message, "type": "overloaded_error", "code": None}})

    def ping(self) -> bytes:
        """A comment."""
        return b": keep-alive\n\n"

    def closing(self) -> bytes:
        """The reason, the counts where they are due, and the end."""
        last = self._choice({"content": ""}, REASONS[self.stop])
        counts = {"usage": self._usage()}
        end = self._chunk(last, **(counts if self.counts == "last" else {}))
        if self.counts == "apart":
            end += self._chunk([], **counts)
        return end + b"data: [DONE]\n\n"

    def message(self, content: list[dict[str, Any]], stop: str | None, output_tokens: int) -> dict[str, Any]:
        """The completion without streaming."""
        said = {"role": "assistant", "content": "".join(block["text"] for block in content)}
        return {
            "id": self.id, "object": "chat.completion", "created": 1_700_000_000, "model": self.model,
            "choices": [{"index": 0, "message": said, "finish_reason": REASONS[stop or "end_turn"]}],
            "usage": self._usage(),
        }  # fmt: skip
