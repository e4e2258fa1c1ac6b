"""Weights and totals: exact for every rubric, rounded only where they are shown."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.rubrics_builtin import FOLDER, load_rubrics, read_rubric
from conversations.scores import RubricValue, Total, percent_text, total
from conversations.tests.rubrics import listening


@st.composite
def weights(draw: st.DrawFn) -> list[int]:
    """One to twelve positive weights that sum to 10,000."""
    cuts = sorted(draw(st.sets(st.integers(1, 9_999), max_size=11)))
    return [high - low for low, high in zip([0, *cuts], [*cuts, 10_000], strict=True)]


@given(weights(), st.data())
def test_the_total_is_the_exact_weighted_mean_whatever_the_weights(shares: list[int], data: st.DataObject) -> None:
    levels = data.draw(st.lists(st.integers(1, 4), min_size=len(shares), max_size=len(shares)))
    found = total(shares, list(levels))
    exact = sum(Fraction(share, 10_000) * level for share, level in zip(shares, levels, strict=True))
    assert found is not None
    assert Fraction(found.weighted, 10_000) == exact
    assert abs(Fraction(found.mean) - exact) <= Fraction(1, 200)
    assert abs(Fraction(found.percent) - exact * 25) <= Fraction(1, 20)
    assert min(levels) <= exact <= max(levels)


@given(weights(), st.integers(1, 4))
def test_the_same_level_everywhere_is_the_total(shares: list[int], level: int) -> None:
    found = total(shares, [level] * len(shares))
    assert found is not None
    assert found.mean == level
    assert found.percent == 25 * level


@given(weights(), st.data())
def test_a_better_level_never_lowers_the_total(shares: list[int], data: st.DataObject) -> None:
    levels = data.draw(st.lists(st.integers(1, 3), min_size=len(shares), max_size=len(shares)))
    place = data.draw(st.integers(0, len(shares) - 1))
    better = [level + (number == place) for number, level in enumerate(levels)]
    before, after = total(shares, list(levels)), total(shares, list(better))
    assert before is not None
    assert after is not None
    assert after.weighted - before.weighted == shares[place]


@given(weights())
def test_a_rubric_survives_being_written_down(shares: list[int]) -> None:
    value = listening(*shares)
    again = RubricValue.from_json(value.to_json())
    assert again == value
    assert again.fingerprint == value.fingerprint


@given(st.integers(1, 10_000))
def test_a_weight_in_percent_is_the_weight(weight: int) -> None:
    assert Decimal(percent_text(weight)) * 100 == weight


@pytest.mark.parametrize(
    ("weighted", "mean", "percent"),
    [(32_500, "3.25", "81.3"), (32_550, "3.26", "81.4"), (10_000, "1.00", "25.0"), (26_667, "2.67", "66.7")],
)
def test_halves_are_rounded_up(weighted: int, mean: str, percent: str) -> None:
    assert (str(Total(weighted).mean), str(Total(weighted).percent)) == (mean, percent)


def test_there_is_no_total_while_a_level_is_missing() -> None:
    assert total([5_000, 5_000], [4, None]) is None


@pytest.mark.parametrize(
    ("shares", "levels"), [([5_000, 5_000], [4]), ([5_000, 4_999], [4, 4]), ([10_000], [5]), ([10_000], [0])]
)
def test_what_does_not_fit_is_refused(shares: list[int], levels: list[int | None]) -> None:
    with pytest.raises(ValueError):
        total(shares, levels)


@pytest.mark.parametrize("shares", [(9_999,), (5_000, 5_001), (0, 10_000), (-1, 10_001)])
def test_no_rubric_has_weights_that_are_not_a_whole(shares: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sum to 10000"):
        listening(*shares)


def test_the_seven_built_in_rubrics_say_something_at_every_level() -> None:
    found = load_rubrics()
    assert len(found) == 7
    for value in found.values():
        texts = [text for row in value.criteria for text in row.descriptions]
        assert len(set(texts)) == len(texts)
        assert value.description


def test_a_built_in_rubric_that_says_too_little_is_named(tmp_path: pytest.TempPathFactory) -> None:
    path = FOLDER.__class__(str(tmp_path)) / "thin.toml"
    whole = (FOLDER / "language-conversation.toml").read_text(encoding="utf-8")
    path.write_text(whole.replace("weight = 2500", "weight = 2400"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"thin\.toml.*9900"):
        read_rubric(path)
    path.write_text(whole.replace('points = ["Links sentences"', "points = [] #"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"thin\.toml.*Coherence"):
        read_rubric(path)
