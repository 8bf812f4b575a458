"""Renders a report as one self-contained HTML page: no script, no external resource."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from preceptor.printable import printable
from preceptor.report.charts import bars, lines, tracks
from preceptor.report.schema import Interval, Report

LONGEST = 6_000
"""Characters of a text that the page shows; ``report.json`` has it whole."""
LABEL = 80
"""Characters of a text that stands for it in a line."""


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    name: str
    """Its anchor, and its template's name."""
    title: str
    """What the contents call it."""


def render_page(report: Report) -> str:
    """The page. Everything a model, a dataset or a person wrote is escaped, cut where it is endless, and visible."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            sections=_sections(report),
            titles=tracks.TITLES,
            skills=max(len({row.skill for row in report.samples}), len({row.skill for row in report.failures}), 1),
            outcome=tracks.outcome(report.private) if report.private else None,
            by_skill=tracks.skills(report.private) if report.private else None,
            controls=tracks.controls(report),
            suites=tracks.changes(report.suites),
            worth=tracks.worth(report.attribution),
            lines=lines.score_lines(report),
            variety=lines.variety_lines(report),
            comparable=lines.comparable(report.diversity),
            predictions=bars.predictions(report.forecasts),
            mistakes=bars.mistakes(report),
            funnel=bars.funnel(report),
            stages=bars.stages(report),
        )
    )


@cache
def _environment() -> Environment:
    # The templates are ours; what they are filled with is not, hence autoescape.
    environment = Environment(
        loader=PackageLoader("preceptor.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(
        percent=lambda share: f"{100 * share:.1f} %",
        signed=lambda points: f"{points:+.1f}",
        span=_span,
        coverage=lambda share: f"{100 * share:g} %",
        relative=lambda gain: "none, from 0" if gain is None else f"{100 * gain:+,.0f} %",
        chance=lambda p: f"{p:.2g}" if p >= 0.0001 else "< 0.0001",
        duration=_duration,
        number=_number,
        spent=lambda value, kind: _duration(value) if kind == "wallClock" else _number(value),
        label=_label,
        moment=_moment,
        receipt=_receipt,
    )
    return environment


def _sections(report: Report) -> list[Section]:
    """The parts that this report has something to say in."""
    found = {
        Section("evidence", "Evidence"): True,
        Section("iterations", "Iterations"): True,
        Section("predictions", "Predictions"): bool(report.iterations),
        Section("skills", "Skills"): report.private is not None,
        Section("funnel", "Rows"): True,
        Section("variety", "Variety"): bool(report.diversity),
        Section("spending", "Budget"): True,
        Section("mistakes", "Mistakes"): bool(report.mistakes or report.attempts.failures),
        Section("controls", "Controls"): True,
        Section("contamination", "Contamination"): True,
        Section("people", "Human input"): True,
        Section("samples", "Samples"): bool(report.samples),
        Section("failures", "Failures"): bool(report.failures),
        Section("digests", "Digests"): True,
    }
    return [section for section, shown in found.items() if shown]


def _shown(value: object) -> object:
    """What stands on the page for a value: texts with hidden marks spelt out, and cut where they are endless."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    kept = value if len(value) <= LONGEST else f"{value[:LONGEST]} … ({len(value) - LONGEST:,} more characters)"
    return printable(kept, lines=True)


def _label(text: str) -> str:
    words = " ".join(text[: 4 * LABEL].split())
    return words if len(words) <= LABEL and len(text) <= 4 * LABEL else f"{words[:LABEL]}…"


def _receipt(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else json.dumps(value)


def _span(ends: Interval) -> str:
    return f"{ends[0]:+.1f} to {ends[1]:+.1f}"


def _moment(text: str) -> str:
    """A time as people write it; the text itself when it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text


def _duration(seconds: float) -> str:
    if 0 < seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _number(value: float) -> str:
    """A number as people write it: ``20,000,000``, ``0.0077``."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4f}".rstrip("0")
