"""`manage.py demo`: the whole portal on one machine for one person, started and stopped together."""

import shutil
import socket
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.demo import DEMO_PASSWORD, DEMO_PEOPLE, create_demo_people
from config.processes import SERVE, WORKER_WITH_BEAT, run_together
from conversations.sessions import accept_notice


class Command(BaseCommand):
    """Prepare the demo and run its two processes: the web server, and one worker with beat."""

    help = "Runs a demo of the portal on this machine. `make run` calls it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="Port to serve on (default 8000).")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Set DEMO=true to run the demo, or use `manage.py serve` for a real installation.")
        port = options["port"]
        refuse_taken_port(port)
        call_command("prepare", verbosity=0)
        people = create_demo_people()
        accept_notice(by=people.student)
        # Tasks of a demo that was killed say nothing to this one.
        if not settings.REDIS_URL:
            shutil.rmtree(settings.BROKER_DIR, ignore_errors=True)
        raise SystemExit(self.supervise(port))

    def supervise(self, port: int) -> int:
        """Run both processes until one ends or we are told to stop, then end both; the exit status."""
        welcomed: list[bool] = []

        def welcome_once() -> None:
            if not welcomed and listens(port):
                welcomed.append(True)
                self.stdout.write(welcome(port))

        return run_together(
            [(*SERVE, "--port", str(port)), WORKER_WITH_BEAT],
            say=self.stdout.write,
            # One-time links must point at the port that is served.
            env={"SITE_URL": f"http://127.0.0.1:{port}"},
            each_round=welcome_once,
        )


def refuse_taken_port(port: int) -> None:
    """Say at once when something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(f"Port {port} is taken. Choose another: PORT={port + 1} make run") from error


def listens(port: int) -> bool:
    """Whether the server takes connections yet."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def welcome(port: int) -> str:
    """What to open and how to sign in."""
    people = "\n".join(f"    {email}" for email, _name in DEMO_PEOPLE.values())
    scripted = "No ANTHROPIC_API_KEY is set, so the scripted voice speaks."
    voice = "Claude speaks." if settings.ANTHROPIC_API_KEY else scripted
    return f"""
Rapport runs at http://127.0.0.1:{port}

Sign in with the password `{DEMO_PASSWORD}` as
{people}

{voice} Stop with Ctrl-C.
"""
