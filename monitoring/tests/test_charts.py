"""Charts say what their numbers say: scales from zero, round ticks, and nothing outside the drawing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import charts
from monitoring.charts import bar_chart, line_chart, lines_chart, round_steps

counts = st.lists(st.integers(0, 10**7), min_size=1, max_size=60)
levels = st.lists(st.integers(1, 4), min_size=1, max_size=12)


@given(st.integers(0, 10**9))
def test_ticks_are_few_round_numbers_from_zero_that_just_hold_the_highest(highest: int) -> None:
    steps = round_steps(highest)
    assert steps[0] == 0
    step = steps[1]
    assert steps == [step * number for number in range(len(steps))]
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert 2 <= len(steps) <= charts.MOST_TICKS
    assert steps[-1] - step < max(highest, 1) <= steps[-1]


@given(counts)
def test_bars_stand_on_zero_inside_the_plot_beside_each_other(values: list[int]) -> None:
    chart = bar_chart([(str(number), value) for number, value in enumerate(values)])
    assert [bar.value for bar in chart.bars] == values
    for bar in chart.bars:
        assert charts.TOP <= bar.y <= chart.base < chart.height
        assert bar.y + bar.height == pytest.approx(chart.base, abs=0.02)
        assert charts.LEFT <= bar.left < bar.left + bar.width <= charts.RIGHT + 0.02
        assert bar.left < bar.x < bar.left + bar.width
    for first, second in pairwise(chart.bars):
        assert first.left + first.width < second.left
    assert chart.ticks[0].y == chart.base
    assert chart.ticks[-1].y == charts.TOP


@given(counts)
def test_a_bar_is_as_high_as_its_number(values: list[int]) -> None:
    chart = bar_chart([("", value) for value in values])
    pixels = (chart.base - charts.TOP) / chart.ticks[-1].value
    for bar in chart.bars:
        assert bar.height == pytest.approx(bar.value * pixels, abs=0.02)


@given(levels)
def test_a_line_shows_the_whole_scale_and_joins_its_points_in_order(values: list[int]) -> None:
    chart = line_chart([("", value) for value in values], 1, 4)
    assert [tick.value for tick in chart.ticks] == [1, 2, 3, 4]
    heights = {tick.value: tick.y for tick in chart.ticks}
    assert heights[1] == chart.base
    assert heights[4] == charts.TOP
    assert [point.y for point in chart.points] == [heights[value] for value in values]
    assert all(charts.LEFT < point.x < charts.RIGHT for point in chart.points)
    ends = [(line.x1, line.y1, line.x2, line.y2) for line in chart.segments]
    points = [(point.x, point.y) for point in chart.points]
    assert ends == [(*first, *second) for first, second in pairwise(points)]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=300))
def test_a_line_of_marks_has_its_own_rules_and_room_for_each_mark(values: list[int]) -> None:
    chart = line_chart([("", value) for value in values], 0, 100, steps=(0, 50, 100), height=200, room=21)
    assert [tick.value for tick in chart.ticks] == [0, 50, 100]
    assert chart.ticks[-1].y == charts.TOP
    assert not any(point.valued for point in chart.points)
    for first, second in pairwise(chart.points):
        assert (second.x - first.x) / 100 * chart.least_width >= 20
    assert line_chart([("", 1)], 0, 4).least_width == 0


@given(st.integers(1, 60))
def test_names_below_are_few_enough_for_a_phone_and_the_last_has_one(count: int) -> None:
    named = [bar.named for bar in bar_chart([("", 1)] * count).bars]
    assert named[-1]
    assert sum(named) <= charts.MOST_NAMES


def test_values_stand_over_bars_that_have_room_for_them_else_over_the_highest() -> None:
    assert [bar.valued for bar in bar_chart([("", 0), ("", 3), ("", 12)]).bars] == [False, True, True]
    assert [bar.valued for bar in bar_chart([("", 99)] * 12).bars] == [True] * 12
    assert [bar.valued for bar in bar_chart([("", 99)] * 11 + [("", 100)]).bars] == [False] * 11 + [True]
    assert sum(bar.valued for bar in bar_chart([("", 5)] * 52).bars) == 1


def test_a_chart_refuses_what_it_cannot_draw_honestly() -> None:
    with pytest.raises(ValueError, match="needs values"):
        bar_chart([])
    with pytest.raises(ValueError, match="not negative"):
        bar_chart([("", -1)])
    for values in ([], [("", 0.5)], [("", 4.5)]):
        with pytest.raises(ValueError, match="on its scale"):
            line_chart(values, 1, 4)


def test_lines_have_gaps_where_there_is_no_value_and_labels_with_units() -> None:
    chart = lines_chart(
        ["a", "b", "c", "d"],
        [("low", "dot", [10, 20, None, 30]), ("high", "square", [40, 80, None, None]), ("none", "dot", [None] * 4)],
        say=lambda value: f"{value} ms",
        short=str,
    )
    low, high = chart.lines
    assert [point.name for point in low.points] == ["a", "b", "d"]
    assert len(low.segments) == 1
    assert [point.y for point in high.points] < [point.y for point in low.points]
    assert chart.ticks[-1].label == "80"
    assert [point.label for point in low.points] == ["10 ms", "20 ms", "30 ms"]
    assert all(charts.TOP <= point.y <= chart.base for line in chart.lines for point in line.points)


def test_lines_without_any_value_make_no_chart_and_values_without_a_unit_no_labels() -> None:
    with pytest.raises(ValueError, match="needs values"):
        lines_chart(["a"], [("low", "dot", [None])])
    chart = lines_chart(["a"], [("low", "dot", [0])])
    assert (chart.lines[0].points[0].label, chart.ticks[0].label) == ("", "")


def test_bars_with_a_unit_have_it_on_their_labels_and_fewer_names_where_asked() -> None:
    values = [(str(number), number) for number in range(24)]
    chart = bar_chart(values, say=lambda value: f"${value}", short=lambda value: f"{value}!", most_names=4)
    assert (chart.bars[3].label, chart.ticks[1].label) == ("$3", "10!")
    assert sum(bar.named for bar in chart.bars) == 4
    assert [bar.value for bar in chart.bars if bar.valued] == [23]
