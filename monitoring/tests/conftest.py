"""Many who do the same thing at once."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

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
                gate.wait(20)
                return [act(number) for number in range(first, times, THREADS)]
            finally:
                connection.close()

        return [answer for answers in pool.map(share, range(THREADS)) for answer in answers]

    yield run
    pool.shutdown()
