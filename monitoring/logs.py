"""Logs: lines that say which request, conversation, turn and person they are about, and nothing that anybody said."""

import logging
import os
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from django.conf import settings
from pythonjsonlogger.json import JsonFormatter

from monitoring.redaction import chain, traceback_of, without_secrets, words_of

Known = Mapping[str, object]
# What a line of the access log says besides.
ACCESS_FIELDS = ("method", "route", "status", "ms")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_known: ContextVar[Known] = ContextVar("rapport_known", default=MappingProxyType({}))


def know(**ids: object) -> None:
    """From here on lines say this too, in this task or thread and in those that it starts.

    A callable is asked when a line is written: it must be cheap, and may return None.
    """
    _known.set({**_known.get(), **ids})


def forget() -> None:
    """From here on lines say nothing of what they are about."""
    _known.set({})


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Lines of this block say this too."""
    token = _known.set({**_known.get(), **ids})
    try:
        yield
    finally:
        _known.reset(token)


def known() -> dict[str, str]:
    """What lines say now, by field."""
    values = {name: value() if callable(value) else value for name, value in _known.get().items()}
    return {name: str(value) for name, value in values.items() if value is not None}


def process_name() -> str:
    """Machine and process number, for people."""
    return f"{socket.gethostname()}:{os.getpid()}"


def request_id(offered: str = "") -> str:
    """The id that a proxy or a caller gave a request, if it looks like one, else a new one."""
    return offered if _ID.fullmatch(offered) else uuid.uuid4().hex


class Discreet(logging.Filter):
    """Puts into each record what it is about, and takes out of it what people said.

    Exceptions quote values (the row that breaks a constraint, what a provider was sent): of most only the class stays.
    With DEBUG=true, which is for developers, they keep their words.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: nothing is dropped."""
        if not hasattr(record, "known"):
            record.known = known()
            said = record.getMessage() if settings.DEBUG else _message(record)
            record.msg, record.args = without_secrets(said), None
            # A traceback that another handler has put into words, whole, is put into ours.
            record.exc_text = None
            if HTTPStatus.BAD_REQUEST <= getattr(record, "status_code", 0) < HTTPStatus.INTERNAL_SERVER_ERROR:
                # Somebody was refused, which is no fault: the line says it.
                record.exc_info = None
        return True


def _message(record: logging.LogRecord) -> str:
    """The message, with an exception among its arguments by its class, and a path, which may hold a token, by route."""
    request = getattr(record, "request", None)
    path = getattr(request, "path", None)

    def shown(value: object) -> object:
        if isinstance(value, BaseException):
            return words_of(value)
        return route_of(request) if path and isinstance(value, str) and path in value else value

    if isinstance(record.args, tuple):
        record.args = tuple(map(shown, record.args))
    elif isinstance(record.args, Mapping):
        record.args = {name: shown(value) for name, value in record.args.items()}
    text = record.getMessage()
    if isinstance(record.exc_info, tuple) and record.exc_info[1]:
        for error in chain(record.exc_info[1]):
            # Celery and asyncio write it into the message too.
            for quoted in (repr(error), str(error)):
                text = text.replace(quoted, words_of(error)) if len(quoted) > 3 else text
    return text


def route_of(request: Any) -> str:
    """The name of the route that a request was for; paths may hold tokens."""
    match = getattr(request, "resolver_match", None)
    return match.view_name or match.route if match else "none"


class Line(logging.Formatter):
    """A line for people: time, level, logger, message, and what it is about."""

    converter: Callable[..., time.struct_time] = time.gmtime
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """The message and the ids."""
        ids = " ".join(f"{name}={value}" for name, value in getattr(record, "known", {}).items())
        return f"{super().formatMessage(record)} {ids}".rstrip()

    def formatException(self, ei: Any) -> str:  # noqa: N802  (logging's name)
        """The traceback without what exceptions quote."""
        return _traceback(ei, super().formatException)


class JsonLine(JsonFormatter):
    """A line for machines: one JSON object with time, level, logger, message, process and what it is about."""

    def __init__(self) -> None:
        super().__init__(timestamp="time", json_ensure_ascii=False)

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Our own fields alone: what a library adds to its records may hold anything."""
        log_data["time"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z"
        log_data |= {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        log_data |= {"process": process_name(), **getattr(record, "known", {})}
        if record.name == "rapport.access":
            log_data |= {name: getattr(record, name) for name in ACCESS_FIELDS}
        if "exc_info" in message_dict:
            log_data["exception"] = message_dict["exc_info"]

    def formatException(self, ei: Any) -> str:  # noqa: N802  (logging's name)
        """The traceback without what exceptions quote."""
        return _traceback(ei, super().formatException)


def _traceback(exc_info: Any, whole: Callable[[Any], Any]) -> str:
    return without_secrets(str(whole(exc_info))) if settings.DEBUG else traceback_of(exc_info[1])
