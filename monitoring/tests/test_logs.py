"""Lines of the log are JSON, say what they are about, and hold neither what people said nor what opens a door."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import User
from monitoring import logs

SAID = "I steal from my grandmother"


class Told:
    """What a logger wrote in one of the two formats."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.addFilter(logs.Discreet())
        handler.setFormatter(formatter)
        self.logger = logging.getLogger("rapport.test")
        self.handler = handler

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(params=[logs.JsonLine, logs.Line], ids=["json", "line"])
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    told = Told(request.param())
    root = logging.getLogger("rapport")
    root.addHandler(told.handler)
    # Only ours: pytest's own handlers would keep their form of a traceback in the record.
    root.propagate = False
    yield told
    root.propagate = True
    root.removeHandler(told.handler)


json_only = pytest.mark.parametrize("told", [logs.JsonLine], ids=["json"], indirect=True)


@json_only
def test_a_line_says_when_where_how_bad_and_what_it_is_about(told: Told) -> None:
    with logs.about(request_id="abc", user_id=lambda: None):
        logs.know(session_id=7)
        told.logger.warning("broke %d times", 3, extra={"body": SAID})
    told.logger.info("ended")
    first, second = told.rows
    assert first.pop("time")[10] == "T"
    assert first.pop("process").rpartition(":")[2].isdigit()
    assert first == {
        "level": "WARNING", "logger": "rapport.test", "message": "broke 3 times", "request_id": "abc",
        "session_id": "7",
    }  # fmt: skip
    assert "request_id" not in second
    assert "session_id" not in second


def test_an_exception_is_told_with_its_frames_and_without_its_words(told: Told) -> None:
    try:
        raise ValueError(SAID)  # noqa: TRY301
    except ValueError as error:
        told.logger.exception("it broke: %s", error)  # noqa: TRY401
        told.logger.error("it broke: %(error)s", {"error": error})  # noqa: TRY400
        # As asyncio and Celery do.
        told.logger.error("future: " + repr(error), exc_info=error)  # noqa: G003, TRY400
    assert "grandmother" not in told.text
    assert "it broke: ValueError" in told.text
    assert "future: ValueError" in told.text
    assert "test_logs.py" in told.text


def test_developers_read_the_words_of_exceptions_without_keys(told: Told, settings: Any) -> None:
    settings.DEBUG = True
    try:
        raise ValueError("sk-ant-1234567 of a friend")  # noqa: TRY301
    except ValueError as error:
        told.logger.exception("it broke: %s", error)  # noqa: TRY401
    assert "ValueError: […] of a friend" in told.text
    assert "it broke: […] of a friend" in told.text
    assert "sk-ant" not in told.text


def test_a_line_for_people_ends_with_what_it_is_about(told: Told) -> None:
    with logs.about(turn_id="t-1"):
        told.logger.warning("slow")
    assert "turn_id" in told.text


@pytest.mark.django_db
@json_only
def test_each_request_has_a_line_with_its_route_and_who_asked_and_no_address(
    told: Told, client: Browser, student: User
) -> None:
    logging.getLogger("rapport.access").setLevel(logging.INFO)
    client.force_login(student)
    answer = client.get("/nowhere/secret-token?q=secret", headers={"X-Request-ID": "edge-12345678"})
    assert answer.headers["X-Request-ID"] == "edge-12345678"
    other = client.get("/", headers={"X-Request-ID": "no id: <script>"})
    assert len(other.headers["X-Request-ID"]) == 32
    client.get("/healthz")
    rows = [row for row in told.rows if row["logger"] == "rapport.access"]
    assert [(row["method"], row["route"], row["status"]) for row in rows] == [
        ("GET", "none", 404),
        ("GET", "home", other.status_code),
    ]
    assert rows[0]["request_id"] == "edge-12345678"
    assert rows[1]["user_id"] == str(student.pk)
    assert rows[1]["ms"] >= 0
    assert "secret" not in told.text


def test_djangos_lines_about_a_request_name_its_route_and_not_its_path() -> None:
    class Request:
        path = "/invitations/secret-token/"
        resolver_match = None

    record = logging.LogRecord("django.request", 30, "", 1, "%s: %s (%s)", ("Not Found", Request.path, 404), None)
    record.request = Request()
    logs.Discreet().filter(record)
    assert record.getMessage() == "Not Found: none (404)"


@pytest.mark.parametrize(("status", "is_told"), [(403, False), (400, False), (500, True)])
def test_who_was_refused_is_a_line_and_only_a_fault_has_a_traceback(told: Told, status: int, is_told: bool) -> None:
    try:
        int(SAID)
    except ValueError:
        told.logger.warning("Refused", exc_info=True, extra={"status_code": status})
    assert "Refused" in told.text
    assert ("test_logs.py" in told.text) is is_told


def test_a_second_filter_leaves_a_line_as_it_is() -> None:
    record = logging.LogRecord("x", 30, "", 1, "100%% of %s", ("it",), None)
    for _ in range(2):
        logs.Discreet().filter(record)
    assert record.getMessage() == "100% of it"


def test_a_traceback_that_another_handler_has_worded_is_worded_again(told: Told) -> None:
    record = logging.LogRecord("rapport.test", 40, "", 1, "it broke", (), (ValueError, ValueError(SAID), None))
    logging.Formatter().format(record)
    assert "grandmother" in str(record.exc_text)
    told.logger.handle(record)
    assert "ValueError" in told.text
    assert "grandmother" not in told.text
