"""What may be relied on by whoever hosts the portal: the files for containers agree with the code, and work."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import resolve

from config import processes
from config.tests.portal import BASE, Portal, Visitor, portal_database

COMPOSE: dict[str, Any] = yaml.safe_load((BASE / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (BASE / "Dockerfile").read_text()
ONE_CONTAINER: list[str] = json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[0])
EXAMPLE = set(re.findall(r"^#?(\w+)=", (BASE / ".env.example").read_text(), re.MULTILINE))
READ = set(re.findall(r'\bread\.\w+\(\s*"(\w+)"', (BASE / "config" / "settings.py").read_text()))


def as_here(command: list[str]) -> list[str]:
    """A container's command as this machine runs it."""
    programs = {"python": [sys.executable], "celery": [sys.executable, "-m", "celery"]}
    return [*programs[command[0]], *command[1:]]


# --- docker-compose.yml -----------------------------------------------------------------------------------------------


def test_the_services_are_the_portals_processes_and_its_two_servers() -> None:
    assert set(OURS) == {"prepare", "web", "worker", "beat"}
    assert set(SERVICES) - set(OURS) == {"postgres", "redis"}
    assert as_here(OURS["web"]["command"])[:3] == list(processes.SERVE)
    assert as_here(OURS["worker"]["command"]) == list(processes.WORKER)
    assert as_here(OURS["beat"]["command"]) == list(processes.BEAT)


@pytest.mark.parametrize(
    "command",
    [
        OURS["prepare"]["command"],
        OURS["web"]["command"],
        ONE_CONTAINER,
    ],
)
def test_every_command_of_the_containers_exists_with_its_options(command: list[str]) -> None:
    assert command[:2] == ["python", "manage.py"]
    parser = load_command_class(get_commands()[command[2]], command[2]).create_parser("manage.py", command[2])
    options = parser.parse_args(command[3:])
    assert getattr(options, "host", "0.0.0.0") == "0.0.0.0"
    assert getattr(options, "port", settings.PORT) == settings.PORT


def test_images_are_pinned_and_every_service_that_stays_is_watched_and_comes_back() -> None:
    for name, service in SERVICES.items():
        assert re.search(r":\d", service["image"]) or "build" in service, name
        if name != "prepare":
            assert service["restart"] == "unless-stopped"
            assert service.get("healthcheck", {"test": "the image's"})["test"]
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:${PYTHON}"}
    assert re.search(r"^ARG PYTHON=3\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)


def test_replies_have_time_to_finish_before_the_container_is_killed() -> None:
    for name in ("web", "worker"):
        grace = re.fullmatch(r"(\d+)s", OURS[name]["stop_grace_period"])
        assert grace
        assert int(grace[1]) > settings.DRAIN_SECONDS + 5


def test_nothing_of_a_new_version_starts_before_its_tables_are_there() -> None:
    for name in ("web", "worker", "beat"):
        assert OURS[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
            "prepare": {"condition": "service_completed_successfully"},
        }
    assert OURS["prepare"]["restart"] == "no"


def test_the_variables_are_those_that_the_settings_read_and_secrets_come_from_outside() -> None:
    for service in OURS.values():
        assert set(service["environment"]) <= READ
        assert service["env_file"] == ".env"
        for value in service["environment"].values():
            url = urlsplit(re.sub(r"\$\{.+?\}", "secret", value))
            assert url.hostname is None or url.hostname in SERVICES
    text = (BASE / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+)", text)) <= EXAMPLE
    assert len(re.findall(r"(?:POSTGRES_PASSWORD: |rapport:)\$\{POSTGRES_PASSWORD:\?", text)) == 2


def test_what_must_last_lies_in_volumes() -> None:
    for service in (OURS["web"], OURS["worker"]):
        data = service["environment"]["DATA_DIR"]
        kept = {volume.partition(":")[2] for volume in service["volumes"]}
        assert kept == {
            data + str(path).removeprefix(str(settings.DATA_DIR)) for path in (settings.MEDIA_ROOT, settings.BACKUP_DIR)
        }
    named = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert named == set(COMPOSE["volumes"])


# --- Dockerfile -------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_special_from_pinned_packages_and_says_whether_it_lives() -> None:
    before_command = DOCKERFILE[: DOCKERFILE.rindex("\nCMD ")]
    assert re.findall(r"^USER (\w+)$", before_command, re.MULTILINE)[-1] == "rapport"
    assert "pip install --no-cache-dir --disable-pip-version-check --require-hashes -r ${REQUIREMENTS}" in DOCKERFILE
    [pinned] = re.findall(r"^ARG REQUIREMENTS=(.+)$", DOCKERFILE, re.MULTILINE)
    for name in (pinned, "requirements-chat.txt"):
        assert "--hash=sha256:" in (BASE / name).read_text()
    [check] = re.findall(r"^HEALTHCHECK .*\\\n\s+CMD (.+)$", DOCKERFILE, re.MULTILINE)
    program, option, code = json.loads(check)
    assert (program, option) == ("python", "-c")
    compile(code, "healthcheck", "exec")
    path = re.findall(r"\{os\.environ\['PORT'\]\}(/\w+)", code)
    assert resolve(path[0]).url_name == "healthz"
    assert re.search(r"^ENV .*\bPORT=8000$", DOCKERFILE, re.MULTILINE)


def test_what_goes_into_the_image_is_all_that_the_portal_needs(tmp_path: Path) -> None:
    patterns = (BASE / ".dockerignore").read_text().split()
    anywhere = [pattern.removeprefix("**/") for pattern in patterns if pattern.startswith("**/")]
    at_the_top = [pattern for pattern in patterns if not pattern.startswith(("**/", "!"))]

    def ignored(folder: str, names: list[str]) -> set[str]:
        here = shutil.ignore_patterns(*anywhere, *(at_the_top if Path(folder) == BASE else ()))
        return set(here(folder, names))

    image = tmp_path / "srv"
    shutil.copytree(BASE, image, ignore=ignored)
    assert not (image / ".git").exists()
    [line] = re.findall(r"^RUN (SECRET_KEY=[^\n]+\\\n[^\n]+)$", DOCKERFILE, re.MULTILINE)
    words = shlex.split(line.replace("\\\n", " "))
    env = dict(word.split("=", 1) for word in words if "=" in word)
    command = as_here([word for word in words if "=" not in word])
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "HOME", "LANG"))}
    run = subprocess.run(
        command, cwd=image, env={**kept, **env, "DATA_DIR": str(tmp_path / "data")}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "data" / "static" / "staticfiles.json").exists()


