"""Sign-in by e-mail, how often it may be tried, and what a role may do; demo accounts only in the demo, at home."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.models import User
from accounts.roles import rights_of
from monitoring import limits
from monitoring.models import RateLimit


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


def network_of(address: str) -> str:
    """Whose address this is, for counting: that of a network's IPv6 is its /64, since one customer has all of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)


def attempt_keys(email: str, address: str) -> tuple[limits.Key, limits.Key]:
    """Under what an attempt to sign in is counted: this account from this network, and this network.

    Keyed digests (SHA-256), so that the windows name nobody; an e-mail that no account has is counted like any other.
    """
    network = network_of(address)
    account = salted_hmac("sign-in account", f"{email.lower().casefold()}\n{network}", algorithm="sha256")
    place = salted_hmac("sign-in address", network, algorithm="sha256")
    return (
        (RateLimit.Name.SIGN_INS_PER_ACCOUNT, account.hexdigest()),
        (RateLimit.Name.SIGN_INS_PER_ADDRESS, place.hexdigest()),
    )


class EmailBackend(ModelBackend):
    """Django's own backend; but attempts are limited, rights go by the role, demo accounts open nothing elsewhere.

    Rows of groups and of single rights give nothing: see docs/adr/0019.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:  # type: ignore[override]
        """The user with that address and password, or None; a demo account only on the demo's own machine.

        Raises LimitReachedError when there were too many failures: the password is not even looked at then. An attempt
        is counted before the slow look at the password and given back when it was right, so that many at once try no
        more passwords than the limit says. Without a request nobody stands at a form, and nothing is counted.
        """
        if request is None:
            return self._open(request, **credentials)
        email = credentials.get("username") or credentials.get(User.USERNAME_FIELD) or ""
        account, network = attempt_keys(email, request.META.get("REMOTE_ADDR", ""))
        with transaction.atomic():
            counted_at = limits.admit(account, network)
        user = self._open(request, **credentials)
        if user is not None:
            with transaction.atomic():
                limits.clear(account)
                limits.give_back(network, counted_at=counted_at)
        return user

    def _open(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        user = super().authenticate(request, **credentials)
        return None if user is not None and user.is_demo and not demo_allowed(request) else user

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Active users; demo accounts only where the demo runs. Asked for every request and socket."""
        if getattr(user, "is_demo", False) and not settings.DEMO:
            return False
        return super().user_can_authenticate(user)

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """The rights of this person's role, all of them for a superuser; none for single rows, nor once disabled."""
        if user_obj.is_anonymous or not self.user_can_authenticate(user_obj) or obj is not None:
            return set()
        if user_obj.is_superuser:
            rights: set[str] = super().get_user_permissions(user_obj)
            return rights
        return set(rights_of(user_obj.role))

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """None: what people may do goes by their role."""
        return set()
