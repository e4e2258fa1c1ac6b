"""Error reports to Sentry, or what speaks its protocol: where something broke, and nothing that anybody said."""

import logging
from collections.abc import Iterable
from typing import Any, cast

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.types import Event, Hint

from monitoring import logs
from monitoring.redaction import chain, without_secrets, words_of

# What an event may have; all else, such as the request with its cookies, stays here.
KEPT = (
    "event_id", "timestamp", "level", "logger", "platform", "exception", "logentry", "transaction", "server_name",
    "release", "environment", "sdk", "tags",
)  # fmt: skip

_OFF: Any = {"mode": "off"}
# Of requests, people, prompts and variables the SDK gathers nothing; `discreet` would leave it out once more.
NOTHING_ABOUT_PEOPLE: Any = {
    "user_info": False,
    "cookies": _OFF,
    "http_headers": {"request": _OFF},
    "http_bodies": [],
    "url_query_params": _OFF,
    "graphql": {"document": False, "variables": False},
    "gen_ai": {"inputs": False, "outputs": False},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
}


def report_to(dsn: str) -> None:
    """Report from now on what this process logs as an error, and what ends it."""
    sentry_sdk.init(
        dsn=dsn,
        # Named one by one: those that come by themselves send requests, prompts and queries along.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            ExcepthookIntegration(),
            ThreadingIntegration(),
            DedupeIntegration(),
            AtexitIntegration(callback=_say_nothing),
        ],
        data_collection=NOTHING_ABOUT_PEOPLE,
        max_breadcrumbs=0,
        traces_sample_rate=None,
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=discreet,
    )


def discreet(event: Event, hint: Hint) -> Event:
    """The event with nothing that an exception quotes, and with the ids that the log has of it."""
    whole = cast("dict[str, Any]", event)
    kept = {name: whole[name] for name in KEPT if name in whole}
    kept["tags"] = logs.known()
    if "logentry" in kept:
        # The filter of the log has been over it.
        message = kept["logentry"].get("formatted") or kept["logentry"].get("message", "")
        kept["logentry"] = {"message": without_secrets(message)}
    if "exception" in kept:
        said = {type(one).__qualname__: words_of(one) for one in _exceptions(hint)}
        for value in kept["exception"]["values"]:
            value["value"] = said.get(value.get("type"), "")
            for frame in (value.get("stacktrace") or {}).get("frames", ()):
                frame.pop("vars", None)
    return cast("Event", kept)


def _exceptions(hint: Hint) -> Iterable[BaseException]:
    error = (hint.get("exc_info") or (None, None, None))[1]
    return chain(error) if error else ()


def _say_nothing(pending: int, timeout: float) -> None:
    """The SDK's own word at the end would stand in the middle of the log."""
