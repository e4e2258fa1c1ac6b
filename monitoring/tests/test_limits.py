"""Limits hold exactly, however many ask at once, and say when to come again."""

import datetime as dt
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import transaction
from django.utils import timezone, translation

from monitoring import limits
from monitoring.limits import LimitReachedError
from monitoring.models import RateLimit, RateWindow
from monitoring.tasks import clear_windows
from monitoring.tests.conftest import Crowd

Name = RateLimit.Name
PERSON, SITE = Name.MESSAGES_PER_PERSON, Name.MESSAGES_OF_SITE
START = dt.datetime(2026, 9, 1, 8, tzinfo=dt.UTC)


class Clock:
    """The time, where a test decides it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now

    def later(self, seconds: float) -> None:
        """Let so much time go by."""
        self.now += dt.timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until told."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


def allow(name: RateLimit.Name, count: int, seconds: int = 60) -> None:
    """Set this limit."""
    RateLimit.objects.update_or_create(name=name, defaults={"count": count, "seconds": seconds})
    limits.forget()


def admit(*keys: limits.Key) -> bool:
    """Whether all these are admitted once more."""
    try:
        with transaction.atomic():
            limits.admit(*keys)
    except LimitReachedError:
        return False
    return True


def refusal(*keys: limits.Key) -> LimitReachedError:
    """How one more is refused."""
    with pytest.raises(LimitReachedError) as caught, transaction.atomic():
        limits.admit(*keys)
    return caught.value


def counted(name: RateLimit.Name, key: str) -> int:
    """How many count now."""
    row = RateWindow.objects.filter(name=name, key=key).first()
    window = limits.window_of(row) if row else None
    return window.used(timezone.now()) if window else 0


pytestmark = pytest.mark.django_db


def test_a_new_installation_has_limits() -> None:
    rows = {limit.name: (limit.count, limit.seconds) for limit in RateLimit.objects.all()}
    assert rows == {
        "message_user": (10, 60),
        "message_site": (1_000, 3_600),
        "sign_in_account": (10, 300),
        "sign_in_address": (100, 300),
        "export_user": (60, 3_600),
    }


def test_who_waits_as_long_as_told_is_admitted(clock: Clock) -> None:
    assert [admit((PERSON, "ada")) for _ in range(12)] == [True] * 10 + [False] * 2
    error = refusal((PERSON, "ada"))
    assert (error.name, error.retry_after) == (PERSON, 61)
    assert str(error) == "You can send the next message in 61 seconds."
    clock.later(error.retry_after - 1)
    assert str(refusal((PERSON, "ada"))) == "You can send the next message in 1 second."
    clock.later(1)
    assert admit((PERSON, "ada"))


def test_each_key_has_a_window_of_its_own(clock: Clock) -> None:
    allow(PERSON, 1)
    assert admit((PERSON, "ada"))
    assert admit((PERSON, "bob"))
    assert not admit((PERSON, "ada"))


def test_when_one_limit_is_full_nothing_is_counted_under_the_others(clock: Clock) -> None:
    allow(PERSON, 5)
    allow(SITE, 1)
    assert admit((PERSON, "ada"), (SITE, ""))
    assert not admit((PERSON, "ada"), (SITE, ""))
    assert counted(PERSON, "ada") == 1


def test_the_longest_wait_is_named(clock: Clock) -> None:
    allow(PERSON, 1, 60)
    allow(SITE, 1, 3_600)
    assert admit((PERSON, "ada"), (SITE, ""))
    error = refusal((SITE, ""), (PERSON, "ada"))
    assert (error.name, error.retry_after) == (SITE, 3_660)
    assert str(error) == "Very many people are writing just now. You can send the next message in 61 minutes."


def test_what_a_given_up_transaction_counted_is_free_again() -> None:
    allow(PERSON, 1)
    with transaction.atomic():
        limits.admit((PERSON, "ada"))
        transaction.set_rollback(True)
    assert admit((PERSON, "ada"))


def test_a_limit_without_a_row_does_not_limit(clock: Clock) -> None:
    RateLimit.objects.filter(name=PERSON).delete()
    limits.forget()
    assert all(admit((PERSON, "ada")) for _ in range(50))
    with transaction.atomic():
        limits.give_back((PERSON, "ada"), counted_at=clock.now)
    assert not RateWindow.objects.exists()
    assert limits.window_of(RateWindow(name=PERSON, key="ada")) is None


@pytest.mark.servers
@pytest.mark.usefixtures("still")
def test_asking_takes_two_queries(django_assert_num_queries: Callable) -> None:
    limits.in_force()
    for _ in range(3):
        with transaction.atomic(), django_assert_num_queries(2):
            limits.admit((PERSON, "ada"), (SITE, ""), (PERSON, "ada"))
    assert (counted(PERSON, "ada"), counted(SITE, "")) == (3, 3)


def test_a_changed_limit_holds_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr("monitoring.limits.time.monotonic", lambda: seconds[0])
    assert admit((PERSON, "ada"))
    RateLimit.objects.filter(name=PERSON).update(count=1)
    seconds[0] += 1
    assert not admit((PERSON, "ada"))


def test_a_lower_limit_counts_what_came_before(clock: Clock) -> None:
    assert all(admit((PERSON, "ada")) for _ in range(8))
    allow(PERSON, 5)
    assert not admit((PERSON, "ada"))
    allow(PERSON, 9)
    assert admit((PERSON, "ada"))
    assert not admit((PERSON, "ada"))


def test_what_is_given_back_or_cleared_counts_no_longer(clock: Clock) -> None:
    allow(PERSON, 2)
    with transaction.atomic():
        counted_at = limits.admit((PERSON, "ada"))
    clock.later(30)
    assert admit((PERSON, "ada"))
    with transaction.atomic():
        limits.give_back((PERSON, "ada"), counted_at=counted_at)
    assert counted(PERSON, "ada") == 1
    limits.clear((PERSON, "ada"))
    assert counted(PERSON, "ada") == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (90, "90 seconds"), (91, "2 minutes"), (120, "2 minutes"), (3_600, "60 minutes")],
)
def test_waits_are_said_in_plain_words(seconds: int, words: str) -> None:
    assert limits.wait_words(seconds) == words


@pytest.mark.parametrize("name", Name)
def test_every_limit_has_its_sentence(name: RateLimit.Name) -> None:
    with translation.override("en"):
        assert str(LimitReachedError(name, 12)).endswith("in 12 seconds.")


def test_windows_that_count_nothing_any_more_are_deleted_and_the_others_stay(clock: Clock) -> None:
    for name in Name:
        admit((name, "old"))
    clock.later(3_601)
    admit((PERSON, "new"))
    assert counted(SITE, "old") == 1
    clear_windows()
    left = {(row.name, row.key) for row in RateWindow.objects.all()}
    assert left == {(PERSON, "new"), (SITE, "old"), (Name.EXPORTS_PER_PERSON, "old")}
    RateLimit.objects.filter(name=SITE).delete()
    clock.later(3_600)
    clear_windows()
    clear_windows()
    assert not RateWindow.objects.exists()


# --- Many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_of_two_hundred_at_once_against_ten_exactly_ten_are_admitted(crowd: Crowd) -> None:
    allow(PERSON, 10, 3_600)
    assert sum(crowd(lambda _number: admit((PERSON, "ada")), 200)) == 10
    assert counted(PERSON, "ada") == 10


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_several_limits_at_once_are_exact_and_nobody_waits_for_ever(crowd: Crowd) -> None:
    allow(PERSON, 8, 3_600)
    allow(SITE, 30, 3_600)
    people = ["ada", "bob", "cleo", "dan", "eve"]
    admitted: list[str] = []

    def send(number: int) -> bool:
        keys = [(PERSON, people[number % 5]), (SITE, "")]
        if number % 40 == 0:
            limits.clear_stale()
        if number % 50 == 0:
            limits.clear((Name.EXPORTS_PER_PERSON, "ada"))
        # The order in which they are named is not the order in which they are locked.
        if not admit(*(keys if number % 2 else reversed(keys))):
            return False
        admitted.append(people[number % 5])
        return True

    assert sum(crowd(send, 200)) == 30
    assert max(Counter(admitted).values()) <= 8
    assert counted(SITE, "") == 30
    assert {name: counted(PERSON, name) for name in people} == {name: admitted.count(name) for name in people}


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_windows_that_come_and_go_while_many_ask_lock_nobody_out(crowd: Crowd) -> None:
    allow(PERSON, 1_000, 3_600)
    allow(SITE, 1_000, 3_600)

    def send(number: int) -> bool:
        if number % 5 == 0:
            limits.clear((SITE, "") if number % 2 else (PERSON, str(number % 3)))
        return admit((PERSON, str(number % 3)), (SITE, ""))

    assert all(crowd(send, 320))
