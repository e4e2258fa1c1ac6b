"""`manage.py demo`: the whole portal on one machine for one person, started and stopped together."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.demo import DEMO_PASSWORD, DEMO_PEOPLE, create_demo_people
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
        call_command("migrate", verbosity=0)
        call_command("load_library", verbosity=0)
        call_command("load_rubrics", verbosity=0)
        people = create_demo_people()
        accept_notice(by=people.student)
        # Tasks of a demo that was killed say nothing to this one.
        if not settings.REDIS_URL:
            shutil.rmtree(settings.BROKER_DIR, ignore_errors=True)
        raise SystemExit(self.supervise(port))

    def supervise(self, port: int) -> int:
        """Run both processes until one ends or we are told to stop, then end both; the exit status."""
        stopping: list[int] = []
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda number, _frame: stopping.append(number))
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        worker = [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", "-B", "-P", "solo", "-l", "error"]
        # One-time links must point at the port that is served.
        env = {**os.environ, "SITE_URL": f"http://127.0.0.1:{port}"}  # noqa: TID251
        # Sessions of their own: Ctrl-C reaches only us, and we end them in order.
        children = [
            subprocess.Popen(command, start_new_session=True, cwd=settings.BASE_DIR, env=env)  # noqa: S603
            for command in ([*manage, "serve", "--port", str(port)], worker)
        ]
        welcomed = False
        while not stopping and all(child.poll() is None for child in children):
            if not welcomed and listens(port):
                welcomed = True
                self.stdout.write(welcome(port))
            time.sleep(0.2)
        self.stdout.write("Stopping: running replies are finished first.")
        for child in children:
            child.terminate()
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(settings.DRAIN_SECONDS + 5)
            # Whatever is left of its group: a child that hangs, or one that it forked and did not take along.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return 0 if stopping else 1


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
