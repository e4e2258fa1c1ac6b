"""Money is exact: prices, tiers and rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import pricing
from monitoring.pricing import Price, Tier, Usage

HAIKU = Price("haiku", (Tier(0, 100_000, 500_000, 125_000, 10_000), Tier(100_001, 500_000, 2_500_000, 625_000, 50_000)))
tokens = st.integers(0, 200_000)
usages = st.builds(Usage, tokens, tokens, tokens, tokens)


def test_a_cost_is_the_one_computed_by_hand() -> None:
    usage = Usage(input=1_000, output=200, cache_write=400, cache_read=2_000)
    assert HAIKU.cost(usage) == 100 + 100 + 50 + 20


def test_a_fraction_of_a_micro_dollar_is_rounded_up_once() -> None:
    assert HAIKU.cost(Usage(input=1, output=1, cache_read=1)) == 1


def test_a_long_prompt_is_billed_by_the_higher_tier_whatever_part_of_it_was_cached() -> None:
    assert HAIKU.cost(Usage(cache_read=100_001)) == 5_001
    assert HAIKU.cost(Usage(cache_read=100_000)) == 1_000


@pytest.mark.parametrize(
    ("usage", "microusd"),
    [
        # Nothing was used, or nothing was said of it.
        (Usage(), 0),
        # 800 x 0.1 + 120 x 0.5 + 2,400 x 0.125 + 16,000 x 0.01 = 80 + 60 + 300 + 160
        (Usage(input=800, output=120, cache_write=2_400, cache_read=16_000), 600),
        # 7 x 0.1 + 3 x 0.5 + 1 x 0.125 + 9 x 0.01 = 0.7 + 1.5 + 0.125 + 0.09 = 2.415, rounded up once
        (Usage(input=7, output=3, cache_write=1, cache_read=9), 3),
        # Each kind alone: 10 x 0.01 = 0.1 and 8 x 0.125 = 1
        (Usage(cache_read=10), 1),
        (Usage(cache_write=8), 1),
        # 100,000 input tokens in all are still the first tier: 4,000 + 50 + 5,000 + 200
        (Usage(input=40_000, output=100, cache_write=40_000, cache_read=20_000), 9_250),
        # One more and every token is of the second: 40,001 x 0.5 + 100 x 2.5 + 40,000 x 0.625 + 20,000 x 0.05
        # = 20,000.5 + 250 + 25,000 + 1,000 = 46,250.5
        (Usage(input=40_001, output=100, cache_write=40_000, cache_read=20_000), 46_251),
    ],
)
def test_costs_computed_by_hand(usage: Usage, microusd: int) -> None:
    assert HAIKU.cost(usage) == microusd


@given(usages)
def test_a_price_survives_being_frozen_to_json(usage: Usage) -> None:
    assert Price.from_json(HAIKU.to_json()).cost(usage) == HAIKU.cost(usage)


@given(st.integers(0, 200_000), st.integers(0, 5_000), st.data())
def test_no_attempt_costs_more_than_its_ceiling(total: int, output: int, data: st.DataObject) -> None:
    read = data.draw(st.integers(0, total))
    write = data.draw(st.integers(0, total - read))
    usage = Usage(total - read - write, output, write, read)
    assert HAIKU.cost(usage) <= HAIKU.ceiling(total, output)
    thrice = Usage(3 * usage.input, output, 3 * write, 3 * read, largest=total)
    assert HAIKU.cost(thrice) <= HAIKU.ceiling(total, output, calls=3)


def test_the_scripted_voice_costs_nothing() -> None:
    assert pricing.free("scripted").cost(Usage(10_000, 10_000)) == 0


def test_a_conversation_of_fifteen_exchanges_costs_what_the_provider_would_bill_with_caching() -> None:
    cost = pricing.estimate_chat(HAIKU, prompt_tokens=1_200, exchanges=15, student_tokens=20, reply_tokens=40)
    assert 500 < cost < 2_600


@given(st.lists(st.text(max_size=50), max_size=5))
def test_estimated_tokens_are_characters_by_four_rounded_up(texts: list[str]) -> None:
    assert (pricing.estimate_tokens(*texts) - 1) * 4 < sum(map(len, texts)) <= pricing.estimate_tokens(*texts) * 4
