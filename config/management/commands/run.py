"""`manage.py run`: a whole portal in one container, or on one machine without a service manager."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.processes import BEAT, SERVE, WORKER, run_together


class Command(BaseCommand):
    """Prepare the database, then run the web server, one worker and beat until one ends or we are told to stop."""

    help = "Runs the whole portal: web server, worker and beat. All end when one does, so that all start anew."

    def add_arguments(self, parser: CommandParser) -> None:
        """The same as those of `serve`."""
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (default 127.0.0.1).")
        parser.add_argument("--port", type=int, default=settings.PORT, help="Port (default PORT, else 8000).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Never returns; raises SystemExit with 0 after a signal, 1 where a process ended by itself."""
        if settings.DEMO:
            raise CommandError("This is for a real installation. `make run` runs the demo.")
        call_command("prepare")
        serve = [*SERVE, "--host", options["host"], "--port", str(options["port"])]
        raise SystemExit(run_together([serve, WORKER, BEAT], say=self.stdout.write))
