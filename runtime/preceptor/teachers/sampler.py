"""Rows from sampled values and templates: the answer is made from the same values as the question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate
from random import Random
from typing import Any

from preceptor.recipes.digests import seed_from
from preceptor.spec.actors import Form, ProceduralTeacher, SamplerGenerator
from preceptor.spec.checks import levels_of
from preceptor.spec.source import join
from preceptor.teachers.draft import Draft
from preceptor.teachers.templates import GeneratorError, Place, Text, generator_place
from preceptor.teachers.values import Drawer, compile_values

TRIAL_ROWS = 8
"""Rows that a check makes of every form: enough to meet an amount with cents, cheap enough for every validation."""


class Shared:
    """What the teacher's sampler generators share, compiled once, when it is first used."""

    def __init__(self, config: ProceduralTeacher) -> None:
        self._config = config

    @cached_property
    def drawers(self) -> dict[str, Drawer]:
        """The samplers of the teacher's values, by name."""
        return compile_values(self._config.values, Place("spec.teacher", "the teacher"))

    @cached_property
    def answer(self) -> Text:
        """The answer's template, for generators that have none."""
        assert self._config.answer is not None, "the document's types see to it"
        return Text(self._config.answer, Place("spec.teacher.answer", "the teacher's answer"))


class SamplerSource:
    """One generator of kind ``sampler``.

    A form's values replace the generator's of the same name, and those the teacher's; expressions everywhere see the
    replacement. A value is drawn after those that its expression reads, whatever the order in the document.
    """

    def __init__(self, name: str, config: SamplerGenerator, shared: Shared) -> None:
        self._name = name
        self._config = config
        self._shared = shared
        self._place = generator_place(name)
        self.skill = config.skill or name
        self.levels = levels_of(config)

    def make(self, *, levels: Mapping[int, float], count: int, seed: int) -> list[Draft]:
        """``count`` rows. ``levels`` weighs the difficulty levels. Raises ``GeneratorError``."""
        random = Random(seed)
        by_level = self._by_level
        chosen = random.choices(list(levels), weights=list(levels.values()), k=count)
        drafts = []
        for level in chosen:
            wording = by_level[level]
            form = random.choices(wording.forms, cum_weights=wording.cumulative)[0]
            drafts.append(Draft(*form.make(random), self._name, self.skill, level))
        return drafts

    def trials(self) -> Iterator[Draft | GeneratorError]:
        """Rows of every form in turn, or the error that keeps a form from making any."""
        for number, form in enumerate(self._config.forms):
            try:
                compiled = self._compile(number, form)
                for row in range(TRIAL_ROWS):
                    random = Random(seed_from("trial", self._name, number, row))
                    yield Draft(*compiled.make(random), self._name, self.skill, form.difficulty)
            except GeneratorError as error:
                yield error

    @cached_property
    def _by_level(self) -> dict[int, _Wordings]:
        forms = [(form, self._compile(number, form)) for number, form in enumerate(self._config.forms)]
        wordings = {}
        for level in self.levels:
            here = [(form.weight, compiled) for form, compiled in forms if form.difficulty == level]
            cumulative = tuple(accumulate(weight for weight, _ in here))
            wordings[level] = _Wordings(tuple(compiled for _, compiled in here), cumulative)
        return wordings

    def _compile(self, number: int, form: Form) -> _CompiledForm:
        here = self._place.down("forms", number, words=f"form {number + 1}")
        drawers = {**self._shared.drawers, **self._drawers, **compile_values(form.values, here)}
        for name in form.without:
            if name not in drawers:
                close = get_close_matches(name, drawers, n=1)
                raise GeneratorError(
                    f"{here.words}: `without` names `{name}`, which is not a value",
                    path=join(here.path, "without"),
                    mend=f"did you mean `{close[0]}`?" if close else f"the values are {', '.join(drawers) or 'none'}",
                )
        columns = {
            name: Text(template, here.down("input", name, words=f"column `{name}`"))
            for name, template in form.input.items()
        }
        mentioned = drawers.keys() - set(form.without)
        for column in columns.values():
            column.check(mentioned)
        self._answer.check(drawers.keys())
        needed = needed_drawers(drawers, (*columns.values(), self._answer), here)
        return _CompiledForm(needed, columns, self._answer, frozenset(form.without))

    @cached_property
    def _drawers(self) -> dict[str, Drawer]:
        return compile_values(self._config.values, self._place)

    @cached_property
    def _answer(self) -> Text:
        if self._config.answer is None:
            return self._shared.answer
        return Text(self._config.answer, self._place.down("answer", words="answer"))


@dataclass(frozen=True)
class _Wordings:
    forms: tuple[_CompiledForm, ...]
    cumulative: tuple[float, ...]


@dataclass(frozen=True)
class _CompiledForm:
    drawers: Mapping[str, Drawer]
    """Only the values that the wording or the answer depends on: a document may have many that others use."""
    columns: Mapping[str, Text]
    answer: Text
    without: frozenset[str]

    def make(self, random: Random) -> tuple[dict[str, str], str]:
        """The columns and the answer of one row."""
        scope: dict[str, Any] = {}
        for name, drawer in self.drawers.items():
            scope[name] = drawer.draw(random, scope)
        mentioned = scope
        if self.without:
            mentioned = {name: value for name, value in scope.items() if name not in self.without}
            scope.update(dict.fromkeys(self.without))
        columns = {name: text.render(mentioned) for name, text in self.columns.items()}
        return columns, self.answer.render(scope)


def needed_drawers(drawers: Mapping[str, Drawer], texts: Iterable[Text], place: Place) -> dict[str, Drawer]:
    """The samplers that texts depend on, each after those that its expression reads, else by name.

    The order of keys in the document means nothing: an API server that stores it does not keep that order.
    Raises ``GeneratorError``.
    """
    graph: dict[str, frozenset[str]] = {}
    wanted = [name for text in texts for name in text.reads if name in drawers]
    while wanted:
        name = wanted.pop()
        if name in graph:
            continue
        expression = drawers[name].expression
        if expression is not None:
            expression.check(drawers)
        graph[name] = frozenset() if expression is None else expression.reads & drawers.keys()
        wanted += graph[name]
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " → ".join(f"`{name}`" for name in reversed(error.args[1]))
        raise GeneratorError(
            f"{place.words}: values depend on themselves: {circle}",
            mend="take one of them out of the circle",
            path=place.path,
        ) from error
    ordered: dict[str, Drawer] = {}
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered |= {name: drawers[name] for name in ready}
        sorter.done(*ready)
    return ordered
