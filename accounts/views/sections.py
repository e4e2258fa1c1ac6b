"""Sections as staff see them: the list, one section with its people, its form, and the sheet to print."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.forms import SectionFilter, SectionForm, SectionTeacherForm, StudentFilter
from accounts.models import Enrolment, Section, SectionTeacher, User
from accounts.permissions import signed_in, staff_only
from accounts.services.links import site_url
from accounts.views.answers import do_and_say

PER_PAGE = 25
# A section has a handful; the page stays a page for one that has many.
MOST_TEACHERS = 50


@staff_only
@require_safe
def section_list(request: HttpRequest) -> HttpResponse:
    """Sections that one teaches (admins: all), current or archived, by words and term."""
    user = signed_in(request)
    form = SectionFilter(request.GET)
    chosen = form.chosen()
    archived = request.GET.get("archived") == "yes"
    visible = Section.objects.visible_to(user)
    counts = visible.aggregate(
        current=Count("pk", filter=Q(archived_at=None)), archived=Count("pk", filter=Q(archived_at__isnull=False))
    )
    found = visible.filter(archived_at__isnull=not archived).matching(chosen.get("q", ""))
    if "term" in chosen:
        found = found.filter(term=chosen["term"])
    rows = found.with_students().select_related("term").order_by("name", "course_code", "id")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    leads: dict[uuid.UUID, list[str]] = {}
    teaching = SectionTeacher.objects.filter(section__in=list(page), part=SectionTeacher.Part.LEAD)
    for row in teaching.select_related("teacher").order_by("pk"):
        leads.setdefault(row.section_id, []).append(str(row.teacher))
    query = {name: str(value) for name, value in chosen.items()} | ({"archived": "yes"} if archived else {})
    context = {
        "form": form,
        "page_obj": page,
        "rows": [(section, ", ".join(leads.get(section.pk, []))) for section in page],
        "counts": counts,
        "archived": archived,
        "filtering": bool(chosen),
        "query": urlencode(query),
    }
    return render(request, "accounts/section_list.html", context)


@staff_only
def section_new(request: HttpRequest) -> HttpResponse:
    """The form for a new section: a teacher leads it, an admin names who does."""
    user = signed_in(request)
    form = SectionForm(request.POST or None, by=user)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_section(by=user, **form.cleaned_data)
        except services.RuleBrokenError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(section)s is ready. Now let the students in.") % {"section": made})
            return redirect("section", made.pk)
    return render(request, "accounts/section_form.html", {"form": form})


@staff_only
def section_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Change name, course code, term and dates; only for those who lead the section."""
    user = signed_in(request)
    section = get_object_or_404(Section.objects.led_by(user).select_related("term"), pk=pk)
    title = str(section)
    form = SectionForm(request.POST or None, instance=section, by=user)
    if request.method == "POST" and form.is_valid():
        services.change_section(by=user, section=section, **form.cleaned_data)
        messages.success(request, _("The section is saved."))
        return redirect("section", pk)
    return render(request, "accounts/section_form.html", {"form": form, "section": section, "title": title})


