"""Marks with intervals on a scale, a row each: outcome, skills, controls, other tasks, what skills are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor

from preceptor.report.schema import Control, Interval, Private, Report, SkillWorth, Suite

TITLES = {
    "base": "untrained",
    "prompted": "untrained, shown examples",
    "format": "trained on form alone",
    "oneShot": "one-shot recipe",
    "heuristic": "heuristic engineer",
    "distillation": "plain distillation",
    "ceiling": "the teacher itself",
}
"""What people call the controls."""


@dataclass(frozen=True)
class Mark:
    """A figure on a scale, in per cent of its width."""

    x: float
    """Its place."""
    low: float | None
    """Lower end of its interval."""
    high: float | None
    """Upper end."""
    colour: str
    """The page's name for its colour."""


@dataclass(frozen=True)
class Track:
    """A row of marks."""

    label: str
    """What it is."""
    note: str
    """Less important words on it."""
    marks: tuple[Mark, ...]
    """Its marks."""
    figures: str
    """The same in words, which stand beside it and are its text alternative."""


@dataclass(frozen=True)
class Tracks:
    """Rows on one scale."""

    rows: tuple[Track, ...]
    """The rows."""
    ticks: tuple[tuple[float, str], ...]
    """Place and label of each rule, in per cent."""
    zero: float | None = None
    """Place of the rule that marks no difference."""


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def place(self, value: float) -> float:
        """Per cent of the width."""
        return 100 * (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)

    def mark(self, value: float, spread: Interval | None, colour: str) -> Mark:
        if spread is None:
            return Mark(self.place(value), None, None, colour)
        return Mark(self.place(value), self.place(spread[0]), self.place(spread[1]), colour)


_SHARES = _Scale(0, 1)
_QUARTERS = tuple((100 * share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1))


def outcome(private: Private) -> Tracks:
    """Before and after on the private split."""
    marks = (
        _SHARES.mark(private.before, private.before_interval, "one"),
        _SHARES.mark(private.after, private.after_interval, "two"),
    )
    words = f"before {_share(private.before, private.before_interval)}, after "
    return Tracks((Track("", "", marks, words + _share(private.after, private.after_interval)),), _QUARTERS)


def skills(private: Private) -> Tracks:
    """Score by skill, before and after."""
    rows = tuple(
        Track(
            name,
            f"{skill.n} items",
            (
                _SHARES.mark(skill.before, skill.before_interval, "one"),
                _SHARES.mark(skill.after, skill.after_interval, "two"),
            ),
            f"{100 * skill.before:.1f} % → {100 * skill.after:.1f} %",
        )
        for name, skill in private.skills.items()
    )
    return Tracks(rows, _QUARTERS)


def controls(report: Report) -> Tracks | None:
    """Scores of the controls and of the published student; ``None`` when none was carried out."""
    rows = [
        Track(
            TITLES.get(name, name),
            "" if control.split == "private" else f"on {control.split}",
            _control_marks(control),
            _share(control.value, control.interval),
        )
        for name, control in report.controls.items()
        if control.value is not None
    ]
    if not rows:
        return None
    if report.private is not None:
        private = report.private
        mark = _SHARES.mark(private.after, private.after_interval, "two")
        rows.append(Track("this run's student", "", (mark,), _share(private.after, private.after_interval)))
    return Tracks(tuple(rows), _QUARTERS)


def _control_marks(control: Control) -> tuple[Mark, ...]:
    assert control.value is not None
    marks = (_SHARES.mark(control.value, control.interval, "one"),)
    if control.split != "private" and control.student is not None:
        return (*marks, _SHARES.mark(control.student, None, "two"))
    return marks


def changes(suites: Sequence[Suite]) -> Tracks | None:
    """Change on other tasks, in points; ``None`` without any."""
    return _points(
        [
            (suite.document, f"{suite.items} items", suite.change_points, suite.interval, _tone(suite.interval))
            for suite in suites
        ]
    )


def worth(attribution: Sequence[SkillWorth]) -> Tracks | None:
    """What each skill's rows are worth, in points; ``None`` when it was not tried."""
    return _points(
        [(one.skill, f"{one.rows} rows", one.points, one.interval, _tone(one.interval)) for one in attribution]
    )


def _tone(spread: Interval) -> str:
    """A colour for a difference: sure gains, sure losses, and what may be chance."""
    if spread[0] > 0:
        return "two"
    return "alarm" if spread[1] < 0 else "one"


def _points(rows: Iterable[tuple[str, str, float, Interval, str]]) -> Tracks | None:
    found = list(rows)
    if not found:
        return None
    ends = [end for _, _, points, spread, _ in found for end in (points, *spread)]
    step = _step(max(map(abs, ends)))
    low, high = step * floor(min(0, *ends) / step), step * ceil(max(0, *ends) / step)
    scale = _Scale(low, high if high > low else low + step)
    ticks = [low + step * place for place in range(round((scale.high - low) / step) + 1)]
    return Tracks(
        tuple(
            Track(
                label,
                note,
                (scale.mark(points, spread, tone),),
                f"{points:+.1f} ({spread[0]:+.1f} to {spread[1]:+.1f})",
            )
            for label, note, points, spread, tone in found
        ),
        tuple((scale.place(tick), f"{tick:+g}" if tick else "0") for tick in ticks),
        scale.place(0),
    )


def _step(most: float) -> float:
    """A round distance of rules that gives a few of them."""
    return next((step for step in (0.5, 1, 2, 5, 10, 20, 50) if most / step <= 2), 50)


def _share(value: float | None, spread: Interval | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f} %" + (f" ({100 * spread[0]:.1f} to {100 * spread[1]:.1f})" if spread else "")
