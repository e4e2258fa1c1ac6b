"""Many who do the same thing at once, and kinds of background work for a test."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from monitoring import jobs
from monitoring.tests.books import book
from monitoring.tests.looking import NOON

Act = Callable[[int], bool]
Crowd = Callable[[Act, int], list[bool]]

THREADS = 8


@pytest.fixture
def crowd(transactional_db: None) -> Iterator[Crowd]:
    """Does something so many times in eight threads, each with a connection of its own."""
    pool = ThreadPoolExecutor(THREADS)
    gate = threading.Barrier(THREADS)

    def run(act: Act, times: int) -> list[bool]:
        def share(first: int) -> list[bool]:
            try:
                gate.wait(60)
                return [act(number) for number in range(first, times, THREADS)]
            finally:
                connection.close()

        return [answer for answers in pool.map(share, range(THREADS)) for answer in answers]

    yield run
    pool.shutdown()


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon, and half past: far from where an hour, a day or a month ends."""
    monkeypatch.setattr(timezone, "now", lambda: NOON)


@pytest.fixture
def kinds() -> Iterator[None]:
    """The kind "test.book", and whatever else a test registers, taken away afterwards."""
    before = dict(jobs._handlers)
    jobs.register("test.book", book)
    yield
    jobs._handlers.clear()
    jobs._handlers.update(before)
