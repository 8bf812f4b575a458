"""The plan as people see it in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preceptor.planning.estimate import Estimate
from preceptor.planning.plan import Plan
from preceptor.recipes.amount import PICODOLLARS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def render(plan: Plan) -> RenderableType:
    """Return a plan as tables for a rich console."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(plan.name, style="bold"), Text(plan.description), Text()]
    parts += [_examination(plan), Text(), _teacher(plan), Text(), _work(plan), Text()]
    parts += [_comparisons(plan), Text()] if plan.comparisons else []
    parts.append(_writes(plan))
    if plan.time is not None:
        parts += [Text(), Text("The time assumes", style="bold")]
        parts += [Text(f"  {assumption}") for assumption in plan.time.assumptions]
    if plan.notes:
        parts += [Text(), *(Text(f"note: {note}") for note in plan.notes)]
    return Group(*parts)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", overflow="fold")
    return table


_NUMBERS = ("feedback", "selection", "private", "at most", "trainings", "examinations", "prompts", "requests")


def _examination(plan: Plan) -> Table:
    table = _table("Examination items", "skill", *plan.splits)
    skills = sorted({skill for counts in plan.splits.values() for skill in counts})
    for skill in skills:
        table.add_row(skill, *(str(counts.get(skill, 0)) for counts in plan.splits.values()))
    if len(skills) > 1:
        table.add_row("all", *(str(sum(counts.values())) for counts in plan.splits.values()))
    return table


def _teacher(plan: Plan) -> Table:
    table = _table("Teacher", "generator", "skill", "levels")
    if not plan.generators:
        table.add_row("none: recipes say what is asked", "", "")
    for name, facts in plan.generators.items():
        table.add_row(name, facts.skill, ", ".join(map(str, facts.levels)))
    return table


def _work(plan: Plan) -> Table:
    work = plan.work
    table = _table("Work", "what", "at most", "")
    table.add_row("iterations", str(plan.iterations), f"in {plan.attempts} attempts")
    table.add_row("rows in a version", f"{work.rows:,}", f"of about {work.row_tokens} tokens")
    table.add_row("rows made", "no limit" if plan.rows_made is None else f"{plan.rows_made:,}", "")
    table.add_row("trainings", str(work.trainings), f"of {plan.student}, {plan.training_tokens:,} tokens each")
    table.add_row("examinations", str(work.examinations), f"{work.answers:,} prompts answered")
    table.add_row("time", *_time(plan.time, plan.wall_clock))
    requests, money = plan.limit.requests, plan.limit.picodollars
    table.add_row(
        "requests",
        "by recipe" if plan.asked is None else f"{plan.asked.requests:,}",
        "" if requests is None else f"`teacherRequests` ends the search after {requests:,}",
    )
    table.add_row(
        "money",
        "by recipe" if plan.asked is None else f"${plan.asked.usd:,.2f}",
        "" if money is None else f"`usd` ends the search before ${money / PICODOLLARS:,.2f}",
    )
    return table


def _comparisons(plan: Plan) -> Table:
    """What the outcome is compared with; all of it is in the table before, but for the requests."""
    columns = ("trainings", "examinations", "prompts", "requests")
    table = _table("Compared with", "what", *columns)
    for one in plan.comparisons:
        requests = "as the search" if one.requests is None else f"{one.requests:,}"
        table.add_row(one.name, str(one.trainings), str(one.examinations), f"{one.answers:,}", requests)
    return table


def _time(time: Estimate | None, wall_clock: float | None) -> tuple[str, str]:
    limit = "" if wall_clock is None else f"; `wallClock` ends the search after {duration(wall_clock)}"
    if time is None:
        return "not estimated", f"nothing was measured for this student on this hardware{limit}"
    parts = f"{duration(time.training)} training, {duration(time.examination)} examinations"
    return f"about {duration(time.total)}", parts + limit


def _writes(plan: Plan) -> Table:
    table = _table("Written", "where", "what")
    for uri, words in plan.writes.items():
        table.add_row(uri, words)
    return table
