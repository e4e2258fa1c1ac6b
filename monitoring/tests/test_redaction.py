"""What is written down of an exception says where it broke, and nothing that anybody said."""

from typing import Any

import pytest
from django.db import IntegrityError

from monitoring.redaction import BLANK, described, traceback_of, without_echo, without_secrets, words_of

SAID = "I steal from my grandmother"


def broken(error: Exception, cause: Exception | None = None) -> Exception:
    """The exception as it comes out of a raise."""
    try:
        raise error from cause
    except type(error) as raised:
        return raised


def test_an_exception_that_quotes_a_value_is_written_down_by_its_class_alone() -> None:
    assert words_of(ValueError(SAID)) == "ValueError"
    assert words_of(IntegrityError(f"Failing row contains ({SAID})")) == "django.db.utils.IntegrityError"


def test_an_exception_that_speaks_of_code_or_connections_keeps_its_words_without_keys() -> None:
    assert words_of(TypeError("say() takes 1 argument")) == "TypeError: say() takes 1 argument"
    said = words_of(ConnectionRefusedError("no postgres://rapport:hunter2@db/ there"))
    assert "hunter2" not in said
    assert "no postgres://" in said


def test_where_it_broke_is_told() -> None:
    told = described(broken(ValueError(SAID)))
    assert "test_redaction.py, line" in told
    assert "in broken" in told
    assert described(ValueError(SAID)) == "ValueError"


def test_a_traceback_has_every_frame_and_no_word_of_what_led_to_it() -> None:
    told = traceback_of(broken(RuntimeError("outer " + SAID), broken(ValueError("inner " + SAID))))
    assert told.index("ValueError") < told.index("RuntimeError")
    assert "test_redaction.py" in told
    assert "inner" not in told
    assert SAID not in told


def test_exceptions_that_caused_each_other_in_a_circle_have_an_end() -> None:
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert traceback_of(first).count("Traceback") == 2


def test_what_a_provider_quotes_of_a_request_is_blanked_and_what_it_says_of_its_own_is_not() -> None:
    kept = without_echo(f'Error code: 400 - unexpected text "{SAID}" in messages.3', [f"... {SAID} ...", "prompt"])
    assert kept == f'Error code: 400 - unexpected text "I {BLANK} my {BLANK}" in messages.3'


@pytest.mark.parametrize(
    "text",
    [
        "Cookie: sessionid=abcdefghijkl; other=1",
        "{'password': 'abcdefghijkl'}",
        "csrfmiddlewaretoken=abcdefghijkl&x=1",
        "redis://:abcdefghijkl@cache:6379/0",
        "the token abcdefghijkl",
        "the database has abcdefghijkl",
    ],
)
def test_passwords_cookies_and_tokens_are_blanked_wherever_they_stand(
    settings: Any, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    settings.METRICS_TOKEN = "abcdefghijkl" if "token abc" in text else ""
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", "abcdefghijkl" if "database" in text else "")
    assert "abcdefghijkl" not in without_secrets(text)


def test_a_secret_so_short_that_it_is_a_word_takes_no_words_away(settings: Any) -> None:
    settings.ANTHROPIC_API_KEY = "any"
    assert without_secrets("not any more") == "not any more"
