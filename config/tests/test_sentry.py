"""Where a school names a place for them, errors are reported there: where it broke, and nothing that anybody said."""

import logging
from collections.abc import Iterator

import pytest
import sentry_sdk

from config import sentry
from config.tests.inbox import Inbox, running_inbox
from monitoring import logs

SAID = "I steal from my grandmother"
KEY = "sk-ant-api03-AbC_dEf-123456"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with running_inbox() as inbox:
        yield inbox
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


def test_an_error_arrives_with_its_place_and_ids_and_without_what_was_said(inbox: Inbox) -> None:
    sentry.report_to(inbox.dsn)
    logger = logging.getLogger("rapport.turns")
    try:
        said = f"{SAID} {KEY}"
        raise ValueError(said)  # noqa: TRY301
    except ValueError as error:
        with logs.about(turn_id="turn-1", request_id="edge-12345678"):
            logger.exception("turn %s broke with %s", "turn-1", error, extra={"body": SAID})  # noqa: TRY401
    sentry_sdk.flush(5)
    event = inbox.events[0]
    assert event["logentry"]["message"] == "turn turn-1 broke with ValueError"
    assert event["tags"] == {"turn_id": "turn-1", "request_id": "edge-12345678"}
    value = event["exception"]["values"][0]
    assert (value["type"], value["value"]) == ("ValueError", "ValueError")
    assert value["stacktrace"]["frames"][-1]["function"].startswith("test_an_error_arrives")
    everything = "\n".join(inbox.bodies)
    assert "grandmother" not in everything
    assert "sk-ant" not in everything
    assert not {"request", "extra", "breadcrumbs", "user", "modules"} & set(event)


def test_an_error_without_an_exception_arrives_and_a_warning_does_not(inbox: Inbox) -> None:
    sentry.report_to(inbox.dsn)
    logging.getLogger("rapport.turns").warning("only a warning")
    logging.getLogger("rapport.turns").error("nobody answers")
    sentry_sdk.flush(5)
    assert [event["logentry"]["message"] for event in inbox.events] == ["nobody answers"]


def test_without_a_place_nothing_is_reported() -> None:
    assert not sentry_sdk.get_client().is_active()
