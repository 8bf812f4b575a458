"""Whether a recipe may be carried out: the one check that everybody asks before a row is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from preceptor.errors import RecipeError
from preceptor.recipes import pricing
from preceptor.spec.document import Spec
from preceptor.spec.misfits import source_path
from preceptor.spec.recipe import PromptSource, Recipe
from preceptor.teachers.templates import Place
from preceptor.teachers.wording import wording_problems


def check(
    recipe: Recipe, spec: Spec, carried: Mapping[str, int] | None = None, *, rows_left: int | None = None
) -> None:
    """Pass a recipe that may be carried out; see :func:`preceptor.recipes.pricing.problems`.

    On top of that, templates are compiled in the sandbox, their variables drawn and a few prompts rendered. Raises
    ``RecipeError`` that lists every problem with its path in the recipe.
    """
    listed = [f"  - {problem}" for problem in problems(recipe, spec, carried, rows_left=rows_left)]
    if listed:
        raise RecipeError("\n".join(["the recipe cannot be carried out:", *listed]))


def problems(
    recipe: Recipe, spec: Spec, carried: Mapping[str, int] | None = None, *, rows_left: int | None = None
) -> Iterator[str]:
    """Every problem that :func:`check` would raise."""
    yield from pricing.problems(recipe, spec, carried, rows_left=rows_left)
    for position, plan in enumerate(recipe.skills):
        for place, source in enumerate(plan.sources):
            if isinstance(source, PromptSource):
                path = source_path(position, place)
                for error in wording_problems(source, plan.skill, Place(path, f"skill `{plan.skill}`")):
                    yield f"{error.path}: {error.message}" + (f"; {error.mend}" if error.mend else "")