# --- The same processes, on this machine ------------------------------------------------------------------------------

SCHOOL = """
from django.core.management import call_command
call_command(
    "setup_school", no_input=True, name="A School", time_zone="Europe/Madrid", support_contact="the desk",
    admin_email="first@example.com", admin_name="First Operator",
)
from accounts.models import User
from conversations.sessions import accept_notice
accept_notice(
    by=User.objects.create_user("student@example.com", "demo", display_name="Alex", role=User.Role.STUDENT)
)
"""

DASHBOARD = """
import time
from celery import current_app
from monitoring import figures, periods
from monitoring.models import HealthReport, Heartbeat
def seen():
    hearts = {kind for kind in Heartbeat.Kind.values if Heartbeat.objects.alive(kind).exists()}
    today = periods.today()
    sums = figures.usage_between(today, today).get((), {})
    health = set(HealthReport.objects.filter(is_ok=True).values_list("name", flat=True))
    return hearts >= {"web", "worker", "beat"} and sums.get("messages") == 1 and {"database", "worker"} <= health
until = time.monotonic() + 120
while not seen() and time.monotonic() < until:
    # Again and again: whoever looks before the worker's first pulse writes down that there is none.
    current_app.send_task("monitoring.check_health")
    time.sleep(2)
print("SEEN", seen())
"""