@staff_only
@require_safe
def section(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One section: students (`q`, `show=removed`), teachers with their part, join code and open invitations."""
    return _section_page(request, _visible(request, pk), SectionTeacherForm())


@staff_only
@require_POST
def section_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Out of use, nothing deleted; only for those who lead the section."""
    section, user = _led(request, pk), signed_in(request)
    done = _("%(section)s is archived. Conversations and results are kept.") % {"section": section}
    return _answer(request, section, lambda: services.archive_section(by=user, section=section), done)


@staff_only
@require_POST
def section_reopen(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Back into use; only for those who lead the section."""
    section, user = _led(request, pk), signed_in(request)
    done = _("%(section)s is open again, with everyone who was in it.") % {"section": section}
    return _answer(request, section, lambda: services.reopen_section(by=user, section=section), done)


@staff_only
@require_POST
def section_code(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A new join code (`code=new`), or none."""
    section, user = _visible(request, pk), signed_in(request)
    if request.POST.get("code") == "new":
        done = _("The section has a new code. An older one no longer works.")
        return _answer(request, section, lambda: services.renew_code(by=user, section=section), done)
    done = _("Joining by code is off. Whoever has joined stays.")
    return _answer(request, section, lambda: services.switch_off_code(by=user, section=section), done)


@staff_only
@never_cache
def section_sheet(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A page to print with address and code; asked by POST, also a fresh one-time link for each who has not come."""
    section, user = _visible(request, pk), signed_in(request)
    links: list[services.OneTimeLink] = []
    if request.method == "POST":
        try:
            links = services.renew_links(by=user, section=section)
        except services.RuleBrokenError as error:
            messages.error(request, str(error))
            return redirect("section", pk)
    context = {
        "section": section,
        "links": links,
        "waiting": services.count_awaited(by=user, section=section),
        "address": site_url(reverse("section-join")),
    }
    return render(request, "accounts/section_sheet.html", context)


@staff_only
@require_POST
def teacher_add(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One more teacher, as lead or assistant; only for those who lead the section."""
    section, user = _led(request, pk), signed_in(request)
    form = SectionTeacherForm(request.POST)
    if not form.is_valid():
        return _section_page(request, section, form)
    teacher, part = form.cleaned_data["teacher"], SectionTeacher.Part(form.cleaned_data["part"])
    done = _("%(name)s now teaches this section.") % {"name": teacher}
    return _answer(
        request, section, lambda: services.add_teacher(by=user, section=section, teacher=teacher, part=part), done
    )


@staff_only
@require_POST
def teacher_part(request: HttpRequest, pk: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    """Make a teacher of the section lead (`part=lead`), or else assistant."""
    section, user = _led(request, pk), signed_in(request)
    teacher = get_object_or_404(section.teachers, pk=person)
    lead = request.POST.get("part") == SectionTeacher.Part.LEAD
    part = SectionTeacher.Part.LEAD if lead else SectionTeacher.Part.ASSISTANT
    done = (_("%(name)s now leads this section.") if lead else _("%(name)s now assists in this section.")) % {
        "name": teacher
    }
    return _answer(
        request, section, lambda: services.change_part(by=user, section=section, teacher=teacher, part=part), done
    )


@staff_only
@require_POST
def teacher_remove(request: HttpRequest, pk: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    """End a teacher's part in the section."""
    section, user = _led(request, pk), signed_in(request)
    teacher = get_object_or_404(section.teachers, pk=person)
    done = _("%(name)s no longer teaches this section.") % {"name": teacher}
    return _answer(request, section, lambda: services.remove_teacher(by=user, section=section, teacher=teacher), done)


@staff_only
@require_POST
def student_remove(request: HttpRequest, pk: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    """End a student's place; the page that follows offers the return."""
    section, user = _visible(request, pk), signed_in(request)
    enrolment = get_object_or_404(Enrolment, section=section, student=person)
    services.remove_from_section(by=user, enrolment=enrolment)
    return redirect(f"{reverse('section', args=[pk])}?{urlencode({'removed': str(person)})}")


@staff_only
@require_POST
def student_return(request: HttpRequest, pk: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    """Give a removed student the place back."""
    section, user = _visible(request, pk), signed_in(request)
    enrolment = get_object_or_404(Enrolment.objects.select_related("student"), section=section, student=person)
    done = _("%(name)s is in the section again.") % {"name": enrolment.student}
    return _answer(request, section, lambda: services.return_to_section(by=user, enrolment=enrolment), done)


def _visible(request: HttpRequest, pk: uuid.UUID) -> Section:
    return get_object_or_404(Section.objects.visible_to(signed_in(request)).select_related("term"), pk=pk)


def _led(request: HttpRequest, pk: uuid.UUID) -> Section:
    return get_object_or_404(Section.objects.led_by(signed_in(request)).select_related("term"), pk=pk)


def _answer(request: HttpRequest, section: Section, act: Callable[[], object], done: str) -> HttpResponse:
    """Do it, say so, and go back to the section, or to the list for whoever no longer sees it."""
    do_and_say(request, act, done)
    if not Section.objects.visible_to(signed_in(request)).filter(pk=section.pk).exists():
        return redirect("section-list")
    return redirect("section", section.pk)


def _section_page(request: HttpRequest, section: Section, teacher_form: SectionTeacherForm) -> HttpResponse:
    user = signed_in(request)
    text, removed = StudentFilter(request.GET).words(), request.GET.get("show") == "removed"
    enrolments = Enrolment.objects.filter(section=section)
    counts = enrolments.aggregate(
        here=Count("pk", filter=Q(removed_at=None)), removed=Count("pk", filter=Q(removed_at__isnull=False))
    )
    found = enrolments.filter(removed_at__isnull=not removed).matching(text).select_related("student")
    page = Paginator(found.order_by("student__display_name", "student__email"), PER_PAGE)
    teaching = list(
        SectionTeacher.objects.filter(section=section)
        .select_related("teacher")
        .order_by("-part", "teacher__display_name", "pk")[:MOST_TEACHERS]
    )
    query = ({"q": text} if text else {}) | ({"show": "removed"} if removed else {})
    context: dict[str, Any] = {
        "section": section,
        "page_obj": page.get_page(request.GET.get("page")),
        "q": text,
        "showing_removed": removed,
        "counts": counts,
        "query": urlencode(query),
        "teaching": teaching,
        "may_lead": _may_lead(user, teaching),
        "teacher_form": teacher_form,
        "waiting": services.count_awaited(by=user, section=section),
        "just_removed": _just_removed(request, section),
        "address": site_url(reverse("section-join")),
    }
    return render(request, "accounts/section.html", context)


def _may_lead(user: User, teaching: list[SectionTeacher]) -> bool:
    return user.is_admin or any(row.teacher_id == user.pk and row.part == SectionTeacher.Part.LEAD for row in teaching)


def _just_removed(request: HttpRequest, section: Section) -> User | None:
    """Whom the page before removed, while they still are."""
    try:
        person = uuid.UUID(request.GET.get("removed", ""))
    except ValueError:
        return None
    return User.objects.filter(pk=person, enrolments__section=section, enrolments__removed_at__isnull=False).first()
