"""The suite's own PostgreSQL and Redis, on free ports, stopped and started at will and ended whatever happens."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from bench.processes import end, free_port, wait_until

MAX_CONNECTIONS = 40
DATABASE = "rapport"
TOO_MANY = ("too many clients", "remaining connection slots")


class MissingServerError(Exception):
    """A server that the suite starts by itself is not installed here; the message says what to install."""


def find(program: str, package: str) -> str:
    """The path of a server's program: where pg_config says, where Debian keeps versions, or on the PATH."""
    folders: list[Path] = []
    if (pg_config := shutil.which("pg_config")) and package == "postgresql":
        folders.append(Path(subprocess.check_output([pg_config, "--bindir"], text=True).strip()))
        folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next((str(folder / program) for folder in folders if (folder / program).exists()), shutil.which(program))
    if found is None:
        raise MissingServerError(
            f"The fault suite starts servers of its own, and there is no {program} here. Install it (Debian, Ubuntu: "
            f"apt install {package}), then try again. Nothing of yours is touched: it takes free ports and a "
            f"temporary directory."
        )
    return found


def unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: whom it runs as then; None where we are somebody else anyway."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise MissingServerError("PostgreSQL does not run as root, and there is no user postgres or nobody here.")


class PostgreSQL:
    """A PostgreSQL of its own: trusted on loopback, durable, with few connections."""

    def __init__(self, folder: Path) -> None:
        """Make its data in this folder, which becomes its user's."""
        self.port, self.folder, self.user = free_port(), folder, unprivileged()
        self.program = find("postgres", "postgresql")
        self.child: subprocess.Popen[bytes] | None = None
        if self.user:
            shutil.chown(folder, self.user)
        subprocess.run(
            [find("initdb", "postgresql"), "--pgdata", str(folder / "data"), "--username", "owner", "--auth", "trust",
             "--encoding", "UTF8", "--locale", "C", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **self._as_user(),
        )  # fmt: skip

    def _as_user(self) -> dict[str, Any]:
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if self.user else {}

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "log"

    @property
    def url(self) -> str:
        """The database of the run, as an ordinary user who has no connections put by."""
        return f"postgres://portal@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [self.program, "-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1",
                 "-k", str(self.folder), "-c", f"max_connections={MAX_CONNECTIONS}"],
                stdout=log, stderr=log, cwd=self.folder, **self._as_user(),
            )  # fmt: skip
        wait_until(self._answers, self.child, "PostgreSQL")

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="owner", dbname="postgres", autocommit=True, connect_timeout=2
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create(self) -> None:
        """Make the database of the run and the user who owns it."""
        with self._connect() as connection:
            connection.execute("CREATE ROLE portal LOGIN")
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER portal")

    def crash(self) -> None:
        """What `pg_ctl stop -m immediate` does: no checkpoint, no farewell, recovery at the next start."""
        assert self.child is not None
        self.child.send_signal(signal.SIGQUIT)
        self.child.wait(30)

    def refusals(self) -> int:
        """How often it has said that it has too many clients."""
        text = self.log.read_text(errors="replace")
        return sum(text.count(words) for words in TOO_MANY)

    def stop(self) -> None:
        """End it for good."""
        if self.child is not None:
            end(self.child, signal.SIGINT)


class Redis:
    """A Redis of its own, which keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self.program = find("redis-server", "redis-server")
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.child = subprocess.Popen(
            [self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._answers, self.child, "Redis")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End it, for a while or for good."""
        if self.child is not None:
            end(self.child)


@contextlib.contextmanager
def own_servers() -> Iterator[tuple[PostgreSQL, Redis]]:
    """Both servers, running, for the length of the block. Raises MissingServerError."""
    with contextlib.ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rapport-faults-"))) for _ in range(2)]
        redis = Redis(folders[1])
        stack.callback(redis.stop)
        postgresql = PostgreSQL(folders[0])
        stack.callback(postgresql.stop)
        redis.start()
        postgresql.start()
        postgresql.create()
        yield postgresql, redis
