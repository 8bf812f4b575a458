"""The untrained student with worked examples before every question: is a gain only a matter of form?

What a version teaches about how answers look, a few of its rows show as well, and nobody has to train for it
(Brown et al. 2020, "Language Models are Few-Shot Learners").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from preceptor.closing.parts import Parts
from preceptor.loop.event import BASE
from preceptor.loop.events import ControlEnded
from preceptor.loop.examining import Paper
from preceptor.loop.state import RunState
from preceptor.recipes.sample import Sample
from preceptor.spec.task import FewShot, Task
from preceptor.students.context import context_length
from preceptor.students.lengths import StudentLengths
from preceptor.tasks.items import Item
from preceptor.tasks.prompts import conversation

_Thing = TypeVar("_Thing")


def prompted(parts: Parts, state: RunState) -> ControlEnded:
    """Let the untrained student answer the private split with rows of the best version before every question."""
    assert state.best is not None
    assert state.best.committed is not None
    version, wishes = state.best.committed.version, parts.spec.evaluation.controls
    rows = parts.generation.samples(version)
    chosen = examples([row for row in rows if not row.receipt.neighbour], wishes.shots)
    private = parts.splits["private"]
    room = context_length(parts.spec.student.model, parts.base_dir)
    shown = chosen if room is None else _Fitting(parts, private.items, chosen, room).rows()
    if not shown and wishes.instructions is None:
        why = (
            "no row of the version may be shown" if not chosen else f"not one row fits into the student's {room} tokens"
        )
        return ControlEnded(control="prompted", skipped=why)
    paper = Paper("prompted", private.items, private.digest, shown_task(parts.spec.task, shown, wishes.instructions))
    parts.examinations.ask(BASE, [paper])
    return ControlEnded(
        control="prompted",
        scores=(parts.examinations.score(BASE, paper),),
        version=version,
        rows=len(shown),
        detail=_told(len(shown), len(chosen), wishes.shots, room)
        + ("" if wishes.instructions is None else _INSTRUCTED),
    )


def examples(rows: Iterable[Sample], count: int) -> tuple[Sample, ...]:
    """Rows to show, ``count`` of them or all there are: always the same, and as different as they are.

    Skills take turns. Of each, those are taken that lie evenly over its rows sorted by answer and question.
    """
    skills: dict[str, list[Sample]] = defaultdict(list)
    for row in sorted({row.id: row for row in rows}.values(), key=lambda row: (row.answer, row.prompt)):
        skills[row.skill].append(row)
    names = _evenly(sorted(skills), min(count, len(skills)))
    shares = dict.fromkeys(names, 0)
    left = min(count, sum(len(skills[name]) for name in names))
    while left:
        for name in names:
            if left and shares[name] < len(skills[name]):
                shares[name] += 1
                left -= 1
    turns = zip_longest(*(_evenly(skills[name], shares[name]) for name in names))
    return tuple(row for turn in turns for row in turn if row is not None)


def shown_task(task: Task, rows: Sequence[Sample], instructions: str | None) -> Task:
    """The task with rows after its own worked examples, and with instructions after its own system message."""
    few_shot = (*task.few_shot, *(FewShot(prompt=row.prompt, answer=row.answer) for row in rows))
    system = task.system
    if instructions is not None:
        system = instructions if task.system is None else f"{task.system}\n\n{instructions}"
    return task.model_copy(update={"few_shot": few_shot, "system": system})


@dataclass(frozen=True)
class _Fitting:
    """Finds how many rows leave room for the longest question and for an answer."""

    parts: Parts
    items: Sequence[Item]
    chosen: tuple[Sample, ...]
    room: int
    """Tokens of question and answer together."""

    def rows(self) -> tuple[Sample, ...]:
        """The first of the chosen rows, as many as fit: by bisection, as the student's tokenizer counts."""
        everything = self._lengths(len(self.chosen))
        longest = max(self.items, key=lambda item: everything.tokens(item.prompt, "")).prompt
        if self._fits(everything, longest):
            return self.chosen
        fits, fails = 0, len(self.chosen)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            if self._fits(self._lengths(middle), longest):
                fits = middle
            else:
                fails = middle
        return self.chosen[:fits]

    def _fits(self, lengths: StudentLengths, question: str) -> bool:
        asked = lengths.tokens(question, "") - 1  # without the end of a turn that has not begun
        return asked + self.parts.spec.student.inference.max_new_tokens <= self.room

    def _lengths(self, count: int) -> StudentLengths:
        spec = self.parts.spec
        task = shown_task(spec.task, self.chosen[:count], spec.evaluation.controls.instructions)
        before = conversation(task, "")[:-1]
        lengths = StudentLengths(spec.student.model, self.parts.base_dir, before, spec.student.training.max_tokens)
        return self.parts.examinations.workforce.prepared(lengths)


_INSTRUCTED = "; `instructions` at the end of the system message"


def _told(shown: int, chosen: int, wanted: int, room: int | None) -> str:
    """How many rows were shown, and why no more."""
    rows = f"{shown} row{'' if shown == 1 else 's'} of the version shown before every question"
    if shown < chosen:
        return f"{rows}; {wanted} would leave no room for question and answer in the student's {room} tokens"
    if chosen < wanted:
        return f"{rows}; {wanted} were asked for, and no others may be shown"
    return rows


def _evenly(things: Sequence[_Thing], count: int) -> list[_Thing]:
    """So many of them, no more than there are, at even distances, none at the very ends."""
    return [things[(2 * place + 1) * len(things) // (2 * count)] for place in range(count)]
