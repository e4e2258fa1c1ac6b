"""The admin site: the place of staff, entered by the portal's own sign-in, and not there for anyone else."""

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import unquote_plus

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import ResolverMatch, reverse, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.roles import WATCHED
from monitoring.models import AdminReading

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# Texts for scripts, and the way out: there is nothing to read.
NO_PAGES = {"jsi18n", "logout"}
# What an open page asks for again and again by itself is one look for so long.
REFRESHED = {"dashboard-part"}
ONE_LOOK = dt.timedelta(minutes=15)


class PortalAdminSite(AdminSite):
    """Django's own admin with one sign-in form for the whole portal, which writes down what auditors look at."""

    site_header = _("Rapport administration")
    site_title = _("Rapport administration")
    index_title = _("Overview")
    # The front page of staff is the admin itself; from the help, the bar leads to all that a role has outside of it.
    site_url = reverse_lazy("help")  # type: ignore[assignment]  # a path, once the routes are known

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff may enter; for people who are signed in without that right the admin does not exist."""
        if request.user.is_authenticated and not super().has_permission(request):
            raise Http404
        return super().has_permission(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The lists that this person may see; Django asks twice for each page."""
        if app_label:
            return super().get_app_list(request, app_label)
        found: list[Any] | None = getattr(request, "_app_list", None)
        if found is None:
            found = super().get_app_list(request)
            request._app_list = found  # type: ignore[attr-defined]
        return found

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """The portal's sign-in page, then back to where the person wanted to go."""
        wanted = request.GET.get("next", reverse("admin:index"))
        return redirect_to_login(wanted, reverse("login"))

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Every page of the admin goes through here: what a watched person asks for is written down, then answered."""

        @wraps(view)
        def written_down(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if isinstance(user, User) and user.role in WATCHED:
                _write_down(user, view, request)
            return view(request, *args, **kwargs)

        return super().admin_view(cast("View", written_down), cacheable)


def _write_down(user: User, view: Callable[..., Any], request: HttpRequest) -> None:
    match: ResolverMatch = request.resolver_match  # type: ignore[assignment]  # a view that runs was resolved
    page = match.url_name or ""
    if page in NO_PAGES:
        return
    reading = AdminReading(reader=user, **_asked_for(view, request, match, page))
    earlier = AdminReading.objects.filter(reader=user, what=reading.what, read_at__gt=timezone.now() - ONE_LOOK)
    if page not in REFRESHED or not earlier.exists():
        reading.save()


def _asked_for(view: Callable[..., Any], request: HttpRequest, match: ResolverMatch, page: str) -> dict[str, str]:
    """The fields of a reading: the model and the row or, for pages of no model, the page's name and what it is about.

    Lists say what was looked for, other pages of a model (its history, an export) which they are, and what was sent
    to a list which action it was and on how many rows.
    """
    owner, what = getattr(view, "__self__", None), f"admin.{page}"
    # As it was typed, so that a name is found in it when its person is erased.
    asked = unquote_plus(request.META.get("QUERY_STRING", ""))
    if isinstance(owner, ModelAdmin):
        what = owner.opts.label_lower
        page = page.removeprefix(f"{what.replace('.', '_')}_")
        asked = asked if page in {"changelist", "change"} else f"{page}?{asked}".removesuffix("?")
    if "action" in request.POST:
        number = len(request.POST.getlist("_selected_action"))
        asked = f"{asked}&action={request.POST['action']}&rows={number}".removeprefix("&")
    return {"what": what[:100], "row": "/".join(str(part) for part in match.kwargs.values())[:64], "query": asked[:500]}
