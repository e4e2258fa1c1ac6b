"""The student's page of sections: joining one by its code, and those one is in."""

from http import HTTPStatus

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import services
from accounts.forms import JoinForm
from accounts.models import Section, SectionTeacher
from accounts.permissions import signed_in, students_only

PER_PAGE = 25


@students_only
def section_join(request: HttpRequest) -> HttpResponse:
    """Enter a code; below it the current sections with who teaches them. Too many wrong codes are answered with 429."""
    user = signed_in(request)
    form = JoinForm(request.POST or None)
    wait = 0
    if request.method == "POST" and form.is_valid():
        try:
            section = services.join_by_code(by=user, code=form.cleaned_data["code"])
        except services.RuleBrokenError as error:
            form.add_error("code", str(error))
            wait = error.retry_after if isinstance(error, services.TooManyTriesError) else 0
        else:
            messages.success(request, _("You are in %(section)s.") % {"section": section})
            return redirect("section-join")
    sections = Section.objects.current().visible_to(user).select_related("term").order_by("name", "id")
    page = Paginator(sections, PER_PAGE).get_page(request.GET.get("page"))
    teaching = SectionTeacher.objects.filter(section__in=list(page)).select_related("teacher").order_by("-part", "pk")
    names: dict[object, list[str]] = {}
    for row in teaching:
        names.setdefault(row.section_id, []).append(str(row.teacher))
    rows = [(section, ", ".join(names.get(section.pk, []))) for section in page]
    response = render(request, "accounts/section_join.html", {"form": form, "page_obj": page, "rows": rows})
    if wait:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response.headers["Retry-After"] = str(wait)
    return response
