"""The prompt of a recipe's ``prompt`` source: a template over values that are sampled anew for every request."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from preceptor.recipes.digests import seed_from
from preceptor.spec.recipe import PromptSource
from preceptor.teachers.sampler import needed_drawers
from preceptor.teachers.templates import GeneratorError, Place, Text
from preceptor.teachers.values import Drawer, drawer

SKILL = "skill"
"""What a template may read beside its variables."""
TRIALS = 16
"""Prompts that are made to try a source: enough to meet an amount with cents and to learn how long prompts are."""


class Wording:
    """A compiled template with its samplers."""

    def __init__(self, source: PromptSource, place: Place) -> None:
        drawers = {name: drawer(value, _variable(place, name)) for name, value in source.variables.items()}
        self._text = Text(source.template, place.down("template", words="template"))
        self._text.check({SKILL, *drawers})
        self._drawers = needed_drawers(drawers, (self._text,), place)

    def render(self, skill: str, random: Random) -> str:
        """A prompt. Raises ``GeneratorError``."""
        scope: dict[str, Any] = {}
        for name, variable in self._drawers.items():
            scope[name] = variable.draw(random, scope)
        return self._text.render({**scope, SKILL: skill}).strip()

    def trials(self, skill: str) -> Iterator[str]:
        """A few prompts, the same in every process. Raises ``GeneratorError``."""
        return (self.render(skill, Random(seed_from("trial", skill, trial))) for trial in range(TRIALS))


def wording_problems(source: PromptSource, skill: str, place: Place) -> Iterator[GeneratorError]:
    """What keeps a source from making prompts, all of it; found by compiling every part and making a few."""
    broken = False
    drawers: dict[str, Drawer] = {}
    for name, value in source.variables.items():
        where = _variable(place, name)
        if name == SKILL:
            yield GeneratorError(f"{where.words} hides the skill's name", mend="rename it", path=where.path)
        try:
            drawers[name] = drawer(value, where)
        except GeneratorError as error:
            broken = True
            yield error
    try:
        text = Text(source.template, place.down("template", words="template"))
        text.check({SKILL, *source.variables})
        if broken:
            return
        needed_drawers(drawers, (text,), place.down("variables", words="variables"))
        if not all(Wording(source, place).trials(skill)):
            yield GeneratorError(
                f"{place.words}, template: it renders to nothing",
                mend="say what to write",
                path=place.down("template", words="").path,
            )
    except GeneratorError as error:
        yield error


def _variable(place: Place, name: str) -> Place:
    return place.down("variables", name, words=f"variable `{name}`")
