"""Renders a report as one self-contained HTML page: no script, no external resource."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, StrictUndefined

from preceptor.report.charts import bar_rows, comparable, score_lines, variety_lines
from preceptor.report.schema import Report


def render_page(report: Report) -> str:
    """The page. Everything a model or a dataset wrote is escaped."""
    # The template is ours; what it is filled with is not, hence autoescape.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    environment.filters["signed"] = lambda points: f"{points:+.1f}"
    environment.filters["duration"] = _duration
    environment.filters["number"] = _number
    template = environment.from_string(resources.files(__package__).joinpath("page.html.j2").read_text("utf-8"))
    return template.render(
        report=report,
        lines=score_lines(report),
        bars=bar_rows(report),
        variety=variety_lines(report),
        comparable=comparable(report.diversity),
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _number(value: float) -> str:
    """A number as people write it: ``20,000,000``, ``0.0077``."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4f}".rstrip("0")
