"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from preceptor.printable import printable
from preceptor.report.charts.tracks import TITLES
from preceptor.report.schema import Report
from preceptor.spec.recipe import Recipe
from preceptor.synthesis.costs import Estimate


def outcome_table(report: Report) -> RenderableType:
    """What a user came for: verdict, alarms, before and after, comparisons; then the search and what it cost."""
    parts: list[RenderableType] = [Text("\n" + printable(report.sentence), style="bold")]
    parts += [Text(f"\u26a0 {printable(alarm)}", style="red") for alarm in report.alarms]
    parts.append(Text())
    if report.private is not None:
        parts += [_private_table(report), *_believable(report)]
    if len(report.controls) > 1:
        parts.append(_controls_table(report))
    if report.suites:
        parts.append(_suites_table(report))
    if report.attribution:
        parts.append(_worth_table(report))
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


def _believable(report: Report) -> Iterator[Text]:
    """How sure one can be of the gain, in sentences."""
    private, curse = report.private, report.optimism
    if private is not None and private.detectable_points is not None:
        yield Text(
            f"smallest gain that these items and seeds can be relied on to show: {private.detectable_points:.1f} points"
        )
    if curse is not None:
        low, high = curse.interval
        yield Text(f"gain on selection minus gain on private: {curse.points:+.1f} points ({low:+.1f} to {high:+.1f})")


def _controls_table(report: Report) -> RenderableType:
    table = Table(title="\nControls", title_justify="left", box=None, pad_edge=False)
    for name in ("control", "score", "student better by", "seconds"):
        table.add_column(name, justify="left" if name == "control" else "right")
    left_out = []
    for name, control in report.controls.items():
        title = TITLES.get(name, printable(name))
        if control.value is None:
            left_out.append(Text(f"left out: {title} ({printable(control.skipped)})"))
            continue
        better = _with_interval(control.difference_points, control.difference_interval)
        seconds = f"{control.seconds:.0f}" if control.seconds else ""
        where = "" if control.split == "private" else f", on {control.split}"
        table.add_row(title + where, f"{control.value:.1%}", better, seconds)
    return Group(table, *left_out)


def _suites_table(report: Report) -> Table:
    table = Table(title="\nOther tasks", title_justify="left", box=None, pad_edge=False)
    for name in ("task", "items", "before", "after", "change", ""):
        table.add_column(name, justify="left" if name in ("task", "") else "right")
    for suite in report.suites:
        change = _with_interval(suite.change_points, suite.interval)
        remark = ("worse, allowed" if suite.allowed else "worse") if suite.dropped else ""
        scores = (f"{suite.before:.1%}", f"{suite.after:.1%}", change)
        table.add_row(printable(suite.document), f"{suite.items:,}", *scores, remark)
    return table


def _worth_table(report: Report) -> Table:
    table = Table(title="\nWhat each skill's rows are worth", title_justify="left", box=None, pad_edge=False)
    for name in ("skill", "rows", "points", "for 100 rows", "for a dollar"):
        table.add_column(name, justify="left" if name == "skill" else "right")
    for worth in report.attribution:
        shares = (worth.points_per_hundred_rows, worth.points_per_usd)
        points = _with_interval(worth.points, worth.interval)
        table.add_row(
            printable(worth.skill), f"{worth.rows:,}", points, *("" if one is None else f"{one:+.1f}" for one in shares)
        )
    return table


def _with_interval(points: float | None, interval: tuple[float, float] | None) -> str:
    if points is None:
        return ""
    return f"{points:+.1f}" + (f" ({interval[0]:+.1f} to {interval[1]:+.1f})" if interval else "")


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
        table.add_row(printable(name), str(skill.n), f"{skill.before:.1%}", f"{skill.after:.1%}", points)
    gain = f"{private.gain_points:+.1f}"
    table.add_row("all", str(private.items), f"{private.before:.1%}", f"{private.after:.1%}", gain, style="bold")
    exact = 100 * (private.exact_after - private.exact_before)
    table.add_row("every part right", "", f"{private.exact_before:.1%}", f"{private.exact_after:.1%}", f"{exact:+.1f}")
    return table


def _iterations_table(report: Report) -> Table:
    table = Table(title="\nSearch", title_justify="left", box=None, pad_edge=False)
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
