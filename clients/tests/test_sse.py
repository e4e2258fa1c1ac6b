"""The event stream of the Messages API, read from bytes in any cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.voices.base import Ending
from clients.voices.sse import MessageStream
from monitoring.pricing import Usage


def event(kind: str, **data: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data}, ensure_ascii=False)}\n\n".encode()


def whole(text: str, stop_reason: str = "end_turn") -> bytes:
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    return b"".join(
        [
            event("message_start", message={"usage": usage}),
            event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            b": a comment\n\n",
            event("ping"),
            *(event("content_block_delta", index=0, delta={"type": "text_delta", "text": c}) for c in text),
            event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
            event("content_block_stop", index=0),
            event(
                "message_delta", delta={"stop_reason": stop_reason}, usage={"output_tokens": 42, "input_tokens": None}
            ),
            event("message_stop"),
        ]
    )


@given(st.text(max_size=30), st.lists(st.integers(0, 3_000), max_size=8), st.booleans())
def test_the_text_is_the_same_however_the_bytes_are_cut(text: str, cuts: list[int], windows_lines: bool) -> None:
    data = whole(text)
    if windows_lines:
        data = data.replace(b"\n", b"\r\n")
    stream, heard, last = MessageStream(), "", 0
    for cut in [*sorted(cuts), len(data)]:
        heard += stream.feed(data[last:cut])
        last = max(last, cut)
    assert heard == text
    assert stream.ending is Ending.COMPLETE
    assert stream.usage == Usage(input=10, output=42, cache_write=5, cache_read=7)


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("end_turn", Ending.COMPLETE),
        ("stop_sequence", Ending.COMPLETE),
        ("max_tokens", Ending.TRUNCATED),
        ("model_context_window_exceeded", Ending.TRUNCATED),
        ("refusal", Ending.REFUSED),
        ("tool_use", None),
        ("something_new", None),
    ],
)
def test_only_known_stop_reasons_end_a_reply(reason: str, ending: Ending | None) -> None:
    stream = MessageStream()
    stream.feed(whole("Hi", reason))
    assert stream.ending is ending


def test_a_stream_without_message_stop_has_no_ending() -> None:
    stream = MessageStream()
    stream.feed(whole("Hi").removesuffix(event("message_stop")))
    assert stream.ending is None


def test_nothing_counted_is_no_usage_rather_than_zero() -> None:
    stream = MessageStream()
    stream.feed(event("message_start", message={}) + event("message_delta", delta={}))
    assert stream.usage is None


def test_an_error_event_is_remembered_with_the_providers_words() -> None:
    stream = MessageStream()
    stream.feed(event("error", error={"type": "overloaded_error", "message": "Overloaded"}))
    assert stream.error == ("overloaded_error", "Overloaded")
    stream.feed(event("error"))
    assert stream.error == ("", "")


def test_what_is_not_json_is_a_failure_and_not_text_and_takes_no_text_along() -> None:
    stream = MessageStream()
    assert (
        stream.feed(
            event("content_block_delta", index=0, delta={"text": "Good. "})
            + b"event: content_block_delta\ndata: {oops\n\n"
        )
        == "Good. "
    )
    assert isinstance(stream.failure, ValueError)


def test_events_are_known_by_what_they_say_and_not_by_their_name() -> None:
    delta = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Well"}}\n\n'
    for head in (
        b"event: content_block_delta\n",
        b"event:content_block_delta\n",
        b"",
        b"id: 7\nevent: content_block_delta\n",
    ):
        assert MessageStream().feed(head + delta) == "Well"
