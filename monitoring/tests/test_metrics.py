"""Prometheus reads the metrics with the token; for others there is no such page, and no label says who or what."""

from typing import Any

import pytest
from django.test import Client as Browser
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import User
from conversations.models import Session
from monitoring import gauges, metrics, reports
from monitoring.gauges import Reading
from monitoring.models import Alert
from monitoring.tables import Unit
from monitoring.tests.ledger import ago, settled

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-some-length"


def scrape(client: Browser) -> dict[tuple[str, ...], float]:
    """The samples by name and the values of their labels."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


@pytest.mark.parametrize(
    ("token", "shown"),
    [(TOKEN, ""), (TOKEN, "Bearer"), (TOKEN, "Bearer another"), (TOKEN, f"Basic {TOKEN}"), ("", "Bearer "), ("", "")],
)
def test_without_the_token_there_is_no_such_page(client: Browser, settings: Any, token: str, shown: str) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers={"Authorization": shown}).status_code == 404
    assert client.get("/metrics").status_code == 404


@pytest.mark.usefixtures("noon")
def test_the_tables_are_read_when_somebody_asks(client: Browser, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    settled(ago(seconds=1), cost_microusd=2_500_000, outcome="failed")
    Alert.objects.create(key="k", kind="slow", severity="warning", text="Slow.")
    reports.check_health(["database", "workers"])
    found = scrape(client)
    assert found["rapport_cost_usd_today",] == 2.5
    assert found["rapport_failures_today",] == 1
    assert found["rapport_tokens_today", "input"] == 100
    assert found["rapport_health", "database"] == 1
    assert found["rapport_health", "workers"] == 0
    assert found["rapport_health", "cache"] == 0
    assert found["rapport_processes", "worker"] == 0
    assert found["rapport_alerts", "slow"] == 1
    assert found["rapport_alerts", "stuck"] == 0
    assert found["rapport_jobs", "running"] == 0
    assert found["rapport_now_active_sessions",] == 0


def test_a_gauge_with_nothing_to_measure_is_left_out(
    client: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(gauges, "_gauges", {})
    gauges.register("nothing", label="Nothing", unit=Unit.SHARE, read=lambda: Reading(None))
    gauges.register("half", label="Half", unit=Unit.SHARE, read=lambda: Reading(0.5))
    found = scrape(client)
    assert found["rapport_now_half",] == 0.5
    assert ("rapport_now_nothing",) not in found


def test_a_gauge_that_raises_is_left_out_and_the_others_are_there(
    client: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = TOKEN

    def broken() -> Reading:
        raise ZeroDivisionError

    monkeypatch.setattr(gauges, "_gauges", {})
    gauges.register("broken", label="Broken", unit=Unit.SHARE, read=broken)
    gauges.register("half", label="Half", unit=Unit.SHARE, read=lambda: Reading(0.5))
    found = scrape(client)
    assert found["rapport_now_half",] == 0.5
    assert ("rapport_now_broken",) not in found
    assert found["rapport_attempts_today",] == 0


def test_each_process_counts_requests_by_route_and_turns_by_outcome(
    client: Browser, settings: Any, student: User
) -> None:
    settings.METRICS_TOKEN = TOKEN
    before = scrape(client)
    client.force_login(student)
    client.get("/nowhere/secret-token")
    client.generic("PEEK", "/nowhere/else")
    metrics.count_turn(Session.Status.COMPLETED, 900)
    metrics.count_turn("failed", None)
    after = scrape(client)

    def more(*key: str) -> float:
        return after[key] - before.get(key, 0)

    assert more("rapport_http_requests_total", "GET", "none", "404") == 1
    assert more("rapport_http_requests_total", "other", "none", "404") == 1
    assert more("rapport_turns_total", "failed") == 1
    assert more("rapport_first_text_seconds_count") == 1
    assert more("rapport_first_text_seconds_bucket", "1.0") == 1
    assert "secret" not in str(after)
    assert str(student.pk) not in str(after)
