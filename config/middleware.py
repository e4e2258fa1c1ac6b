"""The first thing that a request meets: what no page could read is refused before it costs anything."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

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
