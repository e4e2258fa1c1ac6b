"""What a line of the suite found: figures with their bounds, one printed line, and the table at the end."""

import dataclasses
import math
from collections.abc import Iterable

Number = int | float


def percentile(values: Iterable[float], percent: float) -> float:
    """The value at or below which that percentage of the values lies; not a number where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else math.nan


@dataclasses.dataclass(frozen=True)
class Figure:
    """One count or time, and the bounds that it must keep; a value that is no number keeps none."""

    label: str
    value: Number
    least: Number | None = None
    most: Number | None = None
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the value is within its bounds."""
        if math.isnan(self.value):
            return False
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def expected(self) -> str:
        """The bounds in words."""
        if self.least == self.most:
            return f"expected {written(self.least)}" if self.least is not None else ""
        parts = [f"at least {written(self.least)}"] if self.least is not None else []
        parts += [f"at most {written(self.most)}"] if self.most is not None else []
        return " and ".join(parts)

    def __str__(self) -> str:
        text = f"{self.label} {written(self.value)}{self.unit}"
        return text if self.holds else f"{text} ({self.expected})"


def written(value: Number | None) -> str:
    """A count as it is, a time with two digits after the point."""
    return f"{value:.2f}" if isinstance(value, float) else f"{value}"


@dataclasses.dataclass
class Report:
    """One line of the suite on so many web processes: what was done, what was found, and what broke."""

    name: str
    title: str
    processes: int
    notes: list[str] = dataclasses.field(default_factory=list)
    figures: list[Figure] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    def note(self, text: str) -> None:
        """Say how much was done, such as "500 turns in flight"."""
        self.notes.append(text)

    def exactly(self, label: str, value: Number, expected: Number = 0) -> None:
        """A figure that must have this value, 0 unless said otherwise."""
        self.figures.append(Figure(label, value, expected, expected))

    def at_most(self, label: str, value: Number, most: Number, unit: str = "") -> None:
        """A figure that must not be above this."""
        self.figures.append(Figure(label, value, None, most, unit))

    def at_least(self, label: str, value: Number, least: Number, unit: str = "") -> None:
        """A figure that must not be below this."""
        self.figures.append(Figure(label, value, least, None, unit))

    def tell(self, label: str, value: Number, unit: str = "") -> None:
        """A figure without a bound."""
        self.figures.append(Figure(label, value, None, None, unit))

    def fail(self, reason: str) -> None:
        """Something broke that no figure says."""
        self.failures.append(reason)

    @property
    def passed(self) -> bool:
        """Whether every figure holds and nothing broke; a line that found nothing out has not passed."""
        return bool(self.figures) and all(figure.holds for figure in self.figures) and not self.failures

    @property
    def outcome(self) -> str:
        """PASS or FAIL."""
        return "PASS" if self.passed else "FAIL"

    def __str__(self) -> str:
        parts = [f"{self.name:<4}{self.title}", *self.notes, *map(str, self.figures), self.outcome]
        return "\n".join(["   ".join(parts), *(f"      {reason}" for reason in self.failures)])


def table(reports: list[Report]) -> str:
    """All lines below each other: on how many processes, how long, how it ended, and its figures."""
    width = max((len(report.title) for report in reports), default=0)
    lines = ["", f"{'':<5}{'':<{width}}  {'processes':>9}{'seconds':>9}  outcome"]
    for report in reports:
        figures = ", ".join(map(str, report.figures))
        head = f"{report.name:<5}{report.title:<{width}}  {report.processes:>9}{report.seconds:>9.1f}"
        lines.append(f"{head}  {report.outcome:<7}  {figures}")
    failed = sum(not report.passed for report in reports)
    lines.append(f"{len(reports) - failed} of {len(reports)} passed")
    return "\n".join(lines)
