"""Lines over columns: scores over iterations, variety over versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.report.schema import Diversity, Interval, Report

HEIGHT, TOP = 190, 10
"""Height of the frame and of the room above it, in pixels."""
INSET = 4.0
"""Room at both sides of the first and the last column, in per cent of the width."""
MOST_LABELS = 10
"""Labels on the horizontal axis that a narrow screen has room for."""


@dataclass(frozen=True)
class Point:
    """A point of a line with the figure it stands for."""

    x: float
    """From the left, in per cent."""
    y: float
    """From above, in pixels."""
    value: float
    """The figure."""
    marked: bool
    """Whether it stands out: an iteration that became the best, a version whose variety collapsed."""
    ends: tuple[float, float] | None
    """Lower and upper end of the figure's interval, from above in pixels."""
    interval: Interval | None
    """The interval itself."""

    @property
    def words(self) -> str:
        """The figure and its interval."""
        spread = f" ({100 * self.interval[0]:.1f} to {100 * self.interval[1]:.1f})" if self.interval else ""
        return f"{100 * self.value:.1f} %{spread}"


@dataclass(frozen=True)
class Line:
    """One figure from column to column."""

    name: str
    """What it is."""
    colour: str
    """The page's name for its colour."""
    shift: int
    """How far to the side it is drawn, in pixels, so that intervals of several lines do not hide one another."""
    points: tuple[Point, ...]
    """Its points, one a column."""

    @property
    def segments(self) -> tuple[tuple[Point, Point], ...]:
        """Neighbouring points."""
        return tuple(zip(self.points, self.points[1:], strict=False))

    @property
    def words(self) -> str:
        """The line in words."""
        return f"{self.name}: {', '.join(point.words for point in self.points)}."


@dataclass(frozen=True)
class LineChart:
    """Shares in [0, 1] over columns."""

    lines: tuple[Line, ...]
    """The lines."""
    ticks: tuple[tuple[float, str], ...]
    """Height and label of each horizontal rule."""
    labels: tuple[tuple[float, str], ...]
    """Place and label on the horizontal axis."""
    height: int = TOP + HEIGHT + 30
    """Of the whole drawing, in pixels."""

    @property
    def words(self) -> str:
        """The chart in words."""
        return " ".join(line.words for line in self.lines)


@dataclass(frozen=True)
class _Figures:
    name: str
    colour: str
    values: Sequence[float]
    intervals: Sequence[Interval | None] = ()


def score_lines(report: Report) -> LineChart:
    """Feedback and selection scores, with intervals, of the untrained student and of each iteration."""
    marked = [False, *(iteration.best for iteration in report.iterations)]
    lines = [
        _Figures(
            split,
            colour,
            [report.baseline[split], *(getattr(iteration, split) for iteration in report.iterations)],
            [
                report.baseline_intervals.get(split),
                *(getattr(iteration, f"{split}_interval") for iteration in report.iterations),
            ],
        )
        for split, colour in (("feedback", "three"), ("selection", "two"))
    ]
    return _chart(lines, marked, [str(number) for number in range(len(marked))])


def variety_lines(report: Report) -> LineChart | None:
    """Variety of one version after another, at amounts of text that all of them have; ``None`` for a single one.

    Where there is no such amount, as in versions of a release that measured less, only their skills are drawn.
    """
    if len(report.diversity) < 2:
        return None
    pairs, rows = comparable(report.diversity)
    lines = [_Figures("evenness over skills", "one", [version.skill_evenness for version in report.diversity])]
    if rows:
        groups = [version.groups[rows] for version in report.diversity]
        lines.insert(0, _Figures(f"clusters among {rows:,} rows", "two", groups))
    if pairs:
        shares = [version.pairs[pairs] for version in report.diversity]
        lines.insert(0, _Figures(f"distinct pairs among {pairs:,}", "three", shares))
    marked = [bool(version.alarms) for version in report.diversity]
    return _chart(lines, marked, [_short(version.version) for version in report.diversity])


def comparable(versions: Sequence[Diversity]) -> tuple[int, int]:
    """The most word pairs, and the most rows, at which all versions can be compared; 0 when there is no such amount."""
    curves = [[version.pairs for version in versions], [version.groups for version in versions]]
    pairs, rows = (max(set.intersection(*map(set, curve)), default=0) if curve else 0 for curve in curves)
    return pairs, rows


def _chart(lines: Sequence[_Figures], marked: Sequence[bool], labels: Sequence[str]) -> LineChart:
    columns = len(labels)

    def x(index: int) -> float:
        return INSET + index * (100 - 2 * INSET) / max(1, columns - 1)

    def y(value: float) -> float:
        return TOP + (1 - min(1.0, max(0.0, value))) * HEIGHT

    def point(figures: _Figures, index: int) -> Point:
        spread = figures.intervals[index] if figures.intervals else None
        ends = (y(spread[0]), y(spread[1])) if spread else None
        value = figures.values[index]
        return Point(x(index), y(value), value, marked[index], ends, spread)

    every = -(-columns // MOST_LABELS)
    middle = (len(lines) - 1) / 2
    return LineChart(
        lines=tuple(
            Line(
                figures.name,
                figures.colour,
                round(4 * (place - middle)),
                tuple(point(figures, index) for index in range(columns)),
            )
            for place, figures in enumerate(lines)
        ),
        ticks=tuple((y(value), f"{value:.0%}") for value in (0, 0.25, 0.5, 0.75, 1)),
        labels=tuple((x(index), label) for index, label in enumerate(labels) if index % every == 0),
    )


def _short(version: str) -> str:
    """``v3`` of ``v3-9f2c0d1e2f3a``; the first digits of a name without a number."""
    return version.partition("-")[0][:6]
