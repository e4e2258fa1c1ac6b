"""What a conversation is said to cost is what it costs, by the ledger, at a server that counts as the provider does."""

import math
import random
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest

from accounts.models import User
from bench.standin import running_standin
from clients.costs import EXCHANGES, estimates
from clients.library import load_library
from clients.models import ClientProfile
from clients.prompts import system_prompt
from clients.services import sync_library
from clients.trial import hear
from clients.voices import VoiceRequest
from clients.voices.scripted import Line
from clients.voices.speaking import CLAUDE
from monitoring.models import LedgerEntry

pytestmark = pytest.mark.django_db

CENT = 10_000
TALKS = 3
# Recorded helping talks: half of the turns have up to 15 words, one in ten has 49 and more.
MEDIAN, P90 = 15, 49


@pytest.mark.parametrize("slug", ["grace-lim", "lucia-romero"])
def test_fifteen_exchanges_cost_what_the_page_says_and_less_than_a_cent(
    slug: str, settings: Any, teacher: User
) -> None:
    sync_library()
    client = ClientProfile.objects.get(slug=slug)
    settings.ANTHROPIC_API_KEY = "test"
    costs = []
    turns = _turns(client, random.Random(slug))
    for _ in range(TALKS):
        before = _spent()
        with running_standin() as api:
            settings.ANTHROPIC_BASE_URL = api.url
            history: list[Line] = []
            for _exchange in range(EXCHANGES):
                history.append(Line("student", next(turns)))
                api.next(text=next(turns))
                snapshot = client.snapshot()
                request = VoiceRequest(snapshot, system_prompt(snapshot), history, client.chosen_model, 400)
                heard = hear(by=teacher, kind="bench", request=request, voice=CLAUDE)
                assert heard.error is None
                history.append(Line("client", heard.text))
        costs.append(_spent() - before)
    told = next(row.microusd for row in estimates(client) if row.chosen)
    ratio = told * TALKS / sum(costs)
    print(f"{slug}: told {told}, cost {costs} micro-dollars, {ratio:.2f} times")  # noqa: T201  (the figure, with -s)
    assert max(costs) < CENT
    assert 0.85 <= ratio <= 1.15


def test_the_lengths_of_turns_are_those_of_real_talks() -> None:
    snapshot = load_library()[0].snapshot
    client = ClientProfile(background=snapshot.background)
    turns = _turns(client, random.Random(1))
    lengths = sorted(len(next(turns).split()) for _ in range(2_000))
    assert 13 <= lengths[1_000] <= 17
    assert 43 <= lengths[1_800] <= 56


def _turns(client: ClientProfile, chance: random.Random) -> Iterator[str]:
    """Words of the client's own story, as many at a time as people say."""
    story = cycle(client.background.split())
    spread = math.log(P90 / MEDIAN) / 1.2816
    while True:
        count = min(120, max(1, round(chance.lognormvariate(math.log(MEDIAN), spread))))
        yield " ".join(next(story) for _ in range(count))


def _spent() -> int:
    return sum(LedgerEntry.objects.values_list("cost_microusd", flat=True))
