"""The admin site: the operators' place, entered by the portal's own sign-in, and not there for anyone else."""

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class PortalAdminSite(AdminSite):
    """Django's own admin with one sign-in form for the whole portal."""

    site_header = _("Rapport administration")
    site_title = _("Rapport administration")
    index_title = _("Overview")

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff may enter; for people who are signed in without that right the admin does not exist."""
        if request.user.is_authenticated and not super().has_permission(request):
            raise Http404
        return super().has_permission(request)

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """The portal's sign-in page, then back to where the person wanted to go."""
        wanted = request.GET.get("next", reverse("admin:index"))
        return redirect_to_login(wanted, reverse("login"))
