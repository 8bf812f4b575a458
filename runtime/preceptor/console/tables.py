"""Tables for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from preceptor.report.schema import Report
from preceptor.spec.recipe import Recipe
from preceptor.synthesis.costs import Estimate


def outcome_table(report: Report) -> RenderableType:
    """What a user came for: before, after, the interval; then the search and the time."""
    parts: list[RenderableType] = [Text("\n" + report.sentence, style="bold"), Text()]
    if report.private is not None:
        parts.append(_private_table(report))
    if report.iterations:
        parts.append(_iterations_table(report))
    stages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in report.stages.items())
    parts.append(Text(f"time: {stages}"))
    if "usd" in report.budget:
        asked, money = report.budget["teacherRequests"].spent, report.budget["usd"].spent
        parts.append(Text(f"asked: {asked:,.0f} requests to the teacher, ${money:.2f} in all"))
    if report.published_training:
        parts.append(Text(f"published: {report.published_training}, trained on {report.published_version}"))
    return Group(*parts)


def price_table(recipe: Recipe, estimate: Estimate) -> RenderableType:
    """What a recipe makes and what it would cost."""
    table = Table(title=f"{estimate.rows} rows", title_justify="left", box=None, pad_edge=False)
    for name in ("skill", "rows", "from"):
        table.add_column(name, justify="right" if name == "rows" else "left")
    for plan in recipe.skills:
        sources = (getattr(source, "generator", None) or source.kind for source in plan.sources)
        table.add_row(plan.skill, str(plan.quota), ", ".join(sources))
    costs = Table(title="\nCost", title_justify="left", box=None, pad_edge=False)
    for name in ("", "rows made", "requests", "tokens", "money"):
        costs.add_column(name, justify="left" if not name else "right")
    for name, amount in (("as a rule", estimate.expected), ("at most", estimate.worst)):
        figures = (amount.rows, amount.requests, amount.tokens)
        costs.add_row(name, *(f"{figure:,}" for figure in figures), f"${amount.usd:,.2f}" if amount.usd else "none")
    note = (
        "As a rule: every row passes its checks, answers are of usual length. At most: every retry is used, every "
        "answer is as long as it may be. Rows that a gate drops are made again and cost more."
    )
    return Group(table, costs, Text(note))


def _private_table(report: Report) -> Table:
    private = report.private
    assert private is not None
    table = Table(title="Private split, by skill", title_justify="left", box=None, pad_edge=False)
    for name in ("skill", "items", "before", "after", "points"):
        table.add_column(name, justify="left" if name == "skill" else "right")
    for name, skill in private.skills.items():
        points = f"{100 * (skill.after - skill.before):+.1f}"
        table.add_row(name, str(skill.n), f"{skill.before:.1%}", f"{skill.after:.1%}", points)
    gain = f"{private.gain_points:+.1f}"
    table.add_row("all", str(private.items), f"{private.before:.1%}", f"{private.after:.1%}", gain, style="bold")
    exact = 100 * (private.exact_after - private.exact_before)
    table.add_row("every part right", "", f"{private.exact_before:.1%}", f"{private.exact_after:.1%}", f"{exact:+.1f}")
    return table


def _iterations_table(report: Report) -> Table:
    table = Table(title="Search", title_justify="left", box=None, pad_edge=False)
    for name in ("#", "version", "rows", "predicted", "feedback", "selection", "change", ""):
        table.add_column(name, justify="left" if name in ("version", "") else "right")
    table.add_row(
        "0", "untrained", "", "", f"{report.baseline['feedback']:.1%}", f"{report.baseline['selection']:.1%}", ""
    )
    for number, row in enumerate(report.iterations, start=1):
        predicted = "" if row.predicted is None else f"{row.predicted:.1%}"
        change = f"{row.improvement_points:+.1f} ± {row.standard_error_points:.1f}"
        scores = (predicted, f"{row.feedback:.1%}", f"{row.selection:.1%}", change)
        table.add_row(str(number), row.version, str(row.rows), *scores, "best" if row.best else "")
    return table
