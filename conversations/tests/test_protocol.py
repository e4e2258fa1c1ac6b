"""The language of the socket: what is read, what is refused and why."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations import protocol
from conversations.protocol import Ping, ProtocolError, Resume, Retry, Send, Stop

KEY = uuid.uuid4()


def frame(**values: object) -> str:
    return json.dumps(values)


def refused(text: str | None) -> str:
    with pytest.raises(ProtocolError) as problem:
        protocol.read(text)
    assert str(problem.value)
    return problem.value.code


def test_each_kind_of_frame_is_read() -> None:
    assert protocol.read(frame(type="send", client_key=str(KEY), text="Hi", extra=1)) == Send(KEY, "Hi")
    assert protocol.read(frame(type="stop", message=str(KEY))) == Stop(KEY)
    assert protocol.read(frame(type="retry", message=str(KEY))) == Retry(KEY)
    assert protocol.read(frame(type="resume", after=0)) == Resume(0)
    assert protocol.read(frame(type="ping")) == Ping()


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", "1", '"send"', "[" * 100_000, frame(type="sing"), frame(), frame(type=["send"])],
    ids=["binary", "empty", "cut", "array", "number", "string", "deep", "unknown type", "no type", "odd type"],
)
def test_a_frame_that_says_nothing_we_know_is_answered_as_invalid(text: str | None) -> None:
    assert refused(text) == "invalid"


@pytest.mark.parametrize("after", [None, -1, "1", 1.5, True, 2**31])
def test_resume_wants_a_number_from_zero_up(after: object) -> None:
    assert refused(frame(type="resume", after=after)) == "invalid"


@pytest.mark.parametrize("key", [None, 5, "", "not-a-uuid", ["x"]])
def test_ids_must_be_uuids(key: object) -> None:
    assert refused(frame(type="send", client_key=key, text="Hi")) == "invalid"
    assert refused(frame(type="stop", message=key)) == "invalid"


def test_a_refused_text_names_its_key_and_the_limit() -> None:
    with pytest.raises(ProtocolError) as problem:
        protocol.read(frame(type="send", client_key=str(KEY), text="x" * 50_000))
    assert problem.value.code == "too_long"
    assert problem.value.client_key == str(KEY)
    assert "8000" in str(problem.value)
    assert "50000" in str(problem.value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("a\0b", "invalid"),
        ("a\ud800b", "invalid"),
        (7, "invalid"),
        (None, "invalid"),
    ],
)
def test_text_that_cannot_be_kept_is_refused(text: object, code: str) -> None:
    assert refused(frame(type="send", client_key=str(KEY), text=text)) == code


@pytest.mark.parametrize("text", ["👩‍👩‍👧‍👦", "\u202eabc", "ñandú", "x" * 8000, "<b>bold</b>"])
def test_every_other_text_is_taken_as_it_is(text: str) -> None:
    assert protocol.read(frame(type="send", client_key=str(KEY), text=text)) == Send(KEY, text)


@given(st.text())
def test_whatever_arrives_is_followed_or_refused_but_never_breaks(text: str) -> None:
    try:
        protocol.read(text)
    except ProtocolError as problem:
        assert problem.code in {"invalid", "empty", "too_long"}  # noqa: PT017  (both ways out are right)


@given(st.text(max_size=50), st.integers(1, 1000))
def test_deltas_go_over_the_wire_and_back_unchanged(text: str, index: int) -> None:
    assert json.loads(protocol.delta(KEY, index, text)) == {
        "type": "delta",
        "message": str(KEY),
        "index": index,
        "text": text,
    }
