"""What people read where money is shown."""

import pytest

from monitoring.templatetags.money import usd


@pytest.mark.parametrize(
    ("microusd", "text"),
    [
        (0, "$0"),
        (1, "< $0.0001"),
        (99, "< $0.0001"),
        (100, "$0.0001"),
        (2_100, "$0.0021"),
        (10_000, "$0.0100"),
        (999_949, "$0.9999"),
        (999_950, "$1.00"),
        (12_345_678, "$12.35"),
        (1_234_500_000, "$1,234.50"),
    ],
)
def test_money_reads_as_dollars_with_four_decimals_below_one(microusd: int, text: str) -> None:
    assert usd(microusd) == text
