"""The first things that a request meets: it gets an id, and what no page could read is refused."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

from monitoring import logs, metrics

access = logging.getLogger("rapport.access")

# What machines ask every few seconds is worth a line only to who looks for everything.
PROBES = {"healthz", "readyz", "metrics"}
REQUEST_ID = "X-Request-ID"


class ObserveMiddleware:
    """Gives each request an id (the caller's where it looks like one), says what became of it, and counts it.

    Neither line nor count has more of the address than the name of its route: paths may hold tokens.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        number = logs.request_id(request.headers.get(REQUEST_ID, ""))
        with logs.about(request_id=number, user_id=lambda: signed_in(request)):
            response = self.get_response(request)
            seconds = time.perf_counter() - started
            route = logs.route_of(request)
            method, status = request.method or "", response.status_code
            said = {"method": method, "route": route, "status": status, "ms": round(seconds * 1_000)}
            level = logging.DEBUG if route in PROBES else logging.INFO
            access.log(level, "%(method)s %(route)s %(status)d %(ms)d ms", said, extra=said)
            metrics.count_request(method, route, status, seconds)
        response.headers[REQUEST_ID] = number
        return response


def signed_in(request: HttpRequest) -> object:
    """The id of whoever made the request, if a page has asked already: a line of the log asks no database."""
    return getattr(getattr(request, "_cached_user", None), "pk", None)


UTF8 = {"utf-8", "utf8", "us-ascii"}


class RefuseUnreadableMiddleware:
    """Answers 400 in plain text to forms that are not UTF-8 and to NUL in addresses and cookies.

    Django raises on such a form, and again while it makes the page for that error, so that the database connection is
    never given back; and PostgreSQL cannot even look for a NUL. No browser sends either.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        charset = (request.content_params or {}).get("charset", "utf-8").lower()
        address = f"{request.path}?{request.META.get('QUERY_STRING', '')}"
        if charset not in UTF8:
            return HttpResponseBadRequest("Send this as UTF-8.\n", content_type="text/plain")
        if "\0" in address or "%00" in address or any("\0" in value for value in request.COOKIES.values()):
            return HttpResponseBadRequest("This address cannot be read.\n", content_type="text/plain")
        return self.get_response(request)
