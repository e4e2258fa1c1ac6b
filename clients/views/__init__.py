"""The pages on which teachers write and keep clients, and how any list answers htmx."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page; a page restored from history is asked for whole."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request


def render_list(request: HttpRequest, page: str, part: str, context: dict[str, object]) -> HttpResponse:
    """A list as a whole page, or for htmx its changing part alone."""
    response = render(request, part if wants_part(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
