"""Workers and the schedule say that they live, leave in order, and log which request asked for a task."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from celery.schedules import schedule
from django.db import OperationalError

from config import hearts, tracing
from config.tests.portal import BASE, Portal, portal_database
from monitoring import heartbeats, logs
from monitoring.models import Heartbeat

LIVING = "from monitoring.models import Heartbeat; print(*sorted(Heartbeat.objects.values_list('kind', flat=True)))"
ASK = """
from celery import current_app
from monitoring import logs
with logs.about(request_id="edge-12345678"):
    current_app.send_task("monitoring.clear_windows")
"""


def until(said: Callable[[], bool]) -> None:
    """Wait until that is so, two minutes at most."""
    end = time.monotonic() + 120
    while not said():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.servers
def test_a_worker_and_its_schedule_live_while_they_run_and_leave_in_order(tmp_path: Path) -> None:
    with portal_database() as database:
        env = {"WORKER_PULSE_SECONDS": "0.5", "LOG_FORMAT": "json"}
        portal = Portal(tmp_path, **database, **env)
        portal.manage("migrate", "-v", "0")
        pool = ["-c", "1"] if database else ["-P", "solo"]
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-B", *pool, "-l", "info"]
        log = tmp_path / "log"
        with log.open("w") as file:
            worker = subprocess.Popen(command, cwd=BASE, env=portal.env, stdout=file, stderr=subprocess.STDOUT)
            try:
                until(lambda: '"monitoring.pulse"' in log.read_text())
                portal.ask(ASK)
                until(lambda: portal.ask(LIVING) == "beat pulse worker")
                until(lambda: "edge-12345678" in log.read_text())
            finally:
                worker.terminate()
                worker.wait(120)
        assert portal.ask(LIVING) == "pulse"
    assert "could not beat" not in log.read_text()
    rows = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    asked = next(row for row in rows if row.get("request_id") == "edge-12345678")
    assert asked["task"] == "monitoring.clear_windows"
    assert asked["task_id"]


@pytest.mark.django_db
def test_a_heart_beats_no_more_often_than_it_must(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[str] = []
    monkeypatch.setattr(heartbeats, "beat", lambda _id, kind: beats.append(kind))
    heart = hearts.Heart("worker")
    heart.beat()
    heart.beat()
    assert beats == ["worker"]


@pytest.mark.django_db
def test_a_database_that_is_away_costs_a_beat_and_no_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("no database")

    monkeypatch.setattr(heartbeats, "beat", away)
    hearts.Heart("worker").beat()
    assert "could not beat" in caplog.text


@pytest.mark.django_db
def test_the_schedule_beats_while_it_ticks(tmp_path: Path, settings: Any) -> None:
    settings.WORKER_PULSE_SECONDS = 5.0
    scheduler = hearts.BeatingScheduler(current_app, schedule_filename=str(tmp_path / "schedule"), lazy=True)
    scheduler.setup_schedule()
    far = scheduler.Entry(name="far", task="far", schedule=schedule(timedelta(days=1)), app=current_app)
    scheduler.schedule.clear()
    scheduler.schedule["far"] = far
    assert 0 < scheduler.tick() <= 5
    assert Heartbeat.objects.alive(Heartbeat.Kind.BEAT).count() == 1
    scheduler.close()
    assert not Heartbeat.objects.exists()


@pytest.mark.parametrize(
    ("process", "pool", "hearts_of"),
    [("MainProcess", "solo", 1), ("MainProcess", "prefork", 0), ("ForkPoolWorker-1", "prefork", 1)],
)
def test_a_worker_beats_where_its_tasks_are_done_and_never_where_it_forks(
    monkeypatch: pytest.MonkeyPatch, process: str, pool: str, hearts_of: int
) -> None:
    started: list[str] = []
    stopped: list[str] = []
    monkeypatch.setattr(hearts.Heart, "start", lambda heart: started.append(heart.kind))
    monkeypatch.setattr(hearts.Heart, "stop", lambda heart: stopped.append(heart.kind))
    monkeypatch.setattr(hearts, "current_process", lambda: SimpleNamespace(name=process))
    hearts._on_child()
    if process == "MainProcess":
        made = type("TaskPool", (), {"__module__": f"celery.concurrency.{pool}"})()
        hearts._on_ready(sender=SimpleNamespace(pool=made))
    hearts._on_end()
    assert started == stopped == ["worker"] * hearts_of


@pytest.mark.django_db(transaction=True)
def test_a_heart_in_a_thread_beats_until_it_is_stopped(settings: Any) -> None:
    settings.WORKER_PULSE_SECONDS = 0.05
    heart = hearts.Heart("worker")
    heart.start()
    until(lambda: Heartbeat.objects.alive(Heartbeat.Kind.WORKER).exists())
    first = Heartbeat.objects.get().beat_at
    until(lambda: Heartbeat.objects.get().beat_at > first)
    heart.stop()
    assert not Heartbeat.objects.exists()


def test_a_task_says_which_request_asked_for_it_and_an_eager_one_stays_with_its_request() -> None:
    headers: dict[str, Any] = {}
    tracing._send_along(headers)
    assert headers == {}
    with logs.about(request_id="edge-12345678"):
        tracing._send_along(headers)
        eager = SimpleNamespace(name="t", request=SimpleNamespace(is_eager=True))
        tracing._begin(task_id="1", task=eager)
        tracing._end(task=eager)
        assert logs.known() == {"request_id": "edge-12345678"}
    sent = SimpleNamespace(name="t", request=SimpleNamespace(is_eager=False, **headers))
    tracing._begin(task_id="1", task=sent)
    assert logs.known() == {"task": "t", "task_id": "1", "request_id": "edge-12345678"}
    tracing._end(task=sent)
    assert logs.known() == {}
