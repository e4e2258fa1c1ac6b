"""How pages of any app answer: a list to htmx, a button with a sentence, and a question before loss."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from accounts.services import RuleBrokenError


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page; a page restored from history is asked for whole."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request


def render_list(request: HttpRequest, page: str, part: str, context: dict[str, object]) -> HttpResponse:
    """A list as a whole page, or for htmx its changing part alone."""
    response = render(request, part if wants_part(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def do_and_say(request: HttpRequest, act: Callable[[], object], done: str) -> bool:
    """Do it and say so, or say why not; whether it was done."""
    try:
        act()
    except RuleBrokenError as error:
        messages.error(request, str(error))
        return False
    messages.success(request, done)
    return True


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks before something is done: the title, what follows from it, the button, and the way back."""

    title: str
    text: str
    action: str
    back: str
    danger: bool = False


def ask(request: HttpRequest, question: Question) -> HttpResponse:
    """The page with the question; its button sends the same address."""
    return render(request, "confirm.html", {"question": question})
