"""An installation is secure unless it is the demo, and says what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ALLOWED_HOSTS": "rapport.school.example",
    "SITE_URL": "https://rapport.school.example",
}


def manage(*arguments: str, data: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the portal in an environment of its own."""
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PATH", "HOME", "COV", "LANG"))}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE,
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(data), **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def show(expression: str, data: Path, **env: str) -> str:
    """What an expression over the settings gives in that environment."""
    code = f"from django.conf import settings as s; print(repr(({expression})))"
    run = manage("shell", "--no-imports", "-c", code, data=data, **env)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_a_production_installation_passes_every_deployment_check(tmp_path: Path) -> None:
    run = manage("check", "--deploy", "--fail-level", "WARNING", data=tmp_path, **PRODUCTION)
    assert run.returncode == 0, run.stderr
    assert "no issues" in run.stdout


def test_whoever_asks_for_fewer_lines_gets_fewer_of_the_portals_own(tmp_path: Path) -> None:
    levels = "[s.LOGGING[key]['level'] for key in ('root',)] + [s.LOGGING['loggers']['rapport']['level']]"
    for asked, said in {"": ("WARNING", "INFO"), "ERROR": ("ERROR", "ERROR"), "DEBUG": ("DEBUG", "DEBUG")}.items():
        assert show(levels, tmp_path, **PRODUCTION, **({"LOG_LEVEL": asked} if asked else {})) == str(list(said))


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({**PRODUCTION, "SITE_URL": ""}, "SITE_URL"),
        ({**PRODUCTION, "ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({**PRODUCTION, "DATABASE_THREADS": "many"}, "DATABASE_THREADS"),
    ],
)
def test_a_missing_or_wrong_setting_stops_the_start_with_its_name(
    tmp_path: Path, env: dict[str, str], named: str
) -> None:
    run = manage("check", data=tmp_path, **env)
    assert run.returncode != 0
    assert named in run.stderr


def test_the_demo_keeps_a_secret_key_of_its_own_and_answers_on_loopback_only(tmp_path: Path) -> None:
    ask = "s.SECRET_KEY, s.ALLOWED_HOSTS"
    first = show(ask, tmp_path, DEMO="true", ALLOWED_HOSTS="rapport.school.example")
    assert "rapport.school.example" not in first
    assert show(ask, tmp_path, DEMO="true") == first
    assert (tmp_path / "demo-secret-key").stat().st_mode & 0o077 == 0


def test_servers_are_used_where_they_are_named_and_nothing_is_needed_where_not(tmp_path: Path) -> None:
    ask = "s.DATABASES['default']['ENGINE'], s.CACHES['default']['BACKEND'], s.CELERY_BROKER_URL"
    alone = show(ask, tmp_path, **PRODUCTION)
    assert "sqlite3" in alone
    assert "filesystem://" in alone
    servers = {"DATABASE_URL": "postgres://u@127.0.0.1/x", "REDIS_URL": "redis://127.0.0.1:6379/5"}
    assert show(ask, tmp_path, **PRODUCTION, **servers).count("redis") == 2


def test_behind_a_proxy_the_forwarded_scheme_is_believed_only_when_told_so(tmp_path: Path) -> None:
    ask = "getattr(s, 'SECURE_PROXY_SSL_HEADER', None)"
    assert show(ask, tmp_path, **PRODUCTION) == "None"
    assert "https" in show(ask, tmp_path, **PRODUCTION, TRUST_PROXY="true")


def test_the_demo_is_refused_off_loopback_and_outside_the_demo(tmp_path: Path) -> None:
    off_loopback = manage("serve", "--host", "0.0.0.0", data=tmp_path, DEMO="true")
    assert off_loopback.returncode != 0
    assert "this machine only" in off_loopback.stderr
    outside = manage("demo", data=tmp_path, **PRODUCTION)
    assert outside.returncode != 0
    assert "DEMO=true" in outside.stderr
