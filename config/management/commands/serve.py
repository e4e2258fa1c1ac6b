"""`manage.py serve`: the web process."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.server import serve

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Command(BaseCommand):
    """Serve HTTP and websockets until told to stop."""

    help = "Serves the portal: pages and chats. Stops in order on SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (default 127.0.0.1).")
        parser.add_argument("--port", type=int, default=settings.PORT, help="Port (default PORT, else 8000).")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if settings.DEMO and host not in LOOPBACK:
            raise CommandError("The demo has known passwords, so it listens on this machine only (127.0.0.1).")
        serve(host, port, lambda: self.stdout.write(f"Rapport listens on http://{host}:{port}"))
