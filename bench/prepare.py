"""Fills an empty database for a run: students, each signed in and with one open session; prints the seats as JSON.

    python -m bench.prepare --chats 200

Reads the same environment as the server. The database is the bench's own: see bench/__main__.py.
"""

import argparse
import json
import os

import django


def seats(chats: int) -> list[dict[str, str]]:
    """Make that many students and return the path of each one's websocket with the cookie that opens it."""
    from django.conf import settings
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest

    from accounts.models import User
    from clients.models import ClientProfile
    from conversations.sessions import accept_notice, start
    from monitoring.models import Budget, RateLimit

    # Everything is on, and wide enough for the run: limits, and budgets of the site and of each person.
    RateLimit.objects.update(count=1_000_000)
    for scope in (Budget.Scope.SITE, Budget.Scope.USER):
        Budget.objects.create(scope=scope, period=Budget.Period.DAY, limit_microusd=10**12)

    client = ClientProfile.objects.create(
        name="Maria Delgado",
        age=34,
        reason="She may lose the flat.",
        background="Maria has two children and works nights in a bakery. She is two months behind with the rent. " * 8,
        traits=["warm", "anxious"],
        scenario="A first talk at the advice centre.",
    )
    made = []
    for number in range(chats):
        student = User.objects.create_user(f"bench-{number}@example.com", display_name="Sam", role=User.Role.STUDENT)
        accept_notice(by=student)
        session = start(by=student, client=client)
        request = HttpRequest()
        request.session = SessionStore()
        login(request, student, backend=settings.AUTHENTICATION_BACKENDS[0])
        request.session.save()
        cookie = f"{settings.SESSION_COOKIE_NAME}={request.session.session_key}"
        made.append({"path": session.socket_path, "cookie": cookie})
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=int, required=True)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps(seats(options.chats)))
