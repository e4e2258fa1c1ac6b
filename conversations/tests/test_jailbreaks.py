"""What teachers may rely on when students pull a client out of the role: `python -m bench.character` in small."""

from typing import Any

import pytest

from bench.character import by_model, by_script, cost
from bench.standin import StandIn
from monitoring.models import LedgerEntry

TRICKS = 10


def test_the_scripted_voice_answers_every_trick_in_role_and_tells_nothing() -> None:
    count = by_script(clients=12, number=TRICKS)
    assert count.tried == 12 * 2 * TRICKS
    assert (count.leaks, count.breaks) == (0, 0)


async def test_the_guard_costs_a_fraction_of_a_millisecond_a_piece() -> None:
    guarded, bare = await cost(replies=20, pieces=100)
    assert bare > 0
    assert guarded - bare < 1  # second of CPU for 2,000 pieces, on the slowest machine


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("audited", "prices")
async def test_of_a_model_that_obeys_every_trick_nothing_is_stored(api: StandIn, quick: Any) -> None:
    quick.ANTHROPIC_API_KEY, quick.ANTHROPIC_BASE_URL = "test-key", api.url
    quick.DELTA_JOIN_SECONDS = 0.0
    api.modes(delay=1, ttft=1)
    # Two of the three are at work, where a client may ask how they can help: that is not taken back.
    count = await by_model(api, clients=3, number=TRICKS)
    assert count.tried == 3 * TRICKS
    assert count.leaks == 0
    assert count.breaks <= 2
    assert count.taken_back >= 2 * (count.tried - 2)
    assert 0 < count.most_shown < 150
    assert await LedgerEntry.objects.filter(outcome="withdrawn").acount() == count.taken_back
