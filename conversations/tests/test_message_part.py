"""A message as a page shows it."""

import uuid
from typing import Any

import pytest
from django.template.loader import render_to_string

from conversations.models import Message

PERSON = {"client": {"name": "Maria Lopez"}, "client_id": uuid.UUID(int=7)}


def shown(message: Message, **context: Any) -> str:
    page = render_to_string("conversations/_message.html", {**PERSON, "message": message, **context})
    return " ".join(page.split())


def reply(**fields: Any) -> Message:
    return Message(sequence=2, role=Message.Role.CLIENT, content="Well.", **{"reply_to_id": uuid.uuid4(), **fields})


def test_what_was_said_is_never_markup() -> None:
    page = shown(Message(sequence=1, role=Message.Role.STUDENT, content="<b>bold</b>"))
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("truncated", "length limit"),
        ("stopped", "was stopped"),
        ("interrupted", "cut off"),
        ("failed", "Maria Lopez could not answer this time"),
        ("refused", "held back"),
        ("superseded", "Replaced by a new reply"),
    ],
)
def test_a_reply_that_is_not_whole_says_why_beneath_itself(status: str, words: str) -> None:
    assert words in shown(reply(status=status))


def test_a_whole_reply_has_no_note() -> None:
    assert '<p class="message-note" hidden> </p>' in shown(reply())


def test_a_replaced_reply_without_text_is_left_out() -> None:
    assert shown(Message(sequence=2, role="client", content="", status="superseded")) == ""


def test_a_new_attempt_is_offered_only_at_replies_and_only_where_asked_for() -> None:
    assert "data-retry" in shown(reply(status="failed"), can_retry=True)
    assert "data-retry" not in shown(reply(status="failed"))
    assert "data-retry" not in shown(Message(sequence=1, role="student", content="Hi"), can_retry=True)


def test_cost_and_reply_time_are_shown_only_to_those_who_may_see_them() -> None:
    message = reply(token_count=1280, cost_microusd=2100, response_ms=1380)
    page = shown(message, show_cost=True)
    assert "1280 tokens · $0.0021 · 1.4 s" in page
    assert "$" not in shown(message)


def test_a_reply_that_nobody_timed_shows_no_time() -> None:
    assert " s</span>" not in shown(reply(), show_cost=True)


def test_who_spoke_is_named_to_readers_and_called_you_to_the_speaker() -> None:
    said = Message(sequence=1, role="student", content="Hi")
    assert ">You</h2>" in shown(said)
    assert ">Sam &lt;Okafor&gt;</h2>" in shown(said, student_name="Sam <Okafor>")
    assert ">Maria Lopez</h2>" in shown(reply(), student_name="Sam")
    assert ">Note</h2>" in shown(Message(sequence=1, role="system", content="Paused"))


def test_an_opening_line_that_no_model_wrote_counts_no_tokens() -> None:
    page = shown(reply(reply_to_id=None, token_count=20), show_cost=True)
    assert "Well." in page
    assert "tokens" not in page
