"""Geometry of the page's charts. The template draws; this only turns figures into coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.report.schema import Diversity, Report

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 240, 56, 34, 14, 14
"""Size of a line chart and its margins, in user units."""
MOST_LABELS = 10
"""Labels on the horizontal axis that a narrow screen has room for."""


_Figures = tuple[str, str, Sequence[float]]
"""A line's name, its colour and its values, one a column."""


@dataclass(frozen=True)
class Point:
    """A point of a line, in user units, with the figure it stands for."""

    x: float
    y: float
    value: float
    marked: bool
    """Whether it stands out: an iteration that became the best, a version whose variety collapsed."""


@dataclass(frozen=True)
class Line:
    """One figure from column to column."""

    name: str
    """What it is."""
    colour: str
    """The page's name for its colour."""
    points: tuple[Point, ...]
    """Its points, one a column."""

    @property
    def path(self) -> str:
        """The ``points`` attribute of an SVG polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True)
class LineChart:
    """Shares in [0, 1] over columns."""

    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    """Height and label of each horizontal rule."""
    labels: tuple[tuple[float, str], ...]
    """Place and label on the horizontal axis."""


@dataclass(frozen=True)
class Bar:
    """One skill before and after, as widths in per cent."""

    name: str
    n: int
    before: float
    after: float


def score_lines(report: Report) -> LineChart:
    """Feedback and selection scores of the untrained student and of each iteration."""
    marked = [False, *(iteration.best for iteration in report.iterations)]
    scores = {
        split: [report.baseline[split], *(getattr(iteration, split) for iteration in report.iterations)]
        for split in ("feedback", "selection")
    }
    lines: list[_Figures] = [
        ("feedback", "three", scores["feedback"]),
        ("selection", "two", scores["selection"]),
    ]
    return _chart(lines, marked, ["untrained", *(str(number) for number in range(1, len(marked)))])


def variety_lines(report: Report) -> LineChart | None:
    """Variety of one version after another, at amounts of text that all of them have; ``None`` for a single one.

    Where there is no such amount, as in versions of a release that measured less, only their skills are drawn.
    """
    if len(report.diversity) < 2:
        return None
    pairs, rows = comparable(report.diversity)
    lines: list[_Figures] = [("evenness over skills", "one", [version.skill_evenness for version in report.diversity])]
    if rows:
        lines.insert(
            0, (f"clusters among {rows:,} rows", "two", [version.groups[rows] for version in report.diversity])
        )
    if pairs:
        lines.insert(0, (f"distinct pairs among {pairs:,}", "three", [v.pairs[pairs] for v in report.diversity]))
    marked = [bool(version.alarms) for version in report.diversity]
    return _chart(lines, marked, [_short(version.version) for version in report.diversity])


def comparable(versions: Sequence[Diversity]) -> tuple[int, int]:
    """The most word pairs, and the most rows, at which all versions can be compared; 0 when there is no such amount."""
    curves = [[version.pairs for version in versions], [version.groups for version in versions]]
    pairs, rows = (max(set.intersection(*map(set, curve)), default=0) if curve else 0 for curve in curves)
    return pairs, rows


def _chart(lines: Sequence[_Figures], marked: Sequence[bool], labels: Sequence[str]) -> LineChart:
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels) - 1)

    def x(index: int) -> float:
        return LEFT + index * step

    def y(value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)

    every = -(-len(labels) // MOST_LABELS)
    return LineChart(
        lines=tuple(
            Line(
                name,
                colour,
                tuple(Point(x(index), y(value), value, marked[index]) for index, value in enumerate(values)),
            )
            for name, colour, values in lines
        ),
        ticks=tuple((y(value), f"{value:.0%}") for value in (0, 0.25, 0.5, 0.75, 1)),
        labels=tuple((x(index), label) for index, label in enumerate(labels) if index % every == 0),
    )


def _short(version: str) -> str:
    """``v3`` of ``v3-9f2c0d1e2f3a``; the first digits of a name without a number."""
    return version.partition("-")[0][:6]


def bar_rows(report: Report) -> tuple[Bar, ...]:
    """Private score by skill, before and after."""
    if report.private is None:
        return ()
    return tuple(
        Bar(name, skill.n, 100 * skill.before, 100 * skill.after) for name, skill in report.private.skills.items()
    )
