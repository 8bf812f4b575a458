"""A recipe by hand: whether a document could carry it out, and what it would cost."""

from __future__ import annotations

from pathlib import Path

from preceptor.errors import UserError
from preceptor.spec.actors import FixedEngineer
from preceptor.spec.load import load, load_recipe
from preceptor.spec.recipe import Recipe
from preceptor.storage.tables import read_records
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import Estimate, estimate
from preceptor.teachers.checking import problems


def check_recipe(file: Path, document: Path | None) -> tuple[Recipe, Estimate]:
    """Read a recipe, check it against a document and price it; nothing is asked.

    Without a ``document``, ``file`` is one itself, with a fixed engineer.

    Raises:
        DocumentError: a file is not what it should be.
        UserError: the document has no recipe, or cannot carry it out; every reason is told.
        TaskError: seeds or pool cannot be read.

    """
    loaded = load(document or file)
    spec = loaded.spec.spec
    if document is not None:
        recipe = load_recipe(file)
    elif isinstance(spec.engineer, FixedEngineer):
        recipe = spec.engineer.recipe
    else:
        mend = f"write the recipe into a file of its own: preceptor recipe check RECIPE --for {file}"
        raise UserError(f"the engineer of {file} is of kind `{spec.engineer.kind}` and has no recipe yet", mend=mend)
    if found := list(problems(recipe, spec)):
        listed = "\n".join(f"  {problem}" for problem in found)
        raise UserError(f"{loaded.source} cannot carry out the recipe in {file}:\n{listed}", mend="change the recipe")
    context = UnitContext.gather(spec, lambda uri, limit: read_records(uri, loaded.base_dir, limit))
    return recipe, estimate(recipe, spec, {}, context)
