"""Sign-in by e-mail, in any case; demo accounts only in the demo, and only from the machine that runs it."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.models import User


def from_this_machine(address: str, header_names: Iterable[str]) -> bool:
    """Whether a connection comes from loopback and was not handed on by a proxy; header names in any case."""
    if {name.lower() for name in header_names} & {"x-forwarded-for", "x-real-ip", "forwarded"}:
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def demo_allowed(request: HttpRequest | None) -> bool:
    """Whether demo accounts may be used by this request; their password is printed in the README."""
    if request is None:
        return False
    return settings.DEMO and from_this_machine(request.META.get("REMOTE_ADDR", ""), request.headers)


class EmailBackend(ModelBackend):
    """Django's own backend, with one more rule: a demo account opens nothing outside the demo."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:  # type: ignore[override]
        """The user with that address and password, or None; a demo account only on the demo's own machine."""
        user = super().authenticate(request, **credentials)
        return None if user is not None and user.is_demo and not demo_allowed(request) else user

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Active users; demo accounts only where the demo runs. Asked for every request and socket."""
        if getattr(user, "is_demo", False) and not settings.DEMO:
            return False
        return super().user_can_authenticate(user)
