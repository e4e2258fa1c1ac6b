"""One breaker for all processes: who opens it, who may try again, and what people are told."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from accounts.models import User
from monitoring import breakers, providers
from monitoring.breakers import Status, failed, release_probe, succeeded, try_probe
from monitoring.models import Alert, Breaker, ErrorEntry, Severity

pytestmark = pytest.mark.django_db

HAIKU: Any = {"provider": "api.anthropic.com", "model": "claude-haiku-5-5"}
OPUS: Any = {"provider": "api.anthropic.com", "model": "claude-opus-5-5"}


def fail(times: int, fault: str = "overloaded", **who: Any) -> None:
    for _ in range(times):
        failed(**(who or HAIKU), fault=fault)


def state(**who: str) -> Breaker:
    return breakers.read()[(who or HAIKU)["provider"], (who or HAIKU)["model"]]


def let_it_rest(seconds: float = 31) -> None:
    """Move what happened into the past."""
    back = dt.timedelta(seconds=seconds)
    for row in Breaker.objects.all():
        row.failed_at = row.failed_at and row.failed_at - back
        row.probe_until = row.probe_until and row.probe_until - back
        row.save()


def at_once(verb: Callable[[], Any], times: int) -> list[Any]:
    def one(_number: int) -> Any:
        try:
            return verb()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(times)))


def test_all_breakers_are_read_in_one_query(django_assert_num_queries: Callable[..., Any]) -> None:
    fail(1)
    fail(1, **OPUS)
    with django_assert_num_queries(1):
        assert set(breakers.read()) == {tuple(HAIKU.values()), tuple(OPUS.values())}


@pytest.mark.parametrize("fault", sorted(breakers.COUNTED))
def test_five_faults_in_a_row_open_it_and_tell_operators_once(fault: str) -> None:
    fail(4, fault)
    assert state().state == "closed"
    fail(3, fault)
    row = state()
    assert (row.state, row.failures, row.last_fault) == ("open", 7, fault)
    assert row.opened_at
    alert = Alert.objects.get()
    assert alert.key == f"breaker:api.anthropic.com:claude-haiku-5-5:{row.opened_at.isoformat()}"
    assert (alert.kind, alert.severity) == (Alert.Kind.BREAKER, Severity.CRITICAL)
    assert fault in alert.text
    assert ErrorEntry.objects.get().severity == Severity.CRITICAL


@pytest.mark.parametrize("fault", ["rate_limit", "invalid_request", "refusal"])
def test_an_answer_that_is_not_wanted_is_still_an_answer(fault: str) -> None:
    fail(20, fault)
    assert breakers.read() == {}


def test_a_success_in_between_begins_the_count_again() -> None:
    fail(4)
    succeeded(**HAIKU)
    fail(4)
    assert state().state == "closed"
    assert not Alert.objects.exists()


def test_one_model_does_not_open_the_breaker_of_another() -> None:
    fail(4)
    fail(4, **OPUS)
    assert {row.state for row in breakers.read().values()} == {"closed"}


def test_a_success_of_a_healthy_model_changes_no_row(django_assert_num_queries: Callable[..., Any]) -> None:
    with django_assert_num_queries(1):
        succeeded(**HAIKU)
    assert breakers.read() == {}


def test_a_provider_that_asks_to_wait_is_waited_for_and_never_less_than_it_asked() -> None:
    failed(**HAIKU, fault="rate_limit", wait_seconds=20)
    failed(**HAIKU, fault="rate_limit", wait_seconds=5)
    assert 18 < state().wait_seconds <= 20
    assert (state().state, state().failures) == ("closed", 0)
    failed(**HAIKU, fault="rate_limit", wait_seconds=1e12)
    assert state().wait_seconds <= breakers.WAIT_MAX_SECONDS


def test_nobody_tries_before_it_has_rested_then_one_and_after_a_success_all() -> None:
    assert not try_probe(**HAIKU)
    fail(5)
    assert state().rest_seconds > 28
    assert not try_probe(**HAIKU)
    let_it_rest()
    assert state().rest_seconds == 0
    assert try_probe(**HAIKU)
    assert state().rest_seconds > 28
    assert not try_probe(**HAIKU)
    succeeded(**HAIKU)
    row = state()
    assert (row.state, row.failures, row.opened_at, row.probe_until) == ("closed", 0, None, None)


def test_a_failed_probe_lets_it_rest_again_without_a_second_alert() -> None:
    fail(5)
    began = state().opened_at
    let_it_rest()
    assert try_probe(**HAIKU)
    fail(1)
    row = state()
    assert (row.state, row.opened_at) == ("open", began)
    assert row.rest_seconds > 28
    assert Alert.objects.count() == 1


def test_a_probe_that_never_reports_or_is_given_back_lets_the_next_one_try() -> None:
    fail(5)
    let_it_rest()
    assert try_probe(**HAIKU)
    let_it_rest()
    assert try_probe(**HAIKU)
    release_probe(**HAIKU)
    assert state().rest_seconds == 0
    assert try_probe(**HAIKU)


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_of_many_processes_that_fail_at_once_one_opens_it_and_one_tries_again() -> None:
    at_once(lambda: failed(**HAIKU, fault="server"), 24)
    assert (state().state, state().failures) == ("open", 24)
    assert Alert.objects.count() == ErrorEntry.objects.count() == 1
    let_it_rest()
    assert sum(at_once(lambda: try_probe(**HAIKU), 24)) == 1
    let_it_rest()
    assert sum(at_once(lambda: try_probe(**HAIKU), 24)) == 1


def test_only_a_superuser_closes_it_by_hand(operator: User, teacher: User) -> None:
    fail(5)
    failed(**HAIKU, fault="rate_limit", wait_seconds=600)
    with pytest.raises(PermissionDenied):
        breakers.try_again_now(by=teacher, breakers=Breaker.objects.all())
    assert state().state == "open"
    breakers.try_again_now(by=operator, breakers=Breaker.objects.all())
    assert (state().state, state().wait_seconds, state().rest_seconds) == ("closed", 0, 0)


@pytest.mark.usefixtures("still")
def test_the_status_says_what_may_be_expected(django_assert_num_queries: Callable[..., Any]) -> None:
    both = [HAIKU["model"], OPUS["model"]]
    # Where models are asked is kept for a while.
    providers.endpoint_of(both[0])
    with django_assert_num_queries(1):
        assert breakers.status(both) is Status.HEALTHY
    fail(4)
    assert breakers.status(both) is Status.HEALTHY
    fail(1)
    assert breakers.status(both) is Status.DEGRADED
    assert breakers.status(both[:1]) is Status.UNAVAILABLE
    assert breakers.status(both[1:]) is Status.HEALTHY
    assert breakers.status([]) is Status.HEALTHY
    fail(5, **OPUS)
    assert breakers.status(both) is Status.UNAVAILABLE
    let_it_rest()
    # Somebody's message may find out now.
    assert breakers.status(both) is Status.DEGRADED


def test_a_provider_that_asks_to_wait_is_a_degraded_one() -> None:
    failed(**HAIKU, fault="rate_limit", wait_seconds=20)
    assert breakers.status([HAIKU["model"]]) is Status.DEGRADED
    Breaker.objects.update(wait_until=timezone.now())
    assert breakers.status([HAIKU["model"]]) is Status.HEALTHY


def test_another_provider_is_another_matter(settings: Any) -> None:
    fail(5)
    settings.ANTHROPIC_BASE_URL = "http://user:secret@127.0.0.1:9100/v1"
    assert providers.configured().provider == "127.0.0.1:9100"
    assert breakers.status([HAIKU["model"]]) is Status.HEALTHY


def test_students_and_operators_read_different_words() -> None:
    assert Status.HEALTHY.for_students == ""
    for status in Status:
        assert status.for_operators
        assert "provider" not in status.for_students
        assert "model" not in status.for_students
    assert "kept" in Status.UNAVAILABLE.for_students
