"""Geometry of the page's charts. The template draws; this only turns figures into coordinates."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.report.schema import Report

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 240, 44, 30, 12, 12
"""Size of the line chart and its margins, in user units."""


@dataclass(frozen=True)
class Point:
    """A point of a line, in user units, with the figure it stands for."""

    x: float
    y: float
    value: float
    best: bool
    """Whether this iteration became the best."""


@dataclass(frozen=True)
class Line:
    """One split's scores from the untrained student on."""

    name: str
    points: tuple[Point, ...]

    @property
    def path(self) -> str:
        """The ``points`` attribute of an SVG polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True)
class LineChart:
    """Scores over iterations."""

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
    columns = len(report.iterations) + 1
    step = (WIDTH - LEFT - RIGHT) / max(1, columns - 1)

    def x(index: int) -> float:
        return LEFT + index * step

    def y(value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)

    lines = []
    for split in ("feedback", "selection"):
        values = [(report.baseline[split], False)]
        values += [(getattr(iteration, split), iteration.best) for iteration in report.iterations]
        points = tuple(Point(x(index), y(value), value, best) for index, (value, best) in enumerate(values))
        lines.append(Line(split, points))
    return LineChart(
        lines=tuple(lines),
        ticks=tuple((y(value), f"{value:.0%}") for value in (0, 0.25, 0.5, 0.75, 1)),
        labels=tuple((x(index), "untrained" if index == 0 else str(index)) for index in range(columns)),
    )


def bar_rows(report: Report) -> tuple[Bar, ...]:
    """Private score by skill, before and after."""
    if report.private is None:
        return ()
    return tuple(
        Bar(name, skill.n, 100 * skill.before, 100 * skill.after) for name, skill in report.private.skills.items()
    )
