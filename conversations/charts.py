"""Scales and places for charts that the server draws: pure, no database, no words.

Horizontal places are percent of the chart's width, so that a chart is as wide as its page while its letters keep their
size; vertical places and heights are pixels from the top.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

# The plot inside the drawing: numbers of the axis stand to its left, names of the bars below it.
LEFT, RIGHT = 10.0, 98.0
TOP, BELOW = 24.0, 26.0
BAR_HEIGHT, LINE_HEIGHT = 200, 132
# How much of its place a bar fills.
FILLED = 0.7
MOST_TICKS = 5
# So many names, or digits of values, stand side by side on a phone.
MOST_NAMES = 6
MOST_DIGITS = 26


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the plot, at this height, and the number that it stands for."""

    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Point:
    """One value: its name, the middle of its place, its height, and whether name and value are written beside it."""

    name: str
    value: float
    x: float
    y: float
    named: bool
    valued: bool


@dataclass(frozen=True, slots=True)
class Bar(Point):
    """A point with the bar that stands under it."""

    left: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight line from one point to the next."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Chart:
    """What every chart has: its height, where its baseline lies, and the lines across the plot."""

    height: int
    base: float
    ticks: tuple[Tick, ...]

    @property
    def left(self) -> float:
        """Where the plot begins."""
        return LEFT

    @property
    def right(self) -> float:
        """Where the plot ends."""
        return RIGHT


@dataclass(frozen=True, slots=True)
class BarChart(Chart):
    """Bars over a baseline of zero."""

    bars: tuple[Bar, ...]

    @property
    def highest(self) -> Bar:
        """The first of the highest bars."""
        return max(self.bars, key=lambda bar: bar.value)


@dataclass(frozen=True, slots=True)
class LineChart(Chart):
    """Points joined by lines, on a scale that is always shown whole."""

    points: tuple[Point, ...]
    segments: tuple[Segment, ...]


def round_steps(highest: float) -> list[int]:
    """Round whole numbers from 0, evenly spaced, the last of them at least `highest`; two to five of them.

    A step is 1, 2 or 5 times a power of ten. Raises ValueError for a number below zero.
    """
    if highest < 0:
        raise ValueError("counts are not negative")
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            needed = max(1, math.ceil(highest / step))
            if needed < MOST_TICKS:
                return [step * number for number in range(needed + 1)]
        size *= 10


def bar_chart(values: Sequence[tuple[str, float]]) -> BarChart:
    """A bar for each (name, value), the first at the left; values are counts or sums, never negative.

    Raises ValueError without any value.
    """
    if not values:
        raise ValueError("a chart needs values")
    steps = round_steps(max(value for _name, value in values))
    base = BAR_HEIGHT - BELOW
    high = steps[-1]
    place = (RIGHT - LEFT) / len(values)
    crowded = len(values) * max(len(f"{value:.0f}") for _name, value in values) > MOST_DIGITS
    best = max(range(len(values)), key=lambda number: values[number][1])
    bars = []
    for number, (name, value) in enumerate(values):
        y = _height_of(value, 0, high, base)
        left = LEFT + place * (number + (1 - FILLED) / 2)
        bars.append(
            Bar(
                name=name,
                value=value,
                x=_rounded(LEFT + place * (number + 0.5)),
                y=_rounded(y),
                named=_is_named(number, len(values)),
                # Where not all fit, the highest alone.
                valued=value > 0 and (not crowded or number == best),
                left=_rounded(left),
                width=_rounded(place * FILLED),
                height=_rounded(base - y),
            )
        )
    ticks = tuple(Tick(_rounded(_height_of(step, 0, high, base)), step) for step in steps)
    return BarChart(BAR_HEIGHT, base, ticks, tuple(bars))


def line_chart(values: Sequence[tuple[str, float]], low: int, high: int) -> LineChart:
    """A point for each (name, value), the first at the left, on the whole scale from `low` to `high`.

    Raises ValueError without any value, and for one outside the scale.
    """
    if not values or any(not low <= value <= high for _name, value in values):
        raise ValueError("a chart needs values on its scale")
    base = LINE_HEIGHT - BELOW
    place = (RIGHT - LEFT) / len(values)
    points = tuple(
        Point(
            name=name,
            value=value,
            x=_rounded(LEFT + place * (number + 0.5)),
            y=_rounded(_height_of(value, low, high, base)),
            named=_is_named(number, len(values)),
            valued=True,
        )
        for number, (name, value) in enumerate(values)
    )
    joined = itertools.pairwise(points)
    segments = tuple(Segment(first.x, first.y, second.x, second.y) for first, second in joined)
    ticks = tuple(Tick(_rounded(_height_of(level, low, high, base)), level) for level in range(low, high + 1))
    return LineChart(LINE_HEIGHT, base, ticks, points, segments)


def _height_of(value: float, low: float, high: float, base: float) -> float:
    return base - (value - low) / (high - low) * (base - TOP)


def _is_named(number: int, count: int) -> bool:
    """Whether its name is written: of every so many one, counted from the last, which is the one that is now."""
    return (count - 1 - number) % math.ceil(count / MOST_NAMES) == 0


def _rounded(place: float) -> float:
    return round(place, 2)
