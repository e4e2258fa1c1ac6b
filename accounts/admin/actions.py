"""What actions on several rows have in common: refusals are said one by one, and links are shown once."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.services import OneTimeLink, RuleBrokenError

Row = TypeVar("Row")


def for_each(request: HttpRequest, rows: Iterable[Row], act: Callable[[Row], object]) -> int:
    """Act on each row, say which refused and why, and count those that did not."""
    done = 0
    for row in rows:
        try:
            act(row)
        except RuleBrokenError as error:
            messages.error(request, f"{row}: {error}")
        else:
            done += 1
    return done


def show_links(request: HttpRequest, rows: Iterable[Row], make: Callable[[Row], OneTimeLink]) -> HttpResponse | None:
    """A page with a one-time link for each row that did not refuse; back to the list when all did."""
    links: list[OneTimeLink] = []
    for_each(request, rows, lambda row: links.append(make(row)))
    return render(request, "accounts/one_time_links.html", {"links": links}) if links else None
