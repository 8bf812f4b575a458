from __future__ import annotations

from typing import Any

import pytest

from preceptor.spec.checks import contradictions
from preceptor.spec.document import Specialization
from support.arithmetic import TASK, WRITE, spec


def document(source: dict[str, Any], **changes: Any) -> Specialization:
    skills = [{"skill": "sums", "quota": 20, "sources": [source]}]
    engineer = {"kind": "fixed", "recipe": {"skills": skills}}
    return Specialization(
        api_version="preceptor.dev/v1alpha1",
        kind="Specialization",
        metadata={"name": "sums"},
        spec=spec(engineer=engineer, **changes),
    )


@pytest.mark.parametrize(
    ("source", "key", "says"),
    [
        ({"generator": "plus"}, "generator", "there is no generator `plus`"),
        ({"kind": "solve"}, "kind", "the task has none"),
        ({"kind": "evolve", "change": "harder"}, "kind", "the recipe carries over none"),
        ({"kind": "pool"}, "kind", "no pool to select from"),
    ],
)
def test_a_recipe_in_a_document_is_held_to_the_same_rules(source: dict[str, Any], key: str, says: str) -> None:
    [problem] = contradictions(document(source, task={**TASK, "seeds": None}))
    assert problem.path == f"spec.engineer.recipe.skills[0].sources[0].{key}"
    assert says in problem.message
    assert problem.mend


def test_a_recipe_that_fits_is_let_pass() -> None:
    assert contradictions(document(WRITE)) == []


@pytest.mark.parametrize(("share", "refused"), [(None, False), (1.0, False), (0.6, True)])
def test_no_skill_may_have_more_than_its_share(share: float | None, refused: bool) -> None:
    dataset = {"size": 100, "gates": {"balance": {"maxShare": share}}}
    problems = contradictions(document(WRITE, dataset=dataset))
    assert [problem.path for problem in problems] == ["spec.engineer.recipe.skills[0].quota"] * refused
    assert all("write 12 at most" in problem.mend for problem in problems)
