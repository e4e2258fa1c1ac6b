"""The portal's processes: what starts each, and running them together on one machine, ended together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from django.conf import settings

PYTHON = sys.executable
SERVE = (PYTHON, "manage.py", "serve")
WORKER = (PYTHON, "-m", "celery", "-A", "config", "worker", "--loglevel", "INFO", "--concurrency", "2")
BEAT = (PYTHON, "-m", "celery", "-A", "config", "beat", "--loglevel", "INFO")
# Both in one process, for a machine that one person uses.
WORKER_WITH_BEAT = (PYTHON, "-m", "celery", "-q", "-A", "config", "worker", "-B", "-P", "solo", "-l", "error")


def run_together(
    commands: Sequence[Sequence[str]],
    *,
    say: Callable[[str], object],
    env: Mapping[str, str] | None = None,
    each_round: Callable[[], None] = lambda: None,
) -> int:
    """Run these until one ends or we are told to stop, then end all; the exit status, 1 where one ended by itself.

    `env` is added to the environment; `each_round` is called five times a second.
    """
    stopping: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _frame: stopping.append(number))
    # Sessions of their own: Ctrl-C reaches only us, and we end them in order.
    children = [
        subprocess.Popen(  # noqa: S603
            command,
            start_new_session=True,
            cwd=settings.BASE_DIR,
            env={**os.environ, **(env or {})},  # noqa: TID251
        )
        for command in commands
    ]
    while not stopping and all(child.poll() is None for child in children):
        each_round()
        time.sleep(0.2)
    say("Stopping: running replies are finished first.")
    for child in children:
        child.terminate()
    until = time.monotonic() + settings.DRAIN_SECONDS + 5
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, until - time.monotonic()))
        # Whatever is left of its group: a child that hangs, or one that it forked and did not take along.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return 0 if stopping else 1
