"""Rows from sampled values and templates: the answer is made from the same values as the question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import Any

from preceptor.recipes.digests import seed_from
from preceptor.spec.actors import Form, ProceduralTeacher, SamplerGenerator
from preceptor.spec.checks import levels_of
from preceptor.spec.source import join
from preceptor.teachers.draft import Draft
from preceptor.teachers.templates import GeneratorError, Place, Text, generator_place
from preceptor.teachers.values import Drawer, drawer

TRIAL_ROWS = 8
"""Rows that a check makes of every form: enough to meet an amount with cents, cheap enough for every validation."""


class SamplerSource:
    """One generator of kind ``sampler``.

    The teacher's values are drawn first, then the generator's, then the form's. A value that has the name of an
    earlier one replaces it where that one stood, so expressions further down already see the replacement.
    """

    def __init__(self, name: str, config: SamplerGenerator, teacher: ProceduralTeacher) -> None:
        self._name = name
        self._config = config
        self._teacher = teacher
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
        generator = generator_place(self._name)
        here = generator.down("forms", number, words=f"form {number + 1}")
        drawers: dict[str, Drawer] = {}
        for place, values in (
            (Place("spec.teacher", f"teacher (for generator `{self._name}`)"), self._teacher.values),
            (generator, self._config.values),
            (here, form.values),
        ):
            for name, value in values.items():
                drawers[name] = drawer(value, place.down("values", name, words=f"value `{name}`"))
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
        return _CompiledForm(drawers, columns, self._answer(generator, here), frozenset(form.without))

    def _answer(self, generator: Place, form: Place) -> Text:
        if self._config.answer is not None:
            return Text(self._config.answer, Place(join(generator.path, "answer"), f"{form.words}, answer"))
        assert self._teacher.answer is not None, "the document's types see to it"  # noqa: S101
        return Text(self._teacher.answer, Place("spec.teacher.answer", f"{form.words}, the teacher's answer"))


@dataclass(frozen=True)
class _Wordings:
    forms: tuple[_CompiledForm, ...]
    cumulative: tuple[float, ...]


@dataclass(frozen=True)
class _CompiledForm:
    drawers: Mapping[str, Drawer]
    columns: Mapping[str, Text]
    answer: Text
    without: frozenset[str]

    def make(self, random: Random) -> tuple[dict[str, str], str]:
        """The columns and the answer of one row."""
        scope: dict[str, Any] = {}
        for name, draw in self.drawers.items():
            scope[name] = draw(random, scope)
        mentioned = scope
        if self.without:
            mentioned = {name: value for name, value in scope.items() if name not in self.without}
            scope.update(dict.fromkeys(self.without))
        columns = {name: text.render(mentioned) for name, text in self.columns.items()}
        return columns, self.answer.render(scope)
