"""Dataset versions on a terminal. What a row or a manifest says is printed as text, never as markup or controls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from preceptor.printable import printable
from preceptor.recipes.funnel import Funnel
from preceptor.storage.datasets import Row
from preceptor.versions.comparing import Change, Difference, Skill
from preceptor.versions.findings import Finding, Verified
from preceptor.versions.listing import Listed
from preceptor.versions.showing import GateShown, Shown

LONGEST = 2_000
"""Characters of a question or an answer that are printed."""
_RECIPE_DIGITS = 12
_CALLED = {"pairs": "distinct pairs, of so many", "groups": "clusters a row, of so many"}
"""Figures of diversity whose stored names say too little: each is a share by the amount that it is told for."""


def version_table(versions: Iterable[Listed]) -> RenderableType:
    """One line a version."""
    table = _table("#", "version", "rows", "made → kept", "from", "size", "", "skills", right="# rows size")
    table.columns[-1].overflow, table.columns[-1].no_wrap, table.columns[-1].ratio = "ellipsis", True, 1
    table.expand = True
    for version in versions:
        if version.trouble:
            table.add_row("", Text(printable(version.name)), "", "", "", "", "", Text(version.trouble))
            continue
        made = "" if version.made is None else f"{version.made:,} → {version.accepted:,}"
        role = "published" if version.published else "best" if version.best else ""
        skills = f"{len(version.skills)}: " + ", ".join(
            f"{skill} {rows:,}" for skill, rows in sorted(version.skills.items(), key=_most_first)
        )
        table.add_row(
            str(version.number or ""),
            Text(printable(version.name), no_wrap=True),
            f"{version.rows:,}",
            Text(made, no_wrap=True),
            Text(", ".join(map(printable, version.parents))),
            _size(version.bytes),
            Text(role, style="bold"),
            Text(printable(skills)),
        )
    return table


def version_page(shown: Shown) -> RenderableType:
    """A version in detail."""
    manifest, funnel = shown.manifest, shown.version.funnel
    title = Text(printable(shown.version.name), style="bold")
    title.append(f"  {manifest.rows:,} rows, {_size(shown.version.bytes)}", style="not bold")
    title.append("".join(f", {role}" for role in shown.roles), style="bold")
    facts = _facts(
        {
            "task": manifest.description,
            "recipe": manifest.recipe[:_RECIPE_DIGITS],
            "carried from": ", ".join(manifest.parents) or "nothing",
            "made by": ", ".join(f"{name} {value}" for name, value in manifest.created_by.items()),
            "digest": manifest.digest,
        }
    )
    parts: list[RenderableType] = [title, facts]
    if shown.gates:
        parts += [_head("Gates"), _gate_table(shown.gates)]
    if shown.dropped:
        parts += [
            _head("Dropped otherwise" if any(gate.dropped for gate in shown.gates) else "Dropped"),
            Text(_counts(shown.dropped)),
        ]
    parts += [_head("Rows"), _funnel_table(manifest.skills, funnel)]
    if manifest.diversity:
        parts += [
            _head("Diversity"),
            _facts({_CALLED.get(name) or _words(name): _figure(value) for name, value in manifest.diversity.items()}),
        ]
    for row in shown.sample:
        parts += [_head(f"Row {row['id']}"), _row(row, receipt=True)]
    return Group(*parts)


def difference_page(difference: Difference) -> RenderableType:
    """What changed from one version to another."""
    before, after = difference.before, difference.after
    total = difference.total
    title = Text(f"{printable(before.name)} → {printable(after.name)}", style="bold")
    carried = f"{difference.carried:,} carried over"
    summary = f"{total.gone:,} rows gone, {total.both:,} in both ({carried}), {total.new:,} new"
    parts: list[RenderableType] = [title, Text(summary), Text(), _skill_table(difference)]
    if difference.recipe is None:
        parts += [_head("Recipe"), Text("another one; without the run's ledger nobody knows what changed")]
    else:
        same = "the same" if before.manifest.recipe == after.manifest.recipe else "other words for the same rows"
        parts += [_head("Recipe"), *(Text(printable(line)) for line in difference.recipe or (same,))]
    for name, changes in (
        ("Gates", difference.gates),
        ("Funnel", difference.funnel),
        ("Diversity", difference.diversity),
    ):
        if changes:
            parts += [_head(name), _change_table(changes)]
    for name, rows in (("Gone", difference.gone), ("New", difference.new)):
        for row in rows:
            parts += [_head(f"{name}: row {row['id']}"), _row(row, receipt=False)]
    return Group(*parts)


def verified_lines(found: Verified) -> list[str]:
    """What became of checking one version: a line when it is whole, and what could not be checked."""
    read = f"{found.rows:,} rows in {found.files} files read"
    verdict = "whole" if found.whole else "NOT whole"
    lines = [printable(f"{found.version}: {verdict}, {read}")]
    for finding in found.findings:
        lines += finding_lines(finding)
    return [*lines, *(printable(f"  not checked: {what}") for what in found.unchecked)]


def finding_lines(finding: Finding) -> list[str]:
    """One thing that is wrong, and what to do about it."""
    return [printable(f"  {finding.file} {finding.problem}"), printable(f"    mend: {finding.mend}")]


# --- parts ---


def _table(*names: str, right: str = "") -> Table:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name and name in right.split() else "left")
    return table


def _head(title: str) -> Text:
    return Text(f"\n{printable(title)}", style="bold")


def _facts(facts: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value:
            table.add_row(Text(printable(name), style="dim"), Text(printable(value)))
    return table


def _gate_table(gates: Iterable[GateShown]) -> Table:
    table = _table("gate", "dropped", "settings")
    for gate in gates:
        dropped = "" if gate.dropped is None else _counts(gate.dropped) or "nothing"
        settings = ", ".join(f"{name} {_figure(value)}" for name, value in gate.settings.items())
        table.add_row(
            Text(printable(gate.name)), Text(dropped if gate.enabled else "off"), Text(printable(settings), style="dim")
        )
    return table


def _funnel_table(skills: Mapping[str, int], funnel: Funnel | None) -> Table:
    if funnel is None:
        table = _table("skill", "rows", right="rows")
        for skill, rows in skills.items():
            table.add_row(Text(printable(skill)), f"{rows:,}")
        return table
    table = _table(
        "skill", "asked", "made", "accepted", "carried", "rows", "dropped", right="asked made accepted carried rows"
    )
    for skill, part in funnel.skills.items():
        figures = (part.quota, part.made, part.accepted, part.carried, part.rows)
        table.add_row(Text(printable(skill)), *(f"{figure:,}" for figure in figures), Text(_counts(part.dropped)))
    quotas = sum(part.quota for part in funnel.skills.values())
    figures = (quotas, funnel.made, funnel.accepted, funnel.carried, funnel.accepted + funnel.carried)
    table.add_row("all", *(f"{figure:,}" for figure in figures), Text(_counts(funnel.dropped)), style="bold")
    return table


def _skill_table(difference: Difference) -> Table:
    table = _table("skill", "before", "gone", "both", "new", "after", right="before gone both new after")
    for name, skill in difference.skills.items():
        table.add_row(Text(printable(name)), *_figures(skill))
    table.add_row("all", *_figures(difference.total), style="bold")
    return table


def _figures(skill: Skill) -> Iterator[str]:
    return (f"{figure:,}" for figure in (skill.before, skill.gone, skill.both, skill.new, skill.after))


def _change_table(changes: Iterable[Change]) -> Table:
    table = _table("", "before", "after")
    for change in changes:
        table.add_row(Text(printable(_words(change.name))), Text(_figure(change.before)), Text(_figure(change.after)))
    return table


def _row(row: Row, *, receipt: bool) -> RenderableType:
    question, answer = (Text(printable(_short(str(row[name])), lines=True)) for name in ("prompt", "answer"))
    grid = Table.grid(padding=(0, 2))
    grid.add_row(Text("skill", style="dim"), Text(printable(str(row["skill"]))))
    grid.add_row(Text("question", style="dim"), question)
    grid.add_row(Text("answer", style="dim"), answer)
    if receipt:
        told = {name: value for name, value in row["receipt"].items() if value not in (None, [], "")}
        said = ", ".join(f"{name} {_brief(value)}" for name, value in told.items())
        grid.add_row(Text("receipt", style="dim"), Text(printable(said), style="dim"))
    return Padding(grid, (0, 0, 0, 2))


def _brief(value: Any) -> str:
    """A receipt's value; digests by their first digits."""
    if isinstance(value, list):
        return " ".join(_brief(each) for each in value)
    text = str(value)
    head, _, tail = text.rpartition(":")
    is_digest = len(tail) > _RECIPE_DIGITS and all(digit in "0123456789abcdef" for digit in tail)
    return f"{head}:{tail[:_RECIPE_DIGITS]}…".removeprefix(":") if is_digest else text


def _counts(counts: Mapping[str, int]) -> str:
    return printable(", ".join(f"{name} {count:,}" for name, count in counts.items()))


def _words(name: str) -> str:
    """A stored name, as in ``skillEntropy``, in words."""
    return re.sub("[A-Z]", lambda capital: f" {capital[0].lower()}", name).replace("_", " ")


def _figure(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return printable(", ".join(f"{name}: {_figure(each)}" for name, each in value.items()))
    return printable(value if isinstance(value, str) else json.dumps(value))


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _most_first(skill: tuple[str, int]) -> tuple[int, str]:
    return (-skill[1], skill[0])
