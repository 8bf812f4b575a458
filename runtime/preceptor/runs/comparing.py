"""Puts runs side by side as the paper's table 1 does: a row for each way to make data, a column for each task.

Several runs of one row on one task are pooled: their mean, with an interval over items and runs. Means over tasks count
every task the same. A run that published nothing counts as a gain of 0, or a row would look the better the more of its
runs came to nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from preceptor.errors import UserError
from preceptor.evaluation import statistics
from preceptor.recipes.amount import Amount
from preceptor.runs import schema
from preceptor.runs.entrant import Array, Entrant, Result

USUAL = 0.95
"""Confidence of intervals when documents want different ones."""


@dataclass(frozen=True)
class _Group:
    """The results of one row, each with the run it comes from."""

    who: schema.Identity
    found: tuple[tuple[Entrant, Result], ...]

    def on(self, task: str) -> list[tuple[Entrant, Result]]:
        return [one for one in self.found if one[0].task == task]

    @property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(entrant.task for entrant, _ in self.found))


def compare(entrants: Sequence[Entrant], *, controls: bool = False) -> schema.Comparison:
    """Compare runs; with ``controls``, also those comparisons of theirs that answered private.

    Raises:
        UserError: no run, a run twice, or none that has ended.
    """
    _refuse(entrants)
    ended = [entrant for entrant in entrants if not entrant.unfinished]
    wanted = {entrant.confidence for entrant in ended}
    confidence = wanted.pop() if len(wanted) == 1 else USUAL
    labels = _labels(ended)
    groups = _groups(ended, controls)
    return schema.Comparison(
        confidence=confidence,
        tasks=tuple(_tasks(ended, labels)),
        rows=tuple(_row(group, labels, confidence) for group in groups),
        pairs=tuple(_pairs(groups, labels, confidence)),
        unfinished=tuple(
            schema.Unfinished(run=entrant.name, where=entrant.where, why=entrant.unfinished)
            for entrant in entrants
            if entrant.unfinished
        ),
    )


def _refuse(entrants: Sequence[Entrant]) -> None:
    if not entrants:
        raise UserError("there is nothing to compare", mend="name runs: `preceptor compare RUN RUN`")
    twice = [where for where, count in Counter(entrant.where for entrant in entrants).items() if count > 1]
    if twice:
        raise UserError(f"{twice[0]} is named twice", mend="name every run once")
    if all(entrant.unfinished for entrant in entrants):
        lines = "".join(f"\n  {entrant.name}: {entrant.unfinished}" for entrant in entrants)
        raise UserError(
            f"none of these runs has ended, so there is no gain to compare:{lines}",
            mend="finish them with `preceptor run`; `preceptor status` shows how far one is",
        )


def _labels(entrants: Sequence[Entrant]) -> dict[str, str]:
    """What each task is called: the shortest name among its runs, with a number where two would be called the same."""
    names: dict[str, list[str]] = defaultdict(list)
    for entrant in entrants:
        names[entrant.task].append(entrant.name)
    labels: dict[str, str] = {}
    for task, found in names.items():
        label = base = min(found, key=lambda name: (len(name), name))
        number = 2
        while label in labels.values():
            label, number = f"{base} ({number})", number + 1
        labels[task] = label
    return labels


def _tasks(entrants: Sequence[Entrant], labels: Mapping[str, str]) -> Iterator[schema.Task]:
    for task, label in labels.items():
        first = next(entrant for entrant in entrants if entrant.task == task)
        yield schema.Task(label=label, digest=first.digest, student=first.student, items=first.items)


def _groups(entrants: Sequence[Entrant], controls: bool) -> list[_Group]:
    found: dict[schema.Identity, list[tuple[Entrant, Result]]] = defaultdict(list)
    for entrant in entrants:
        for result in entrant.results if controls else entrant.results[:1]:
            found[result.who].append((entrant, result))
    places = {who.whose: place for place, who in reversed(list(enumerate(found)))}
    order = sorted(found, key=lambda who: (places[who.whose], who.control is not None))
    return [_Group(who, tuple(found[who])) for who in order]


def _row(group: _Group, labels: Mapping[str, str], confidence: float) -> schema.Row:
    results = [result for _, result in group.found]
    gains = [result.gain(entrant.items, confidence) for entrant, result in group.found]
    names = [entrant.task for entrant, _ in group.found]
    cells = []
    for task in group.tasks:
        here = [gain for gain, name in zip(gains, names, strict=True) if name == task]
        pooled = here[0] if len(here) == 1 else statistics.pooled(here, confidence, ["one"] * len(here))
        cells.append(schema.Cell(task=labels[task], figure=_figure(pooled, len(here))))
    mean = gains[0] if len(gains) == 1 else statistics.pooled(gains, confidence, names)
    attempts, valid = sum(result.attempts for result in results), sum(result.valid for result in results)
    return schema.Row(
        label=group.who.label,
        who=group.who,
        runs=tuple(result.run for result in results),
        cells=tuple(cells),
        mean=_figure(mean, len(gains)),
        mats=attempts / valid if valid else None,
        cost=_cost(results),
        verdicts=dict(Counter(result.verdict for result in results if result.verdict)),
    )


def _figure(gain: statistics.Gain, runs: int) -> schema.Figure:
    return schema.Figure(
        points=100 * gain.points,
        interval=(100 * gain.low, 100 * gain.high),
        relative=gain.relative,
        standard_error=100 * gain.standard_error,
        detectable=100 * gain.detectable,
        significant=gain.significant,
        items=gain.items,
        trainings=gain.seeds,
        runs=runs,
    )


def _cost(results: Sequence[Result]) -> schema.Cost:
    total, count = sum((result.cost.amount for result in results), Amount()), len(results)
    return schema.Cost(
        rows=total.rows / count,
        requests=total.requests / count,
        tokens=total.tokens / count,
        usd=total.usd / count,
        minutes=sum(result.cost.seconds for result in results) / 60 / count,
    )


def _pairs(groups: Sequence[_Group], labels: Mapping[str, str], confidence: float) -> Iterator[schema.Pair]:
    """Every two rows, and every two runs of one row, on the same items with the same student; never others."""
    for task, label in labels.items():
        rows = [_Side(group.who.label, tuple(here)) for group in groups if (here := group.on(task))]
        runs = [
            [_Side(entrant.name, ((entrant, result),)) for entrant, result in group.on(task)]
            for group in groups
            if group.who.control is None
        ]
        for first, second in (pair for sides in (rows, *runs) for pair in combinations(sides, 2)):
            old, new = first.answers, second.answers
            if old is None or new is None:
                continue
            clusters = first.clusters
            gain = statistics.difference(old, new, clusters=clusters, confidence=confidence)
            yield schema.Pair(
                task=label,
                first=first.label,
                second=second.label,
                figure=_figure(gain, len(first.found) + len(second.found)),
                words=statistics.worded(gain),
            )


@dataclass(frozen=True)
class _Side:
    """One side of a pair: a row's runs on a task, or one of them."""

    label: str
    found: tuple[tuple[Entrant, Result], ...]

    @property
    def answers(self) -> Array | None:
        """``[trainings, items]`` of one run, ``[runs, items]`` of several, ``[items]`` where nobody was trained.

        ``None`` when a run has none: what the others answered is then not how the row did.
        """
        sheets = [result.after for _, result in self.found if result.after is not None]
        if len(sheets) < len(self.found):
            return None
        if len(sheets) > 1:
            return np.stack([sheet.means for sheet in sheets])
        return sheets[0].values if self.found[0][1].trained else sheets[0].means

    @property
    def clusters(self) -> tuple[str, ...]:
        """Each item's context."""
        return next(result.after.clusters for _, result in self.found if result.after is not None)