class BehindProxy(Visitor):
    """A browser behind a proxy that ends TLS, as every real installation has it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def _open(self, request: urllib.request.Request) -> tuple[int, str, str]:
        request.add_header("X-Forwarded-Proto", "https")
        request.add_header("Referer", request.full_url.replace("http:", "https:"))
        return super()._open(request)


@contextmanager
def started(portal: Portal, data: Path, commands: list[list[str]]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """These processes, until the end of the block; what is left of them then is killed."""
    with (data / "log").open("wb") as log:
        children = [
            subprocess.Popen(as_here(command), cwd=BASE, env=portal.env, stdout=log, stderr=log) for command in commands
        ]
        try:
            yield children
        finally:
            for pid in left_behind(data):
                os.kill(pid, signal.SIGKILL)
            for child in children:
                child.wait()


@pytest.mark.servers
async def test_the_containers_processes_serve_a_conversation_fill_the_dashboard_and_stop_in_order(
    tmp_path: Path,
) -> None:
    """With PostgreSQL and Redis those of docker-compose.yml; without, the one container's `manage.py run` on SQLite."""
    with portal_database() as database:
        portal = Portal(
            tmp_path, **database, DEMO="false", SECRET_KEY="k" * 64, ALLOWED_HOSTS="127.0.0.1", TRUST_PROXY="true",
            SITE_URL="https://127.0.0.1", WORKER_PULSE_SECONDS="1", SCRIPTED_PIECE_SECONDS="0.05", LOG_LEVEL="ERROR",
        )  # fmt: skip
        portal.env["PORT"] = str(portal.port)
        prepare, web, worker, beat = (list(OURS[name]["command"]) for name in ("prepare", "web", "worker", "beat"))
        apart = [web, worker, beat]
        commands = apart if database else [ONE_CONTAINER]
        if database:
            await asyncio.to_thread(portal.manage, *prepare[2:])
        with started(portal, tmp_path, commands) as children:
            await asyncio.to_thread(wait_until_ready, portal, children)
            link = re.search(r"https://127.0.0.1(/\S+)", await asyncio.to_thread(portal.ask, SCHOOL))
            assert link
            await asyncio.to_thread(sign_in_as_first_operator, portal, link[1])
            await converse_and_stop(portal, children)
            assert [child.returncode for child in children] == [0] * len(children)
            assert not left_behind(tmp_path)


def wait_until_ready(portal: Portal, children: list[subprocess.Popen[bytes]]) -> None:
    """Wait for the web process to take requests."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert all(child.poll() is None for child in children)
        try:
            if Visitor(portal.url).get("/healthz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError("the portal did not start")


def sign_in_as_first_operator(portal: Portal, link: str) -> None:
    """Set the password by the link that `setup_school` printed, sign in, and see the administration."""
    browser = BehindProxy(portal.url)
    page = urlsplit(browser.get(link)[1]).path
    status, url, _text = browser.post(page, page, new_password1="a-long-word-9", new_password2="a-long-word-9")
    assert status == 200
    status, url, _text = browser.post(
        "/accounts/login/", "/accounts/login/", username="first@example.com", password="a-long-word-9"
    )
    assert (status, "/accounts/login/" in url) == (200, False)
    assert browser.get("/admin/")[0] == 200


async def converse_and_stop(portal: Portal, children: list[subprocess.Popen[bytes]]) -> None:
    """A student talks, the dashboard's data show it, and the reply that runs when all are told to stop is finished."""
    student = BehindProxy(portal.url)
    await asyncio.to_thread(student.sign_in, "student")
    cards = (await asyncio.to_thread(student.get, "/practice/"))[2]
    client = re.search(r"/practice/([0-9a-f-]{36})/", cards)
    assert client
    start = f"/practice/{client[1]}/start/"
    _status, _url, chat_page = await asyncio.to_thread(lambda: student.post(start, "/practice/", agree="yes"))
    path = re.search(r'data-socket="([^"]+)"', chat_page)
    assert path
    url = portal.url.replace("http", "ws") + path[1]
    headers = {"Cookie": student.cookie, "Origin": portal.url.replace("http", "https"), "X-Forwarded-Proto": "https"}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        async with http.ws_connect(url, headers=headers) as chat:
            await say(chat, "Hello, my name is Alex.")
            assert (await hear(chat, "done"))["status"] == "complete"
        assert "SEEN True" in await asyncio.to_thread(portal.ask, DASHBOARD)
        async with http.ws_connect(url, headers=headers) as chat:
            await say(chat, "What brings you here today?")
            await hear(chat, "started")
            for child in children:
                child.send_signal(signal.SIGTERM)
            assert (await hear(chat, "done"))["status"] == "complete"
            message = await chat.receive(timeout=90)
            assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
            assert chat.close_code == 1012
    await asyncio.gather(*(asyncio.to_thread(child.wait, 180) for child in children))


async def say(chat: aiohttp.ClientWebSocketResponse, text: str) -> None:
    await chat.send_json({"type": "send", "client_key": str(uuid.uuid4()), "text": text})


async def hear(chat: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next frame of this type."""
    async with asyncio.timeout(90):
        while (frame := await chat.receive_json())["type"] != kind:
            assert frame["type"] != "error", frame
    found: dict[str, Any] = frame
    return found


def left_behind(data: Path) -> list[int]:
    """The processes whose environment names this data directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DATA_DIR={data}".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found
