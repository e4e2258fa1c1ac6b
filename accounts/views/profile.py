"""One's own pages: home by role, profile, help; and the school's logo."""

import mimetypes

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.forms import ProfileForm
from accounts.models import School, Section, StudentDetails, User
from accounts.permissions import signed_in

HOMES = {User.Role.STUDENT: "student-home", User.Role.TEACHER: "teaching"}


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Each role's own first page: that of staff is the admin's."""
    return redirect(HOMES.get(User.Role(signed_in(request).role), "admin:index"))


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Name, time zone, language and details, with what only staff can change beside them."""
    user = signed_in(request)
    # The form works on a row of its own, so that a refused name is not shown as the user's in the top bar.
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        with translation.override(saved.language or translation.get_language()):
            messages.success(request, _("Your account is saved."))
        return redirect("profile")
    context = {
        "form": form,
        "details": StudentDetails.objects.filter(student=user).first(),
        "sections": Section.objects.current().visible_to(user) if not user.is_admin else [],
    }
    return render(request, "accounts/profile.html", context)


@login_required
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """How the portal works for someone of this role, and whom to ask."""
    user = signed_in(request)
    page = "desk" if user.is_staff and not user.is_admin else user.role
    return render(request, f"accounts/help_{page}.html")


@require_safe
@cache_control(max_age=300, public=True)
def school_logo(request: HttpRequest) -> HttpResponseBase:
    """The school's logo for everyone, since the sign-in page shows it."""
    logo = School.current().logo
    if not logo.name or not logo.storage.exists(logo.name):
        raise Http404
    content_type = mimetypes.guess_type(logo.name)[0] or "application/octet-stream"
    return FileResponse(logo.open(), content_type=content_type)
