"""Ids in the order of time: what indexes on them may rely on."""

import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from monitoring.ids import at_millisecond, uuid7

MOMENTS = st.integers(0, 2**48 - 1)
CHANCES = st.integers(0, 2**74 - 1)


@given(MOMENTS, CHANCES, MOMENTS, CHANCES)
def test_ids_stand_in_the_order_of_their_milliseconds(one: int, chance: int, other: int, luck: int) -> None:
    first, second = at_millisecond(one, chance), at_millisecond(other, luck)
    assert (first < second) == (one < other or (one == other and chance < luck))
    assert (first.version, first.variant, first.int >> 80) == (7, uuid.RFC_4122, one)


def test_new_ids_are_of_now_and_never_the_same() -> None:
    before = time.time_ns() // 1_000_000
    ids = [uuid7() for _new in range(10_000)]
    after = time.time_ns() // 1_000_000
    assert len(set(ids)) == len(ids)
    assert all(before <= one.int >> 80 <= after for one in ids)
    # No bit of chance stands still: what comes next cannot be guessed from what came.
    assert len({one.int & (1 << 62) - 1 for one in ids}) == len(ids)
