"""Bars of parts of a whole, and predictions beside outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from preceptor.report.schema import Forecast, Report

MISTAKES = {
    "right": "two",
    "partly right": "four",
    "wrong": "three",
    "unreadable": "alarm",
    "cut off": "one",
}
"""Colours of what becomes of answers."""
STAGES = {
    "search": "two",
    "finalists": "four",
    "private": "three",
    "controls": "one",
    "other tasks": "five",
    "attribution": "alarm",
    "rest": "rule",
}
"""Colours of stages."""


@dataclass(frozen=True)
class Part:
    """A part of a bar."""

    name: str
    """What it is."""
    start: float
    """Where it begins, in per cent of the width."""
    width: float
    """How wide it is."""
    colour: str
    """The page's name for its colour."""
    figure: str
    """Its figure."""


@dataclass(frozen=True)
class Bar:
    """A bar of parts."""

    label: str
    """What it is."""
    parts: tuple[Part, ...]
    """From left to right."""

    @property
    def words(self) -> str:
        """The bar in words."""
        return f"{self.label}: {', '.join(f'{part.name} {part.figure}' for part in self.parts)}"


@dataclass(frozen=True)
class Bars:
    """Bars of the same parts."""

    title: str
    """What they are about."""
    bars: tuple[Bar, ...]
    """The bars."""
    legend: Mapping[str, str]
    """Colours by the parts' names, those that occur."""


@dataclass(frozen=True)
class Dot:
    """A prediction and its outcome, in per cent of a square: right is more predicted, up is more come."""

    x: float
    y: float
    radius: float
    """In pixels; its area grows with the items it rests on."""
    words: str
    """In words."""


@dataclass(frozen=True)
class Scatter:
    """Predictions and outcomes, both from ``-limit`` to ``limit`` points, or from 0 when nothing is negative."""

    dots: tuple[Dot, ...]
    low: float
    high: float
    zero: float
    """Where 0 lies, in per cent from the left; from below as well."""
    hit: int
    """Predictions of a change whose direction came true."""
    told: int
    """Predictions of a change."""


def mistakes(report: Report) -> tuple[Bars, ...]:
    """What becomes of answers, before and after, by split."""
    found = []
    for split in report.mistakes:
        kinds = [kind for kind in split.before if split.before[kind] or split.after.get(kind)]
        bars = tuple(
            _bar(label, ((kind, shares.get(kind, 0.0), _percent(shares.get(kind, 0.0))) for kind in kinds), MISTAKES)
            for label, shares in (("before", split.before), ("after", split.after))
        )
        legend = {kind: MISTAKES.get(kind, "one") for kind in kinds}
        found.append(Bars(f"{split.split}, {split.items:,} items", bars, legend))
    return tuple(found)


def stages(report: Report) -> Bars | None:
    """Seconds, tokens and money by stage; ``None`` in reports of releases that did not say."""
    kinds = {"time": "seconds", "tokens": "tokens", "money": "usd"}
    totals = {
        label: {stage: sum(getattr(part, field) for part in report.spending if part.stage == stage) for stage in STAGES}
        for label, field in kinds.items()
    }
    used = [stage for stage in STAGES if any(total[stage] for total in totals.values())]
    bars = tuple(
        _bar(label, ((stage, total[stage] / whole, _percent(total[stage] / whole)) for stage in used), STAGES)
        for label, total in totals.items()
        if (whole := sum(total.values()))
    )
    return Bars("by stage", bars, {stage: STAGES[stage] for stage in used}) if bars else None


def funnel(report: Report) -> Bars | None:
    """What became of the rows made; ``None`` when none were."""
    made = report.funnel.made
    if not made:
        return None
    dropped = report.funnel.gates or {"dropped": report.funnel.dropped}
    sums = [("accepted", report.funnel.accepted), *((gate, sum(why.values())) for gate, why in dropped.items())]
    other = made - sum(count for _, count in sums)
    if other > 0:
        sums.append(("in failed attempts", other))
    palette = ("two", "three", "one", "four", "alarm", "five")
    legend = {name: palette[place % len(palette)] for place, (name, count) in enumerate(sums) if count}
    # Rows carried over may make more accepted than made; then the bar is of all that are told.
    whole = max(made, sum(count for _, count in sums))
    parts = ((name, count / whole, f"{count:,}") for name, count in sums if count)
    return Bars(f"{made:,} rows made", (_bar("rows", parts, legend),), legend)


def _bar(label: str, shares: Iterable[tuple[str, float, str]], colours: Mapping[str, str]) -> Bar:
    parts, start = [], 0.0
    for name, share, figure in shares:
        if share:
            parts.append(Part(name, start, 100 * share, colours.get(name, "one"), figure))
            start += 100 * share
    return Bar(label, tuple(parts))


def predictions(forecasts: Iterable[Forecast]) -> Scatter | None:
    """Predicted and actual change of each skill in each iteration; ``None`` when there is nothing to compare."""
    known = [(one, 100 * one.predicted, 100 * one.actual) for one in forecasts if one.actual is not None]
    if not known:
        return None
    ends = [end for _, predicted, actual in known for end in (predicted, actual)]
    high = _round_up(max(0.0, *ends))
    low = -_round_up(max(0.0, *(-end for end in ends)))
    high = high or (10.0 if not low else 0.0)
    most = max(one.n for one, _, _ in known) or 1

    def place(value: float) -> float:
        return 100 * (value - low) / (high - low)

    dots = tuple(
        Dot(
            place(predicted),
            100 - place(actual),
            3 + 5 * (one.n / most) ** 0.5,
            f"iteration of attempt {one.attempt}, {one.skill}: predicted {predicted:+.1f}, came {actual:+.1f}",
        )
        for one, predicted, actual in known
    )
    told = [(predicted, actual) for _, predicted, actual in known if predicted]
    hit = sum(predicted * actual > 0 for predicted, actual in told)
    return Scatter(dots, low, high, place(0), hit, len(told))


def _round_up(value: float) -> float:
    """The next multiple of 10, or 0."""
    return 10.0 * -(-value // 10)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
