"""A comparison as Markdown, for a README or an issue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from preceptor.printable import printable
from preceptor.runs.schema import Comparison, Figure, Row


def markdown(comparison: Comparison) -> str:
    """Tables of rows and of pairs, then the runs that are not counted."""
    several = len(comparison.tasks) > 1
    header = ["", *(task.label for task in comparison.tasks), *(["mean"] if several else [])]
    lines = list(_table([*header, *COSTS], [_row(row, comparison, several) for row in comparison.rows]))
    claim = f"{100 * comparison.confidence:g}% interval"
    lines += ["", f"Absolute points [{claim}], relative gain; costs are those of a run."]
    if comparison.pairs:
        pairs = [[pair.task, f"{pair.second} minus {pair.first}", pair.words] for pair in comparison.pairs]
        lines += ["", *_table(["task", "same items", "difference"], pairs)]
    if comparison.unfinished:
        lines += ["", "Not counted: " + "; ".join(f"{run.run} ({run.why})" for run in comparison.unfinished) + "."]
    return "\n".join(_plain(line) for line in lines) + "\n"


COSTS = ("MATS", "requests", "tokens", "usd", "minutes", "verdict")
"""Headings of what follows the gains."""


def gain(figure: Figure) -> str:
    """As in ``+12.3 [+4.5, +20.1], +61 %``."""
    low, high = figure.interval
    relative = "" if figure.relative is None else f", {100 * figure.relative:+.0f} %"
    return f"{figure.points:+.1f} [{low:+.1f}, {high:+.1f}]{relative}"


def gains(row: Row, comparison: Comparison) -> list[Figure | None]:
    """A row's figures in the order of the columns; ``None`` where it was not run."""
    found = {cell.task: cell.figure for cell in row.cells}
    return [found.get(task.label) for task in comparison.tasks]


def costs(row: Row) -> list[str]:
    """What stands under :data:`COSTS`."""
    verdicts = ", ".join(verdict if count == 1 else f"{count} x {verdict}" for verdict, count in row.verdicts.items())
    cost = row.cost
    mats = "-" if row.mats is None else f"{row.mats:.2f}"
    money = f"{cost.usd:,.2f}" if cost.usd else "0"
    return [mats, f"{cost.requests:,.0f}", f"{cost.tokens:,.0f}", money, f"{cost.minutes:.1f}", verdicts]


def mean(row: Row, comparison: Comparison) -> str:
    """The mean over tasks, and over how many of them when not over all."""
    some = "" if len(row.cells) == len(comparison.tasks) else f" ({len(row.cells)} of {len(comparison.tasks)} tasks)"
    return gain(row.mean) + some


def _row(row: Row, comparison: Comparison, several: bool) -> list[str]:
    cells = ["-" if figure is None else gain(figure) for figure in gains(row, comparison)]
    return [row.label, *cells, *([mean(row, comparison)] if several else []), *costs(row)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _line(header)
    yield _line(["---"] * len(header))
    yield from map(_line, rows)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """Names come from documents and model names from people: no HTML of theirs, nothing hidden."""
    return printable(text).replace("<", "&lt;")
