"""Live and ready are different questions with honest answers."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from monitoring import health, heartbeats
from monitoring.models import Heartbeat
from monitoring.tasks import pulse


@pytest.fixture(autouse=True)
def _own_checks() -> Iterator[None]:
    before = dict(health._checks)
    yield
    health._checks.clear()
    health._checks.update(before)


def test_the_process_says_that_it_lives(client: Browser) -> None:
    assert client.get("/healthz").status_code == 200


@pytest.mark.servers
@pytest.mark.django_db
def test_ready_means_that_database_cache_and_worker_answer(client: Browser) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["worker"] != "ok"
    pulse()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert {"database", "cache", "worker"} <= set(answer.json()["checks"])


@pytest.mark.django_db
def test_a_check_that_breaks_is_not_ok_and_does_not_show_its_error(client: Browser) -> None:
    def breaks() -> str:
        raise RuntimeError("password=hunter2")

    health.register("broken", breaks)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broken"] != "ok"
    assert "hunter2" not in answer.text


@pytest.mark.django_db
def test_a_cache_that_forgets_is_not_ok(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert health.check_cache() != ""


@pytest.mark.django_db
def test_a_heart_that_stopped_beating_is_dead_and_one_that_left_is_gone() -> None:
    process = uuid.uuid4()
    heartbeats.beat(process, Heartbeat.Kind.WEB)
    heartbeats.beat(process, Heartbeat.Kind.WEB)
    assert Heartbeat.objects.alive(Heartbeat.Kind.WEB).count() == 1
    assert str(Heartbeat.objects.get()).startswith("web ")
    Heartbeat.objects.update(beat_at=timezone.now() - dt.timedelta(minutes=1))
    assert not Heartbeat.objects.alive(Heartbeat.Kind.WEB).exists()
    heartbeats.stop(process)
    assert not Heartbeat.objects.exists()
