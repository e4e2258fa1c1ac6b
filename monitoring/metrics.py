"""Metrics for Prometheus: what this process counts, and what the tables say when somebody asks.

No label holds what people wrote or who they are. Counters are of one process: each is asked at its own port.
"""

import logging
from collections.abc import Iterator

from django.db.models import Count
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitoring import figures, gauges, pricing, reports
from monitoring.models import Alert, Heartbeat, Job

logger = logging.getLogger("rapport.metrics")

registry = CollectorRegistry()
requests = Counter(
    "rapport_http_requests", "Requests answered by this process.", ["method", "route", "status"], registry=registry
)
request_seconds = Histogram(
    "rapport_http_request_seconds", "Seconds to the answer of a request.", ["route"], registry=registry,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
turns = Counter("rapport_turns", "Turns that ended in this process.", ["outcome"], registry=registry)
first_text_seconds = Histogram(
    "rapport_first_text_seconds", "Seconds from a message to the first text of its reply.", registry=registry,
    buckets=(0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 13, 21, 34),
)  # fmt: skip
_UNFINISHED = (Job.State.PENDING, Job.State.RUNNING, Job.State.PAUSED)
_TOKENS = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")
# Without conversations and replies, which cost more to count than the rest.
_OF_TODAY = ("attempts", "failures", "cost_microusd", *_TOKENS)
# Other methods are whatever somebody types.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer."""
    requests.labels(method if method in METHODS else "other", route, str(status)).inc()
    request_seconds.labels(route).observe(seconds)


def count_turn(outcome: str, first_text_ms: int | None) -> None:
    """Count one turn that ended."""
    turns.labels(outcome).inc()
    if first_text_ms is not None:
        first_text_seconds.observe(first_text_ms / 1_000)


class Tables(Collector):
    """What the tables say at the moment of the question, the same from every process."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Each figure; a handful of queries over indexes."""
        yield from self._today()
        yield _by("rapport_health", "Whether a check is in order (1), or not or unknown (0).", "check", {
            one.name: float(one.is_ok is True) for one in reports.current()
        })  # fmt: skip
        yield _by("rapport_processes", "Processes that live.", "kind", {
            kind: float(Heartbeat.objects.alive(kind).count())
            for kind in (Heartbeat.Kind.WEB, Heartbeat.Kind.WORKER, Heartbeat.Kind.BEAT)
        })  # fmt: skip
        unseen = Alert.objects.filter(acknowledged_at=None).order_by().values_list("kind").annotate(Count("pk"))
        yield _by("rapport_alerts", "Alerts that nobody has seen to.", "kind", {
            **dict.fromkeys(Alert.Kind.values, 0.0), **dict(unseen)
        })  # fmt: skip
        waiting = Job.objects.filter(state__in=_UNFINISHED).order_by().values_list("state").annotate(Count("pk"))
        yield _by("rapport_jobs", "Background work that has not ended.", "state", {
            **dict.fromkeys(_UNFINISHED, 0.0), **dict(waiting)
        })  # fmt: skip
        yield from self._gauges()

    def _today(self) -> Iterator[GaugeMetricFamily]:
        today = figures.today_so_far(_OF_TODAY)
        cost = today["cost_microusd"] / pricing.MILLION
        yield _one("rapport_cost_usd_today", "Dollars spent on this school day.", cost)
        yield _by("rapport_tokens_today", "Tokens of this school day.", "kind", {
            name.removesuffix("_tokens"): float(today[name]) for name in _TOKENS
        })  # fmt: skip
        yield _one("rapport_attempts_today", "Attempts at a reply or other work of a model.", today["attempts"])
        yield _one("rapport_failures_today", "Attempts that failed or were interrupted.", today["failures"])

    def _gauges(self) -> Iterator[GaugeMetricFamily]:
        """What apps above know of this moment; one that raises goes to the log, and the others are there."""
        for gauge in gauges.all_gauges():
            try:
                value = gauge.read().value
            except Exception:
                logger.exception("gauge %s failed", gauge.name)
                continue
            if value is not None:
                yield _one(f"rapport_now_{gauge.name}", f"{gauge.label} ({gauge.unit}).", value)


def _one(name: str, said: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, said, value=value)


def _by(name: str, said: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, said, labels=[label])
    for value in sorted(values):
        family.add_metric([value], values[value])
    return family


def exposition() -> bytes:
    """Everything in Prometheus's text format."""
    return generate_latest(registry)


registry.register(Tables())
