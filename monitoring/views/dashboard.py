"""The dashboard's routes: the panels anew, each as a file, the cost sheet, and what is seen to."""

import uuid
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.contrib import admin, messages
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from monitoring import alerts, dashboard, errors
from monitoring.cells import BOM, csv_lines
from monitoring.dashboard import costs, log, runbook
from monitoring.models import Alert, ErrorEntry, ErrorKind
from monitoring.tables import Table
from monitoring.views import wait_for_file

R = TypeVar("R", bound=HttpResponseBase)
LINES = 500
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@require_safe
def part(request: HttpRequest) -> HttpResponse:
    """The panels as they are now, for the page that shows them."""
    return render(request, "monitoring/dashboard/_board.html")


@require_safe
def panel_json(request: HttpRequest, panel: str) -> HttpResponse:
    """What a panel shows, as JSON: its state in words, and each of its tables by name."""
    content = _content(request, panel)
    found = {
        "panel": panel,
        "as_of": (content.as_of or timezone.now()).isoformat(),
        "state": str(content.state),
        **{table.key: table.records for table in content.files},
    }
    answer = JsonResponse(found, json_dumps_params={"ensure_ascii": False, "indent": 1})
    return _saved(answer, f"{panel}.json")


@require_safe
def panel_csv(request: HttpRequest, panel: str, table: str) -> HttpResponse:
    """One table of a panel as CSV; no cell of it runs as a formula."""
    found: Table | None = next((one for one in _content(request, panel).files if one.key == table), None)
    if found is None:
        raise Http404
    text = BOM + "".join(csv_lines([found.head, *found.lines]))
    return _saved(HttpResponse(text, content_type=TYPES["csv"]), f"{panel}-{table}.csv")


@require_safe
def cost_sheet(request: HttpRequest, ending: str) -> HttpResponseBase:
    """The cost sheet of the days asked for (`first`, `last`), streamed."""
    user = request.user
    if not user.has_perm(dashboard.MONEY):
        raise Http404
    try:
        asked = costs.Range.read(request.GET.get("first", ""), request.GET.get("last", ""))
    except costs.RangeError as error:
        messages.error(request, str(error))
        return redirect("admin:index")
    if refused := wait_for_file(request):
        return refused
    lines = (costs.as_csv if ending == "csv" else costs.as_json)(asked, by=user)
    pieces = _as_it_comes(lines) if isinstance(request, ASGIRequest) else lines
    return _saved(StreamingHttpResponse(pieces, content_type=TYPES[ending]), f"costs-{asked}.{ending}")


@require_safe
def runbook_section(request: HttpRequest, kind: str) -> HttpResponse:
    """What to do about an alert of this kind, as the runbook has it."""
    if not request.user.has_perm("monitoring.view_alert") or kind not in Alert.Kind.values:
        raise Http404
    context = {
        **admin.site.each_context(request),
        "title": _("What to do: %(kind)s") % {"kind": Alert.Kind(kind).label},
        "paragraphs": runbook.paragraphs(kind),
        "file": runbook.RUNBOOK,
    }
    return render(request, "monitoring/dashboard/runbook.html", context)


@require_POST
def alert_seen_to(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Keep that this person has seen to an alert."""
    user = request.user
    if not user.has_perm(log.SEES_TO_ALERTS):
        raise Http404
    alert = get_object_or_404(Alert, pk=pk)
    if alerts.acknowledge(by=user, alerts=[alert]):
        admin.site.get_model_admin(Alert).log_change(request, alert, _("Seen to."))
    return _back("alerts")


@require_POST
def error_seen_to(request: HttpRequest, kind: str) -> HttpResponse:
    """Keep that this person has seen to the errors of a kind, as far as they have come."""
    user = request.user
    if not user.has_perm(log.SEES_TO_ERRORS) or not ErrorEntry.objects.filter(kind=kind).exists():
        raise Http404
    errors.acknowledge(by=user, kinds=[kind])
    row = ErrorKind.objects.get(kind=kind)
    admin.site.get_model_admin(ErrorKind).log_change(request, row, _("Seen to."))
    return _back("errors")


def _content(request: HttpRequest, key: str) -> dashboard.Content:
    """What a panel shows this person; 404 where they may not see it."""
    panel = dashboard.find(key, request.user)
    if panel is None:
        raise Http404
    return panel.content(dashboard.Look(request.user))


async def _as_it_comes(lines: Iterator[str]) -> AsyncIterator[str]:
    """The same, some hundred lines at a time: a server that is asynchronous would else wait for all of them."""
    while piece := await sync_to_async(lambda: "".join(islice(lines, LINES)))():
        yield piece


def _saved(answer: R, name: str) -> R:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _back(panel: str) -> HttpResponse:
    return redirect(f"{reverse('admin:index')}#panel-{panel}")
