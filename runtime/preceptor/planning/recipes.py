"""A recipe by hand: whether a document could carry it out, and what it would cost."""

from __future__ import annotations

from pathlib import Path

from preceptor.spec.load import Document, load_recipe
from preceptor.spec.recipe import Recipe
from preceptor.storage.tables import read_records
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import Estimate, estimate
from preceptor.teachers.checking import check


def check_recipe(file: Path, document: Document) -> tuple[Recipe, Estimate]:
    """Read a recipe, check it against a document and price it; nothing is asked.

    Raises :class:`DocumentError` for a file that is no recipe, :class:`RecipeError` with every reason why the document
    cannot carry it out, :class:`TaskError` for seeds and pools.
    """
    recipe, spec = load_recipe(file), document.spec.spec
    check(recipe, spec)
    context = UnitContext.gather(spec, lambda uri, limit: read_records(uri, document.base_dir, limit))
    return recipe, estimate(recipe, spec, {}, context)
