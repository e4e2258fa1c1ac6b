"""A real portal for tests: `manage.py serve` as a process of its own, on a database and a port of its own."""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

import psycopg

DATABASE = "rapport.sqlite3"
BASE = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "COV", "LANG")


# By whether it is PostgreSQL's, and by language: where the database lies that the first portal was prepared with.
_prepared: dict[tuple[bool, str], str] = {}


def _copy(source: str, target: str) -> None:
    """A database that nobody uses in the place of another one: a file, or one of PostgreSQL's by its address."""
    if not target.startswith("postgres"):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return
    name = urlsplit(target).path[1:]
    with psycopg.connect(urlsplit(target)._replace(path="/postgres").geturl(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name}")
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {urlsplit(source).path[1:]}")


def _kept_copy_of(place: str) -> str:
    """A copy that lasts as long as this process."""
    if not place.startswith("postgres"):
        folder = tempfile.mkdtemp(prefix="rapport-prepared-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = str(Path(folder) / DATABASE)
    else:
        copy = urlsplit(place)._replace(path=f"/rapport_prepared_{uuid.uuid4().hex[:12]}").geturl()
        atexit.register(_drop, copy)
    _copy(place, copy)
    return copy


def _drop(url: str) -> None:
    with psycopg.connect(urlsplit(url)._replace(path="/postgres").geturl(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]}")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Visitor:
    """A person with a cookie jar and no JavaScript."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, final URL and text of a page."""
        return self._open(urllib.request.Request(self.url + path))

    def post(self, path: str, form_page: str, **fields: str) -> tuple[int, str, str]:
        """Send a form that stands on `form_page`, with its CSRF token; status, final URL and text of the answer."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(form_page)[2])
        assert token, f"{form_page} has no form"
        body = urlencode({**fields, "csrfmiddlewaretoken": token[1]}).encode()
        return self._open(urllib.request.Request(self.url + path, data=body, headers={"Referer": self.url + form_page}))

    def sign_in(self, name: str) -> "Visitor":
        """Sign in as one of the demo's people, by the form of the sign-in page."""
        status, url, _text = self.post(
            "/accounts/login/", "/accounts/login/", username=f"{name}@example.com", password="demo"
        )
        assert status == 200
        assert "/accounts/login/" not in url
        return self

    @property
    def cookie(self) -> str:
        """The value of the Cookie header."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)

    def _open(self, request: urllib.request.Request) -> tuple[int, str, str]:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.url, answer.read().decode()
        except HTTPError as error:
            return error.code, error.url, error.read().decode()


class Portal:
    """The portal in its demo form: migrated, with the library and the demo's people, served on loopback."""

    def __init__(self, data: Path, **env: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        if kept.pop("COVERAGE_PROCESS_CONFIG", ""):
            # Measured as pyproject says, not as this process is: it follows Playwright's greenlets, and greenlet's weak
            # references have made servers spin for ever when one of their threads ended.
            kept["COVERAGE_PROCESS_START"] = str(BASE / "pyproject.toml")
        self.env = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(data),
            "DEMO": "true",
            "SCRIPTED_PIECE_SECONDS": "0.01",
            **env,
        }
        self.process: subprocess.Popen[str] | None = None
        # What it prints may be more than a pipe holds that nobody reads.
        self.log = data / "portal.log"

    def manage(self, *arguments: str) -> str:
        """What a command of the portal prints."""
        run = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE, env=self.env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def ask(self, code: str) -> str:
        """What Python code prints inside the portal, with its models at hand."""
        return self.manage("shell", "-v", "0", "-c", code).strip()

    def prepare(self) -> None:
        """Make the database and the demo's people; the second time in this process, copy what the first time made."""
        url = self.env.get("DATABASE_URL", "")
        # The demo's people have names of their language.
        kind = (bool(url), self.env.get("LANGUAGE_CODE", ""))
        place = url or str(Path(self.env["DATA_DIR"]) / DATABASE)
        if kind in _prepared:
            _copy(_prepared[kind], place)
            return
        self._make()
        _prepared[kind] = _kept_copy_of(place)

    def _make(self) -> None:
        """In one process: to start each takes longer than what it does."""
        self.ask(
            "from django.core.management import call_command\n"
            "for name in ('migrate', 'load_library', 'load_rubrics'):\n"
            "    call_command(name, verbosity=0)\n"
            "from accounts.demo import create_demo_people\n"
            "from conversations.sessions import accept_notice\n"
            "accept_notice(by=create_demo_people().student)"
        )

    def start(self) -> None:
        """Serve, and wait until it answers."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=BASE, env=self.env, stdout=log, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        until = time.monotonic() + 180
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError("the portal did not start")

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End the server by a signal; its exit status."""
        assert self.process
        self.process.send_signal(by)
        self.process.communicate(timeout=120)
        return self.process.returncode

    def visitor(self) -> Visitor:
        """Somebody who opens the portal's pages."""
        return Visitor(self.url)


@contextmanager
def portal_database() -> Iterator[dict[str, str]]:
    """The environment of a portal with its own database: SQLite, or PostgreSQL where DATABASE_URL names one."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield {}
        return
    name = f"rapport_portal_{uuid.uuid4().hex[:12]}"
    server = urlsplit(url)._replace(path="/postgres").geturl()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            env = {"DATABASE_URL": urlsplit(url)._replace(path=f"/{name}").geturl()}
            if os.environ.get("REDIS_URL"):
                env["REDIS_URL"] = os.environ["REDIS_URL"]
            yield env
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_portal(data: Path, **env: str) -> Iterator[Portal]:
    """A prepared portal that serves until the end of the block."""
    with portal_database() as database:
        portal = Portal(data, **database, **env)
        portal.prepare()
        portal.start()
        try:
            yield portal
        finally:
            if portal.process and portal.process.poll() is None:
                portal.stop()
