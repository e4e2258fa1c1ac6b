"""Conversations to take away: one as a file at once, many as a job, and the page to choose what goes into it."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.permissions import signed_in
from accounts.views.answers import render_list
from conversations import export_jobs, exports
from conversations.export_forms import ExportFilter, ExportForm
from conversations.models import Session, TranscriptReading
from conversations.models.session import SessionQuerySet
from conversations.readings import log_reading
from conversations.session_forms import TaughtFilter
from monitoring.cells import BOM
from monitoring.views import wait_for_file

# Some two seconds of work; a longer one is drawn in the background.
LONGEST_PDF = 400

Writer = Callable[[exports.Talk], bytes]


def _csv(talk: exports.Talk) -> bytes:
    figures = "tokens" in talk.data
    rows = [exports.csv_header(talk.data, figures=figures, notes=False)]
    rows += [list(row) for row in exports.csv_rows(talk, figures=figures, notes=False)]
    return (BOM + exports.csv_text(rows)).encode()


def _file(ending: str, content_type: str, write: Writer) -> Callable[..., HttpResponse]:
    """The view that hands out one conversation as a file, or a page that says when the next one may be taken."""

    @login_required
    @never_cache
    @require_safe
    def view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        user = signed_in(request)
        session = get_object_or_404(exports.exportable(Session.objects.visible_to(user)), pk=pk)
        if ending == "pdf" and session.last_sequence > LONGEST_PDF:
            return redirect(f"{reverse('export-new')}?{urlencode({'session': str(pk), 'format': 'pdf'})}")
        if refused := wait_for_file(request):
            return refused
        (talk,) = exports.talks([session], by=user, choice=exports.Choice(figures=True))
        log_reading(by=user, session=session, how=TranscriptReading.How.EXPORT)
        client = slugify(talk.data["client"]) or "client"
        name = f"conversation-{client}-{timezone.localtime(session.started_at):%Y-%m-%d-%H%M}.{ending}"
        return HttpResponse(
            write(talk),
            content_type=content_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
        )

    return view


transcript_markdown = _file("md", "text/markdown; charset=utf-8", lambda talk: "".join(exports.markdown(talk)).encode())
transcript_text = _file("txt", "text/plain; charset=utf-8", lambda talk: "".join(exports.plain_text(talk)).encode())
transcript_pdf = _file("pdf", "application/pdf", export_jobs.pdf_of)
transcript_csv = _file("csv", "text/csv; charset=utf-8", _csv)
transcript_json = _file("json", "application/json", lambda talk: exports.json_text(talk).encode())


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def export_new(request: HttpRequest) -> HttpResponse:
    """Choose conversations by the address and what goes into the files, see how many they are, and start the job."""
    user = signed_in(request)
    sent = request.method == "POST"
    chosen = _filter(request.POST if sent else request.GET, user)
    sessions = _sessions(chosen, user)
    form = ExportForm(request.POST if sent else None, by=user, initial=_initial(request))
    if sent and form.is_valid():
        if refused := wait_for_file(request):
            return refused
        try:
            job = export_jobs.start_export(
                by=user,
                sessions=sessions,
                file_format=export_jobs.Format(form.cleaned_data["format"]),
                choice=form.choice(),
            )
        except export_jobs.ExportRuleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The export has begun. Its files appear on this page."))
            return redirect("job", job.pk)
    context = {
        "filter": chosen,
        "form": form,
        "number": sessions.count(),
        "single": bool(chosen.is_valid() and chosen.cleaned_data.get("session")),
        "running": export_jobs.running_export(user),
    }
    return render_list(request, "conversations/export.html", "conversations/_export_number.html", context)


def _filter(data: QueryDict, user: User) -> ExportFilter:
    """What chooses: one conversation, a student's own, or those that staff look after, as their list has them."""
    one_or_own = user.is_student or data.get("session")
    return ExportFilter(data, by=user) if one_or_own else TaughtFilter(data, by=user)


def _sessions(chosen: ExportFilter, user: User) -> SessionQuerySet:
    """The conversations that this person sees among those that are chosen."""
    found = chosen.sessions()
    if not isinstance(chosen, TaughtFilter) or not chosen.is_valid():
        return found
    if text := chosen.cleaned_data["q"]:
        found = found.filter(pk__in=Session.objects.filter(messages__content__says=text).order_by().values("pk"))
    return found.supervised_by(user)


def _initial(request: HttpRequest) -> dict[str, str]:
    wanted = request.GET.get("format", "")
    return {"format": wanted} if wanted in export_jobs.Format.values else {}
