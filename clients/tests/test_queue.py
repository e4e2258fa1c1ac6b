"""The line before a model: first come, first served, and whoever leaves makes room."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clients.tests.provider import PATIENCE, until
from clients.voices.queue import Queue


@pytest.fixture(autouse=True)
def one_at_a_time(settings: Any) -> None:
    settings.MODEL_CALLS_AT_ONCE = 1


class Person:
    """One who enters, speaks until told to go, and leaves."""

    def __init__(self, queue: Queue, name: int, spoke: list[int]) -> None:
        self.positions: list[int] = []
        self.done = asyncio.Event()
        self.inside = False
        self.task = asyncio.create_task(self._live(queue, name, spoke))

    async def _live(self, queue: Queue, name: int, spoke: list[int]) -> None:
        await queue.enter(self._tick)
        try:
            spoke.append(name)
            self.inside = True
            await self.done.wait()
        finally:
            self.inside = False
            queue.leave()

    async def _tick(self, position: int) -> float:
        self.positions.append(position)
        return 0.01


async def test_a_free_place_is_taken_without_a_word_about_waiting() -> None:
    async def tick(position: int) -> float:
        raise AssertionError(position)

    assert await Queue().enter(tick) == 0


async def test_twenty_are_served_in_the_order_they_came_and_see_their_place_move_up() -> None:
    queue, spoke = Queue(), list[int]()
    people = [Person(queue, name, spoke) for name in range(20)]
    await until(lambda: people[19].positions == [19])
    for person in people:
        await until(partial(getattr, person, "inside"))
        assert sum(other.inside for other in people) == 1
        person.done.set()
        await person.task
        # A moment, so that those behind look up.
        await asyncio.sleep(0.015)
    assert spoke == list(range(20))
    assert people[0].positions == []
    assert people[19].positions == sorted(people[19].positions, reverse=True)
    assert people[19].positions[-1] == 1


async def test_whoever_leaves_the_line_lets_those_behind_move_up() -> None:
    queue, spoke = Queue(), list[int]()
    people = [Person(queue, name, spoke) for name in range(4)]
    await until(lambda: people[3].positions[-1:] == [3])
    people[1].task.cancel()
    await until(lambda: people[3].positions[-1] == 2)
    people[0].done.set()
    await until(lambda: people[2].inside)
    assert spoke == [0, 2]
    for person in people:
        person.task.cancel()
    await asyncio.gather(*(person.task for person in people), return_exceptions=True)


async def test_a_turn_that_comes_in_the_moment_of_leaving_goes_to_the_next() -> None:
    queue, spoke = Queue(), list[int]()
    people = [Person(queue, name, spoke) for name in range(3)]
    await until(lambda: people[2].positions[-1:] == [2])
    queue.leave()  # as the first would: the turn is the second's now
    people[1].task.cancel()
    await until(lambda: people[2].inside)
    assert spoke == [0, 2]
    queue._taken += 1  # the first one leaves once more, in its own task
    for person in people:
        person.done.set()
    await asyncio.gather(*(person.task for person in people), return_exceptions=True)
    assert queue._taken == 0


async def test_what_a_look_around_raises_ends_the_waiting_and_holds_no_place() -> None:
    queue = Queue()

    async def tick(position: int) -> float:
        raise ValueError

    await queue.enter(tick)
    with pytest.raises(ValueError):
        await queue.enter(tick)
    queue.leave()
    assert await queue.enter(tick) == 2


async def test_those_who_wait_with_a_place_count_by_when_they_came() -> None:
    queue = Queue()
    with queue.waiting(7), queue.waiting(3), queue.waiting(5):
        assert [queue.position(number) for number in (3, 5, 7)] == [1, 2, 3]
    with queue.waiting(9):
        assert queue.position(9) == 1


async def test_a_wider_door_lets_several_in_at_once(settings: Any) -> None:
    queue, spoke = Queue(), list[int]()
    people = [Person(queue, name, spoke) for name in range(6)]
    await until(lambda: people[5].positions == [5])
    settings.MODEL_CALLS_AT_ONCE = 3
    people[0].done.set()
    await until(lambda: len(spoke) == 4)
    assert spoke == [0, 1, 2, 3]
    for person in people:
        person.done.set()
    await asyncio.gather(*(person.task for person in people))


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=20))
def test_whatever_happens_no_place_is_lost_and_none_is_given_twice(events: list[tuple[int, bool]]) -> None:
    async def story() -> None:
        queue, spoke = Queue(), list[int]()
        people = [Person(queue, name, spoke) for name in range(10)]
        await asyncio.sleep(0)
        for name, stopped in events:
            if stopped:
                people[name].task.cancel()
            else:
                people[name].done.set()
            await asyncio.sleep(0)
            assert sum(person.inside for person in people) <= 1
        for person in people:
            person.done.set()
        async with asyncio.timeout(PATIENCE):
            for person in people:
                with suppress(asyncio.CancelledError):
                    await person.task
        assert (queue._taken, len(queue._turns), queue._waiting) == (0, 0, [])
        assert spoke == sorted(spoke)

    asyncio.run(story())
