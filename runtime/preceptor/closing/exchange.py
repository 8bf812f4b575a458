"""Exchanges answers between rows: what is left teaches how answers look, and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
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
    skills exchange with one another, and with the largest other skill when even these have but one answer.

    Questions with the same right answer get every answer in its share of all, as nearly as whole rows allow, the right
    one too. Were the right one always wrong afterwards, or by chance a little rarer than others, a student that gives
    the likeliest answer would have learnt the task from it, upside down.

    Args:
        rows: the rows.
        key: decides who exchanges with whom, together with the rows: JSON data.
    """
    if len({row.answer for row in rows}) < 2:
        return None
    groups = _groups(rows)
    answers = [row.answer for row in rows]
    for places in groups.values():
        for place, answer in _dealt(rows, places, key).items():
            answers[place] = answer
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


def _dealt(rows: Sequence[Sample], places: Sequence[int], key: object) -> dict[int, str]:
    """The new answer of every place of a group.

    Answers lie in a sequence of which every stretch holds each of them in its share; questions stand beside it, those
    with one right answer next to one another. Drawn by digests, because another release of Python may change what
    generators of random numbers draw.
    """
    count = Counter(rows[place].answer for place in places)
    spread = sorted(
        ((number + _drawn(key, answer)) / times, answer) for answer, times in count.items() for number in range(times)
    )
    order = sorted(
        places, key=lambda place: (rows[place].answer, rows[place].skill, _drawn(key, place, rows[place].id))
    )
    dealt = {place: answer for place, (_, answer) in zip(order, spread, strict=True)}
    kept = [place for place in order if count[rows[place].answer] == 1 and dealt[place] == rows[place].answer]
    if len(kept) == 1:  # the only one of its answer got it back: it changes with whoever comes first
        kept.append(next(place for place in order if place != kept[0]))
    turned = [dealt[place] for place in [*kept[1:], *kept[:1]]]
    return dealt | dict(zip(kept, turned, strict=True))


def _drawn(*what: object) -> float:
    """A number in [0, 1)."""
    return int(digest(list(what))[:12], 16) / 16**12
