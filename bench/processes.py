"""Processes of a run: their settings and ports, starting one, waiting until it answers, ending it whatever happens."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent


# What every run raises, named in its output, so that a figure is never read without it.
RAISED = {"REPLY_MAX_TOKENS": "4096"}


def settings_of_the_run(folder: Path, database: str = "", redis: str = "") -> dict[str, str]:
    """The server's environment: production's settings, with limits raised for the run; SQLite where no database is."""
    (folder / "static").mkdir()
    # Coverage reaches into the processes that are started by variables of its own.
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"} or name[:3] == "COV"}  # noqa: TID251
    return {
        **kept,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": "http://127.0.0.1",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database or f"sqlite:///{folder}/bench.sqlite3",
        "REDIS_URL": redis,
        "ANTHROPIC_API_KEY": "bench",
        **RAISED,
    }


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(core: int) -> Callable[[], None] | None:
    """Keeps a process that is about to start on one core, where the system can and there is more than one."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


def start(
    arguments: Sequence[str],
    environment: dict[str, str] | None = None,
    *,
    core: int | None = None,
    log: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start one of our Python programs; what it says goes to the log, if there is one."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=log or subprocess.DEVNULL,
        stderr=log,
        preexec_fn=None if core is None else pinned(core),  # noqa: PLW1509
    )


def wait_until(ready: Callable[[], bool], child: subprocess.Popen[bytes], name: str, seconds: float = 60) -> None:
    """Wait for a program to be ready. Raises RuntimeError when it ends before, or takes longer."""
    until = time.monotonic() + seconds
    while not ready():
        if child.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{name} did not start")
        time.sleep(0.05)


def end(child: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM, seconds: float = 20) -> None:
    """End a program, by force if it does not go; one that has ended already is left alone."""
    child.send_signal(by)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextlib.contextmanager
def process(arguments: list[str], ready: str, core: int, environment: dict[str, str] | None = None) -> Iterator[int]:
    """Start one of our Python programs, wait until its URL answers, give its pid, and end it."""
    child = start(arguments, environment, core=core)
    try:
        wait_until(lambda: answers(ready), child, " ".join(arguments))
        yield child.pid
    finally:
        end(child)


def answers(url: str) -> bool:
    """Whether something answers there, be it with an error."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
