from __future__ import annotations

from typing import Any

import pytest

from preceptor.errors import RecipeError
from preceptor.spec.document import Spec
from preceptor.teachers.checking import check, problems
from support.arithmetic import WRITE, recipe, spec
from support.payments import spec as procedural_spec

SOURCE = "skills[0].sources[0]"
POOL = {"uri": "pool.jsonl", "answer": "{{ answer }}"}
SOLVE, EVOLVE, SELECT = {"kind": "solve"}, {"kind": "evolve", "change": "harder"}, {"kind": "pool"}
JUDGE = {"kind": "judge", "rubric": "Right."}
AGREE = {"kind": "agreement"}


def write(template: str, **variables: Any) -> dict[str, Any]:
    return {"kind": "prompt", "template": template, "variables": variables}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (write("{{ topic"), [f"{SOURCE}.template: skill `sums`, template: unexpected end of template"]),
        (write("{% set x = 1 %}"), [f"{SOURCE}.template: skill `sums`, template: `assign` is not allowed"]),
        (
            write("About {{ topik }}", topic={"kind": "category", "of": ["a"]}),
            [f"{SOURCE}.template: skill `sums`, template: there is no `topik` here; did you mean `topic`?"],
        ),
        (write("{{ question }}"), [f"{SOURCE}.template: skill `sums`, template: there is no `question` here"]),
        (write("{{ skill[99] }}"), [f"{SOURCE}.template: skill `sums`, template: "]),
        (write("{{ ' ' }}"), [f"{SOURCE}.template: skill `sums`, template: it renders to nothing; say what to write"]),
        (
            write("{{ a }} {{ b }}", a={"kind": "expression", "of": "b + 1"}, b={"kind": "expression", "of": "a + 1"}),
            [f"{SOURCE}.variables: skill `sums`, variables: values depend on themselves"],
        ),
        (
            write(
                "{{ nobody }}",
                skill={"kind": "category", "of": ["x"]},
                half={"kind": "number", "low": 0.4, "high": 0.6},
                worse={"kind": "expression", "of": "1 +"},
            ),
            [
                f"{SOURCE}.variables.skill: skill `sums`, variable `skill` hides the skill's name; rename it",
                f"{SOURCE}.variables.half: skill `sums`, variable `half`: there is no number with 0 decimals",
                f"{SOURCE}.variables.worse: skill `sums`, variable `worse`: ",
                f"{SOURCE}.template: skill `sums`, template: there is no `nobody` here",
            ],
        ),
        (
            write("{{ who }}", who={"kind": "name", "locale": "xx_XX"}),
            [f"{SOURCE}.variables.who: skill `sums`, variable `who`: Faker has no locale `xx_XX`"],
        ),
        ({"generator": "plus"}, [f"{SOURCE}.generator: there is no generator `plus`; the teacher has none"]),
        (EVOLVE, [f"{SOURCE}.kind: `evolve` rewrites rows that are carried over, and the recipe carries over none"]),
        (SELECT, [f"{SOURCE}.kind: the teacher has no pool to select from"]),
    ],
)
def test_what_is_wrong_with_a_source_is_said_with_its_path(source: dict[str, Any], says: list[str]) -> None:
    found = list(problems(recipe(source), spec()))
    assert [problem.startswith(start) for problem, start in zip(found, says, strict=True)] == [True] * len(says), found


@pytest.mark.parametrize(
    ("sources", "place", "says"),
    [
        ([WRITE, WRITE | {"weight": 2}], 1, "the same source appears twice in one skill"),
        ([SOLVE, SOLVE | {"instruction": "Think."}], 1, "a second source of kind `solve` in one skill"),
    ],
)
def test_sources_that_repeat_others_are_refused(sources: list[dict[str, Any]], place: int, says: str) -> None:
    [found] = problems(recipe(*sources), spec())
    assert found.startswith(f"skills[0].sources[{place}]: {says}")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"validators": [JUDGE, JUDGE]}, "validators[1]: the same validator appears twice; remove one of them"),
        ({"validators": [JUDGE | {"model": " "}]}, "validators[0].model: the judge's model has no name"),
        (
            {"validators": [{"kind": "length", "minimum": 9, "maximum": 8}]},
            "validators[0].maximum: no answer has at least 9 and at most 8 characters",
        ),
        ({"quota": 401}, "skills: the quotas sum to 401; `dataset.size` is 400"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_with_its_path(changes: dict[str, Any], says: str) -> None:
    [found] = problems(recipe(**changes), spec())
    assert found.startswith(says)


@pytest.mark.parametrize(
    ("document", "source", "says"),
    [
        (procedural_spec(), WRITE, "a teacher of kind `procedural` has no model for a source of kind `prompt`"),
        (procedural_spec(teacher={"kind": "pool"} | POOL), SOLVE, "a teacher of kind `pool` has no model"),
        (procedural_spec(), SELECT, "the teacher has no pool to select from"),
        (spec(task={"seeds": None}), SOLVE, "`solve` answers seed questions, and the task has none"),
        (spec(task={"scorer": {"kind": "reasoning-gym"}}), WRITE, "the scorer `reasoning-gym` judges only rows"),
    ],
)
def test_what_a_document_cannot_give_is_refused(document: Spec, source: dict[str, Any], says: str) -> None:
    found = [problem for problem in problems(recipe(source), document) if problem.startswith(f"{SOURCE}.kind")]
    assert len(found) == 1
    assert says in found[0]


def test_validators_that_ask_need_a_model() -> None:
    document = procedural_spec(teacher={"kind": "pool"} | POOL)
    found = list(problems(recipe(SELECT, validators=[AGREE, JUDGE, {"kind": "length"}]), document))
    assert [problem.split(":")[0] for problem in found] == ["validators[0].kind", "validators[1].kind"]


def test_the_cap_binds_an_engineer_that_is_a_model() -> None:
    plan = recipe(quota=40).model_dump(mode="json")
    plan["skills"].append({"skill": "other", "quota": 10, "sources": [WRITE]})
    engineer = {"kind": "llm", "model": "planner"}
    with pytest.raises(RecipeError, match=r"skills\[0\]\.quota: skill `sums` gets 40 of 50 rows; .* allows 25"):
        check(type(recipe()).model_validate(plan), spec(engineer=engineer))


def test_a_recipe_of_every_kind_passes() -> None:
    sources = [WRITE, WRITE | {"template": "Another about {{ topic }}."}, SOLVE, EVOLVE, SELECT]
    plan = recipe(*sources, validators=[AGREE, JUDGE, {"kind": "length"}], carryOver={"version": "v1"})
    check(plan, spec(teacher={"pool": POOL}), {"sums": 3})


def test_rows_that_no_version_has_cannot_be_rewritten() -> None:
    plan = recipe(EVOLVE, carryOver={"version": "v1"})
    [found] = problems(plan, spec(), {"other": 7})
    assert found == f"{SOURCE}.kind: version `v1` has no rows of skill `sums` to rewrite"
