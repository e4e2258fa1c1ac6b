"""The laws of kappa, and examples worked by hand."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clients.agreement import kappa

LEVELS = (1, 2, 3, 4, 5)
pairs_of_levels = st.lists(st.tuples(st.sampled_from(LEVELS), st.sampled_from(LEVELS)), max_size=40)


def measured(pairs: list[tuple[Any, Any]], **options: Any) -> float:
    value = kappa(pairs, **options)
    assume(value is not None)
    assert value is not None
    return value


@given(st.lists(st.sampled_from(LEVELS), min_size=2), st.booleans())
def test_raters_who_always_agree_have_a_kappa_of_1(values: list[int], quadratic: bool) -> None:
    assume(len(set(values)) > 1)
    assert kappa([(value, value) for value in values], levels=LEVELS, quadratic=quadratic) == 1


@given(pairs_of_levels, st.booleans())
def test_only_raters_who_always_agree_have_a_kappa_of_1_and_nobody_has_more(
    pairs: list[tuple[int, int]], quadratic: bool
) -> None:
    value = measured(pairs, levels=LEVELS, quadratic=quadratic)
    assert value == 1 if all(one == other for one, other in pairs) else -1 <= value < 1


@given(pairs_of_levels, st.booleans(), st.randoms())
def test_neither_who_is_named_first_nor_the_order_of_pairs_matters(
    pairs: list[tuple[int, int]], quadratic: bool, random: Any
) -> None:
    swapped = [(other, one) for one, other in pairs]
    random.shuffle(swapped)
    assert kappa(swapped, levels=LEVELS, quadratic=quadratic) == kappa(pairs, levels=LEVELS, quadratic=quadratic)


@given(pairs_of_levels, st.permutations(LEVELS))
def test_without_weights_the_names_of_the_values_do_not_matter(pairs: list[tuple[int, int]], named: list[int]) -> None:
    renamed = [(named[one - 1], named[other - 1]) for one, other in pairs]
    assert kappa(renamed) == kappa(pairs)


@given(pairs_of_levels)
def test_turning_the_scale_round_leaves_the_weighted_kappa_as_it_was(pairs: list[tuple[int, int]]) -> None:
    turned = [(6 - one, 6 - other) for one, other in pairs]
    assert kappa(turned, levels=LEVELS, quadratic=True) == kappa(pairs, levels=LEVELS, quadratic=True)


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_with_two_values_the_weights_change_nothing(pairs: list[tuple[bool, bool]]) -> None:
    assert kappa(pairs, quadratic=True) == kappa(pairs)


@given(st.lists(st.sampled_from(LEVELS), min_size=2), st.sampled_from(LEVELS), st.booleans())
def test_a_rater_who_always_says_the_same_agrees_only_by_chance(values: list[int], one: int, quadratic: bool) -> None:
    assume(set(values) != {one})
    assert kappa([(one, value) for value in values], levels=LEVELS, quadratic=quadratic) == 0


@pytest.mark.parametrize("pairs", [[], [(3, 3)], [(3, 3), (3, 3)]])
def test_there_is_no_kappa_without_pairs_or_when_both_raters_only_ever_said_one_thing(
    pairs: list[tuple[int, int]],
) -> None:
    assert kappa(pairs) is None
    assert kappa(pairs, levels=LEVELS, quadratic=True) is None


def test_two_readers_of_fifty_proposals_agree_at_0_4() -> None:
    # Both say yes to 20 and no to 15, so they agree in 0.7. The one says yes to 25, the other to 30, so chance gives
    # 0.5 * 0.6 + 0.5 * 0.4 = 0.5, and (0.7 - 0.5) / (1 - 0.5) = 0.4.
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert kappa(pairs) == pytest.approx(0.4)


def test_raters_who_never_agree_fall_below_0() -> None:
    # They agree in nothing, chance gives a half: (0 - 0.5) / (1 - 0.5).
    assert kappa([(1, 2), (2, 1)]) == -1


def test_the_weights_are_the_squares_of_how_far_apart_two_scores_are() -> None:
    # Disagreements 0, 1, 0, 4 make 5 in 4 pairs, O = 5/4. First rater 1, 2, 3, 3; second 1, 3, 3, 1. Each first value
    # against all second ones gives 0+4+4+0 = 8 for 1, 1+1+1+1 = 4 for 2, 4+0+0+4 = 8 for 3, twice, so E = 28/16, and
    # 1 - O / E = 2/7.
    assert kappa([(1, 1), (2, 3), (3, 3), (3, 1)], quadratic=True) == pytest.approx(2 / 7)


def test_an_unused_level_still_lies_between_the_others() -> None:
    # First rater 1, 2, 5, second 1, 2, 2. Of the levels seen 2 and 5 are neighbours: O = 1/3, E = (2 + 1 + 6) / 9, and
    # 1 - O / E = 2/3. On the scale of 1 to 5 they are three apart: O = 9/3, E = (2 + 1 + 34) / 9, 1 - O / E = 10/37.
    pairs = [(1, 1), (2, 2), (5, 2)]
    assert kappa(pairs, quadratic=True) == pytest.approx(2 / 3)
    assert kappa(pairs, levels=LEVELS, quadratic=True) == pytest.approx(10 / 37)


def test_a_value_outside_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="levels"):
        kappa([(1, 6)], levels=LEVELS, quadratic=True)
