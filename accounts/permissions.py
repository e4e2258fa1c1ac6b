"""Who may open a page: decorators that answer outsiders with 404."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase

from accounts.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def role_required(*roles: User.Role) -> Callable[[View[P]], View[P]]:
    """Let only signed-in users of these roles in: others get 404, anonymous visitors the sign-in page."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if signed_in(request).role not in roles:
                raise Http404
            return view(request, *args, **kwargs)

        return login_required(checked)  # type: ignore[return-value]

    return decorate


students_only = role_required(User.Role.STUDENT)
# Whoever looks after students; `is_staff` is Django's word for the admin site alone, where support, operators and
# auditors work: the portal's own pages show them no classes.
staff_only = role_required(User.Role.TEACHER, User.Role.ADMIN)
# Whoever lets people in.
inviters_only = role_required(User.Role.TEACHER, User.Role.ADMIN, User.Role.SUPPORT)


def signed_in(request: HttpRequest) -> User:
    """The user behind a request that has passed `login_required`."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    return user
