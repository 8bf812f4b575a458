"""Exchanges answers between rows: what is left teaches how answers look, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preceptor.recipes.digests import digest
from preceptor.recipes.sample import Sample

_POOL = ""
"""Stands for the skills that exchange answers with one another; no skill is called so."""


@dataclass(frozen=True)
class Exchanged:
    """Rows after the exchange."""

    rows: tuple[Sample, ...]
    """In the order in which they were given; each row's question with another row's answer."""
    same: float
    """Share of the rows whose answer reads as it did before, because the other row's is the same."""
    across: tuple[str, ...]
    """Skills whose rows exchanged with those of other skills, in order."""


def exchanged(rows: Sequence[Sample], key: object) -> Exchanged | None:
    """Every row with another row's answer; ``None`` when all answers are the same, so that nothing can be exchanged.

    Rows exchange within their skill. Where all answers of a skill are the same there is nothing to exchange: such
    skills exchange with one another, and with the largest other skill when even these have but one answer. The other
    row is drawn without a look at its answer, so an answer stays the same as often as chance has it: if it never did, a
    student of two answers would learn the right one from the wrong one.

    Args:
        rows: the rows.
        key: decides who exchanges with whom, together with the rows: JSON data.
    """
    if len({row.answer for row in rows}) < 2:
        return None
    groups = _groups(rows)
    answers = [row.answer for row in rows]
    for places in groups.values():
        # One random cycle through the group: no row keeps its own answer. Sorted by digests, not by a generator of
        # random numbers, whose draws another release of Python may change.
        order = sorted(places, key=lambda place: digest([key, place, rows[place].id]))
        for place, other in zip(order, [*order[1:], order[0]], strict=True):
            answers[place] = rows[other].answer
    return Exchanged(
        rows=tuple(
            Sample.create(skill=row.skill, fields=row.fields, prompt=row.prompt, answer=answer, receipt=row.receipt)
            for row, answer in zip(rows, answers, strict=True)
        ),
        same=sum(row.answer == answer for row, answer in zip(rows, answers, strict=True)) / len(rows),
        across=tuple(sorted({rows[place].skill for place in groups.get(_POOL, ())})),
    )


def _groups(rows: Sequence[Sample]) -> Mapping[str, list[int]]:
    """Places of the rows that exchange with one another."""
    skills: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        skills[row.skill].append(place)
    constant = [skill for skill, places in skills.items() if len({rows[place].answer for place in places}) == 1]
    pool = [place for skill in constant for place in skills.pop(skill)]
    if pool and len({rows[place].answer for place in pool}) == 1:
        largest = max(sorted(skills), key=lambda skill: len(skills[skill]))
        pool += skills.pop(largest)
    return {**skills, _POOL: pool} if pool else skills
