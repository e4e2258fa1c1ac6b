"""Scales and places for charts that the server draws: pure, no database, no words but those that are handed in.

Horizontal places are percent of the chart's width, so that a chart is as wide as its page while its letters keep their
size; vertical places and heights are pixels from the top.
"""

import itertools
import math
from collections.abc import Callable, Sequence
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
    """A line across the plot, at this height, and the number that it stands for; `label` where that has a unit."""

    y: float
    value: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One value: its name, the middle of its place, its height, and whether name and value are written beside it."""

    name: str
    value: float
    x: float
    y: float
    named: bool
    valued: bool
    # The value with its unit, where it has one.
    label: str = ""


@dataclass(frozen=True, slots=True)
class Bar(Point):
    """A point with the bar that stands under it."""

    left: float = 0.0
    width: float = 0.0
    height: float = 0.0


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
    """Points joined by lines, on a scale that is always shown whole.

    `least_width` in pixels is what its points need beside each other; 0 where they fit anywhere.
    """

    points: tuple[Point, ...]
    segments: tuple[Segment, ...]
    least_width: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One of several lines: its name, the shape of its marks, its points, and what joins those beside each other."""

    label: str
    shape: str
    points: tuple[Point, ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class LinesChart(Chart):
    """Several lines over a baseline of zero, told apart by the shape of their marks and by their names.

    `names` are the places from left to right; their values and heights mean nothing.
    """

    names: tuple[Point, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with its words: what it shows, a sentence for those who do not see it, and the heads of its table."""

    id: str
    title: str
    summary: str
    name: str
    unit: str
    chart: Chart


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


def bar_chart(
    values: Sequence[tuple[str, float]],
    *,
    say: Callable[[int], str] | None = None,
    short: Callable[[int], str] | None = None,
    height: int = BAR_HEIGHT,
    most_names: int = MOST_NAMES,
) -> BarChart:
    """A bar for each (name, value), the first at the left; values are counts or sums, never negative.

    `say` writes whole values where these have a unit, `short` the numbers of the axis; at most so many names stand
    below it. Raises ValueError without any value.
    """
    if not values:
        raise ValueError("a chart needs values")
    steps = round_steps(max(value for _name, value in values))
    base = height - BELOW
    high = steps[-1]
    place = (RIGHT - LEFT) / len(values)
    labels = [say(round(value)) if say else "" for _name, value in values]
    widest = max(len(label or f"{value:.0f}") for (_name, value), label in zip(values, labels, strict=True))
    crowded = len(values) * widest > MOST_DIGITS
    best = max(range(len(values)), key=lambda number: values[number][1])
    bars = []
    for number, (name, value) in enumerate(values):
        y = _height_of(value, 0, high, base)
        left = LEFT + place * (number + (1 - FILLED) / 2)
        bars.append(
            Bar(
                name=name,
                value=value,
                x=_place(number, len(values)),
                y=_rounded(y),
                named=_is_named(number, len(values), most_names),
                # Where not all fit, the highest alone.
                valued=value > 0 and (not crowded or number == best),
                label=labels[number],
                left=_rounded(left),
                width=_rounded(place * FILLED),
                height=_rounded(base - y),
            )
        )
    return BarChart(height, base, _ticks(steps, base, short), tuple(bars))


def lines_chart(
    names: Sequence[str],
    lines: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    say: Callable[[int], str] | None = None,
    short: Callable[[int], str] | None = None,
    height: int = BAR_HEIGHT,
    most_names: int = MOST_NAMES,
) -> LinesChart:
    """Lines of (name, shape, values), a value for each of the names from the left; None where there is none.

    Points beside each other are joined, so that a gap stays one. A line without any value is left out. Raises
    ValueError where no line has one.
    """
    every = [value for _label, _shape, values in lines for value in values if value is not None]
    if not every:
        raise ValueError("a chart needs values")
    steps = round_steps(max(every))
    base = height - BELOW
    places = [
        Point(name, 0, _place(number, len(names)), base, _is_named(number, len(names), most_names), False)
        for number, name in enumerate(names)
    ]
    drawn = []
    for label, shape, values in lines:
        points = {
            number: Point(
                name=names[number],
                value=value,
                x=places[number].x,
                y=_rounded(_height_of(value, 0, steps[-1], base)),
                named=False,
                valued=False,
                label=say(round(value)) if say else "",
            )
            for number, value in enumerate(values)
            if value is not None
        }
        joined = [(points[number], points[number + 1]) for number in points if number + 1 in points]
        segments = tuple(Segment(first.x, first.y, second.x, second.y) for first, second in joined)
        if points:
            drawn.append(Line(label, shape, tuple(points.values()), segments))
    return LinesChart(height, base, _ticks(steps, base, short), tuple(places), tuple(drawn))


def line_chart(
    values: Sequence[tuple[str, float]],
    low: int,
    high: int,
    *,
    steps: Sequence[int] = (),
    height: int = LINE_HEIGHT,
    room: int = 0,
) -> LineChart:
    """A point for each (name, value), the first at the left, on the whole scale from `low` to `high`.

    `steps` are the numbers with a line across (without any: each whole one), `room` the pixels that a point takes at
    least. With room for its mark alone a point has no value beside it. Raises ValueError without any value, and for
    one outside the scale.
    """
    if not values or any(not low <= value <= high for _name, value in values):
        raise ValueError("a chart needs values on its scale")
    base = height - BELOW
    points = tuple(
        Point(
            name=name,
            value=value,
            x=_place(number, len(values)),
            y=_rounded(_height_of(value, low, high, base)),
            named=_is_named(number, len(values)),
            valued=not room,
        )
        for number, (name, value) in enumerate(values)
    )
    joined = itertools.pairwise(points)
    segments = tuple(Segment(first.x, first.y, second.x, second.y) for first, second in joined)
    ticks = tuple(Tick(_rounded(_height_of(level, low, high, base)), level) for level in steps or range(low, high + 1))
    least_width = math.ceil(room * len(values) * 100 / (RIGHT - LEFT))
    return LineChart(height, base, ticks, points, segments, least_width)


def _ticks(steps: Sequence[int], base: float, short: Callable[[int], str] | None) -> tuple[Tick, ...]:
    return tuple(
        Tick(_rounded(_height_of(step, 0, steps[-1], base)), step, short(step) if short else "") for step in steps
    )


def _place(number: int, count: int) -> float:
    """The middle of the place of one of so many."""
    return _rounded(LEFT + (RIGHT - LEFT) * (number + 0.5) / count)


def _height_of(value: float, low: float, high: float, base: float) -> float:
    return base - (value - low) / (high - low) * (base - TOP)


def _is_named(number: int, count: int, most: int = MOST_NAMES) -> bool:
    """Whether its name is written: of every so many one, counted from the last, which is the one that is now."""
    return (count - 1 - number) % math.ceil(count / most) == 0


def _rounded(place: float) -> float:
    return round(place, 2)
