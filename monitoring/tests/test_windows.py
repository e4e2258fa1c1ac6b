"""Sliding windows keep two promises: never more than the limit in any stretch, and the wait they name is enough."""

import datetime as dt
import json

from hypothesis import given
from hypothesis import strategies as st

from monitoring.windows import SLOTS, Window

START = dt.datetime(2026, 9, 1, 8, tzinfo=dt.UTC)
COUNTS = st.integers(1, 6)
LENGTHS = st.integers(1, 100_000)
# Pauses between attempts, as shares of a window: mostly short, some on the very edges of slots and windows.
PAUSES = st.lists(
    st.one_of(st.floats(0, 0.4), st.sampled_from([0.0, 1 / SLOTS, 0.5, 1.0, 1 + 1 / SLOTS])), min_size=1, max_size=60
)


def moments(seconds: int, pauses: list[float]) -> list[dt.datetime]:
    """The moments of attempts with these pauses before each."""
    now, all_of_them = START, []
    for pause in pauses:
        now += dt.timedelta(seconds=seconds * pause)
        all_of_them.append(now)
    return all_of_them


def kept(window: Window) -> Window:
    """The window as the database would give it back."""
    return Window.from_json(json.loads(json.dumps(window.to_json())), count=window.count, seconds=window.seconds)


@given(COUNTS, LENGTHS, PAUSES)
def test_no_stretch_of_the_length_ever_holds_more_than_the_limit(count: int, seconds: int, pauses: list[float]) -> None:
    window = Window(count, seconds)
    admitted: list[dt.datetime] = []
    length = dt.timedelta(seconds=seconds)
    for now in moments(seconds, pauses):
        room = count - window.used(now)
        assert (room > 0) == (window.wait(now) == 0)
        assert room <= count - sum(now - length <= moment for moment in admitted)
        if room:
            window = kept(window.add(now))
            admitted.append(now)
    for first in admitted:
        assert sum(first <= moment <= first + length for moment in admitted) <= count
    assert len(window.slots) <= SLOTS + 1


@given(COUNTS, LENGTHS, PAUSES, COUNTS)
def test_the_wait_it_names_is_enough_and_hardly_more(
    count: int, seconds: int, pauses: list[float], lowered: int
) -> None:
    window, added = Window(count, seconds), []
    for now in moments(seconds, pauses):
        window = window.add(now)  # counted whether allowed or not: also what is over the limit must end some day
        added.append(now)
        limited = Window(lowered, seconds, window.slots)
        wait = limited.wait(now)
        if wait == 0:
            assert limited.used(now) < lowered
            continue
        assert wait >= 1
        assert limited.wait(now + dt.timedelta(seconds=wait)) == 0
        if wait > 1:
            assert limited.wait(now + dt.timedelta(seconds=wait - 1)) > 0
        exact = max(dt.timedelta(0), added[-lowered] + dt.timedelta(seconds=seconds) - now)
        assert exact <= dt.timedelta(seconds=wait) <= exact + dt.timedelta(seconds=seconds / SLOTS + 1)


def test_a_changed_count_keeps_what_was_counted_and_a_changed_length_begins_anew() -> None:
    window = Window(3, 60).add(START).add(START)
    assert Window.from_json(window.to_json(), count=2, seconds=60) == Window(2, 60, window.slots)
    assert Window.from_json(window.to_json(), count=2, seconds=90) == Window(2, 90)


@given(COUNTS, LENGTHS, PAUSES)
def test_what_is_taken_back_makes_room_at_once(count: int, seconds: int, pauses: list[float]) -> None:
    window = Window(count, seconds)
    for now in moments(seconds, pauses):
        window = window.add(now)
        before = window.used(now)
        assert window.add(now).take_back(now, now) == window
        assert window.take_back(now, now).used(now) == before - 1


def test_what_is_forgotten_cannot_be_taken_back() -> None:
    now = START + dt.timedelta(minutes=3)
    window = Window(3, 60).add(START).add(now)
    assert window.take_back(START, now) == window
    assert Window(3, 60).take_back(START, now) == Window(3, 60)


@given(COUNTS, LENGTHS, st.floats(0.001, 1_000))
def test_a_clock_that_was_wrong_locks_nobody_out_for_long(count: int, seconds: int, ahead: float) -> None:
    wrong = START + dt.timedelta(seconds=seconds * ahead)
    window = Window(count, seconds)
    for _ in range(count):
        window = window.add(wrong)
    length = dt.timedelta(seconds=seconds)
    assert window.wait(START) <= 2 * seconds + seconds / 10 + 1
    assert window.add(START).used(START) <= count + 1
    assert window.add(START).wait(START + 3 * length) == 0


def test_it_can_be_filled_at_once_and_opens_as_it_was_filled() -> None:
    window = Window(2, 60)
    assert window.used(START) == 0
    window = window.add(START).add(START + dt.timedelta(seconds=20))
    now = START + dt.timedelta(seconds=30)
    assert (window.used(now), window.wait(now)) == (2, 31)
    assert window.wait(now + dt.timedelta(seconds=30)) == 1
    assert window.used(now + dt.timedelta(seconds=31)) == 1


def test_nothing_kept_is_an_empty_window_and_a_limit_of_nothing_never_opens() -> None:
    assert Window.from_json([], count=3, seconds=60) == Window(3, 60)
    assert Window(0, 60).wait(START) == 60
