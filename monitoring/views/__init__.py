"""The views of monitoring, one file for each subject, and what views that hand out files have in common."""

from http import HTTPStatus

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from monitoring import limits
from monitoring.models import RateLimit


def wait_for_file(request: HttpRequest) -> HttpResponse | None:
    """None while this person may take another file, else the page that says when: each costs many rows to read."""
    try:
        with transaction.atomic():
            limits.admit((RateLimit.Name.EXPORTS_PER_PERSON, str(request.user.pk)))
    except limits.LimitReachedError as reached:
        page = render(request, "429.html", {"sentence": str(reached)}, status=HTTPStatus.TOO_MANY_REQUESTS)
        page.headers["Retry-After"] = str(reached.retry_after)
        return page
    return None
