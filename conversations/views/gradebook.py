"""The gradebook of a section: scores on a page, and the same as files for Canvas and Moodle."""

import uuid
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Section, User
from accounts.permissions import signed_in, staff_only
from conversations import exports
from conversations.gradebook import FORMATS, Gradebook, assignments_of, gradebook, students_of
from conversations.models import Assignment
from monitoring.cells import BOM
from monitoring.views import wait_for_file

PER_PAGE = 25


@staff_only
@never_cache
@require_safe
def section_gradebook(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Students by scores, 25 a page: graded work, all of it (`work=all`) or one `assignment`; `by=client` splits it."""
    user = signed_in(request)
    section = _section(user, pk)
    one = _assignment(request, section, user)
    page = Paginator(students_of(section), PER_PAGE).get_page(request.GET.get("page"))
    book = _book(request, section, one, list(page))
    query = urlencode(_chosen(request, one))
    context = {
        "section": section,
        "assignment": one,
        "book": book,
        "page_obj": page,
        "query": query,
        "all_work": _wants_practice(request),
        "by_client": _wants_clients(request),
    }
    return render(request, "conversations/gradebook.html", context)


@staff_only
@never_cache
@require_safe
def gradebook_file(request: HttpRequest, pk: uuid.UUID, program: str) -> HttpResponse:
    """The whole gradebook as CSV for `canvas` or `moodle`; the address chooses as the page's does."""
    user = signed_in(request)
    section = _section(user, pk)
    if program not in FORMATS:
        raise Http404
    if refused := wait_for_file(request):
        return refused
    one = _assignment(request, section, user)
    book = _book(request, section, one, list(students_of(section)))
    content = BOM + exports.csv_text(FORMATS[program](book), quote_all=False)
    name = f"gradebook-{program}-{slugify(str(section)) or 'section'}-{timezone.localdate():%Y-%m-%d}.csv"
    return HttpResponse(
        content.encode(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


def _section(user: User, pk: uuid.UUID) -> Section:
    return get_object_or_404(Section.objects.visible_to(user), pk=pk)


def _assignment(request: HttpRequest, section: Section, user: User) -> Assignment | None:
    """The one that the address names; 404 for one of another section."""
    try:
        key = uuid.UUID(request.GET.get("assignment", ""))
    except ValueError:
        return None
    return get_object_or_404(Assignment.objects.visible_to(user).filter(section=section), pk=key)


def _book(request: HttpRequest, section: Section, one: Assignment | None, students: list[User]) -> Gradebook:
    """These students' scores for what the address chooses: the one assignment, graded work, or all of it."""
    return gradebook(
        section=section,
        assignments=[one] if one else assignments_of(section, by=signed_in(request), practice=_wants_practice(request)),
        students=students,
        by_client=_wants_clients(request),
    )


def _wants_practice(request: HttpRequest) -> bool:
    return request.GET.get("work") == "all"


def _wants_clients(request: HttpRequest) -> bool:
    return request.GET.get("by") == "client"


def _chosen(request: HttpRequest, one: Assignment | None) -> dict[str, Any]:
    chosen: dict[str, Any] = {"assignment": one.pk} if one else {}
    chosen |= {"work": "all"} if _wants_practice(request) else {}
    return chosen | ({"by": "client"} if _wants_clients(request) else {})
