"""Runs side by side, for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from preceptor.printable import printable
from preceptor.runs.markdown import COSTS, costs, gains
from preceptor.runs.schema import Comparison, Figure, Row


def comparison_page(comparison: Comparison) -> RenderableType:
    """Gains by row and task, costs by row, pairs, and what is not counted."""
    gained = f"Points gained on private, relative gain, {100 * comparison.confidence:g}% interval"
    parts: list[RenderableType] = [_title(gained), _gains(comparison), _title("\nCost of a run"), _costs(comparison)]
    if comparison.pairs:
        parts += [_title("\nOn the same items: the second minus the first"), _pairs(comparison)]
    if comparison.unfinished:
        parts += [_title("\nNot counted")]
        parts += [Text(printable(f"{run.run}: {run.why}"), overflow="fold") for run in comparison.unfinished]
    return Group(*parts)


def _gains(comparison: Comparison) -> Table:
    table = _table()
    table.add_column("", overflow="fold")
    several = len(comparison.tasks) > 1
    for task in comparison.tasks:
        table.add_column(Text(printable(task.label)), justify="right", overflow="fold")
    if several:
        table.add_column("mean", justify="right")
    for row in comparison.rows:
        figures = [_gain(figure) for figure in gains(row, comparison)]
        table.add_row(_label(row), *figures, *([_mean(row, comparison)] if several else []))
    return table


def _costs(comparison: Comparison) -> Table:
    table = _table()
    for name in ("", "runs", *COSTS):
        table.add_column(name, justify="left" if name in ("", "verdict") else "right", overflow="fold")
    for row in comparison.rows:
        table.add_row(_label(row), str(len(row.runs)), *costs(row))
    return table


def _pairs(comparison: Comparison) -> Table:
    table = _table()
    for name in ("task", "first", "second", "difference"):
        table.add_column(name, overflow="fold")
    for pair in comparison.pairs:
        names = (Text(printable(name)) for name in (pair.task, pair.first, pair.second))
        table.add_row(*names, Text(pair.words))
    return table


def _gain(figure: Figure | None) -> Text:
    """Points above, the interval and the relative gain below: two narrow lines fit where one wide does not."""
    if figure is None:
        return Text("-")
    low, high = figure.interval
    relative = "" if figure.relative is None else f"  {100 * figure.relative:+.0f} %"
    text = Text(f"{figure.points:+.1f}", style="bold")
    text.append(f"{relative}\n{low:+.1f} to {high:+.1f}", style="not bold")
    return text


def _mean(row: Row, comparison: Comparison) -> Text:
    text = _gain(row.mean)
    if len(row.cells) < len(comparison.tasks):
        text.append(f"\n{len(row.cells)} of {len(comparison.tasks)} tasks", style="dim not bold")
    return text


def _label(row: Row) -> Text:
    """Controls stand indented under the runs that made them."""
    return Text(printable(f"  {row.who.control}" if row.who.control else row.label))


def _title(text: str) -> Text:
    return Text(text, style="bold")


def _table() -> Table:
    return Table(box=None, pad_edge=False)
