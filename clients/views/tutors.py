"""Tutors on pages: which personas a section allows, and which tutor a person prefers."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Section, User
from accounts.permissions import role_required, signed_in, staff_only
from accounts.services import RuleBrokenError
from clients import tutors
from clients.models import SectionPersonas, TutorPreference
from clients.tutor_forms import PreferenceForm, SectionPersonasForm

# Whoever talks with tutors, or decides about them: the other staff are people of the administration alone.
learners_and_teachers = role_required(User.Role.STUDENT, User.Role.TEACHER, User.Role.ADMIN)


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def section_tutors(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A tick for each persona that the students of a section may choose."""
    user = signed_in(request)
    section = get_object_or_404(Section.objects.current().visible_to(user), pk=pk)
    personas = list(tutors.personas_now().values())
    form = SectionPersonasForm(
        request.POST if request.method == "POST" else None, personas=personas, allowed=tutors.allowed_in(section)
    )
    if request.method == "POST" and form.is_valid():
        keys = form.cleaned_data["allowed"]
        tutors.allow(by=user, section=section, keys=keys)
        messages.success(request, _said_of(section, len(keys), of=len(personas)))
        return redirect("section", section.pk)
    choice = SectionPersonas.objects.filter(section=section).select_related("chosen_by").first()
    context = {"section": section, "personas": personas, "form": form, "choice": choice}
    return render(request, "clients/section_tutors.html", context)


def _said_of(section: Section, chosen: int, *, of: int) -> str:
    if not chosen:
        words = _("Students of %(section)s have no tutor now.")
    elif chosen == of:
        words = _("Students of %(section)s may choose any tutor, also one that is added later.")
    else:
        words = _("Saved: students of %(section)s may choose the tutors that you ticked.")
    return words % {"section": section}


@learners_and_teachers
@require_http_methods(["GET", "HEAD", "POST"])
def preference(request: HttpRequest) -> HttpResponse:
    """Which tutor one prefers, for what; with what it will be told."""
    user = signed_in(request)
    form, kept = _preference_form(request)
    if request.method == "POST" and form.is_valid():
        key = form.cleaned_data["persona"]
        try:
            tutors.prefer(by=user, persona=key, learner=form.learner)
        except RuleBrokenError as error:
            form.add_error("persona", str(error))
        else:
            messages.success(request, _("Saved. Your tutor is: %(tutor)s.") % {"tutor": form.personas[key].title})
            return redirect("tutor-preference")
    context = {
        "form": form,
        "personas": form.personas.values(),
        "told": form.told(),
        "lost": kept is not None and kept.persona not in form.personas,
    }
    return render(request, "clients/tutor_preference.html", context)


@learners_and_teachers
@require_POST
def preference_told(request: HttpRequest) -> HttpResponse:
    """What the tutor would be told by what stands in the form; nothing is saved. Sent, so that no log has the words."""
    form, _kept = _preference_form(request)
    return render(request, "clients/_tutor_told.html", {"told": form.told()})


def _preference_form(request: HttpRequest) -> tuple[PreferenceForm, TutorPreference | None]:
    """The form as it was sent, else as it was saved; and what was saved."""
    user = signed_in(request)
    kept = TutorPreference.objects.filter(user=user).first()
    saved = {**kept.customisation, "persona": kept.persona} if kept else {}
    data = request.POST if request.method == "POST" else None
    return PreferenceForm(data, personas=tutors.allowed_to(user), kept=saved), kept
