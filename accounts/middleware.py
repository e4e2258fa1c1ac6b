"""What holds for every request of a signed-in person: demo accounts stay at home; time zone and language are theirs."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accounts.backends import demo_allowed
from accounts.models import School, User
from accounts.models.user import known_zone

Handler = Callable[[HttpRequest], HttpResponse]


class DemoStaysHereMiddleware:
    """Signs a demo account out when its cookie arrives from another machine; the backend refuses its sign-in there."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, User) and request.user.is_demo and not demo_allowed(request):
            logout(request)
        return self.get_response(request)


class PersonalSettingsMiddleware:
    """Activates the user's time zone (or the school's) and language for the request."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return self.get_response(request)
        school = School.current()
        request.school = school  # type: ignore[attr-defined]  # pages show it too, and need not read it again
        with timezone.override(known_zone(user.time_zone, school.time_zone)):
            response = self._in_language(request, user.language)
        self._keep_choice(user, response)
        return response

    def _in_language(self, request: HttpRequest, language: str) -> HttpResponse:
        if not language:
            return self.get_response(request)
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

    def _keep_choice(self, user: User, response: HttpResponse) -> None:
        """A language chosen in the page's menu (Django answers it with a cookie) is the person's from then on."""
        cookie = response.cookies.get(settings.LANGUAGE_COOKIE_NAME)
        if cookie is not None and cookie.value not in {"", user.language}:
            user.language = cookie.value
            user.save(update_fields=["language"])
