from __future__ import annotations

import os
import subprocess
import sys

import pytest

from preceptor.recipes.digests import diff, digest, recipe_digest, seed_from
from preceptor.spec.recipe import CarryOver, ProceduralSource, Recipe, SkillPlan
from support.payments import recipe


def test_the_digest_of_a_value_is_that_of_its_canonical_json() -> None:
    assert digest({"b": [1, "ä"], "a": None}) == digest({"a": None, "b": [1, "ä"]})
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert digest([1]) != digest(["1"])


@pytest.mark.parametrize("unfit", [float("nan"), {1, 2}, object()])
def test_what_json_cannot_hold_has_no_digest(unfit: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        digest(unfit)


def test_a_digest_is_the_same_in_a_process_with_another_hash_seed() -> None:
    code = (
        "from preceptor.recipes.digests import *; from preceptor.spec.recipe import *;"
        "print(recipe_digest(Recipe(skills=(SkillPlan(skill='a', quota=3, sources=(ProceduralSource(generator='g',"
        "difficulty={2: 1.0, 1: 0.5}),)),))), seed_from('unit', 'x', 3))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    source = ProceduralSource(generator="g", difficulty={1: 0.5, 2: 1.0})
    here = recipe_digest(Recipe(skills=(SkillPlan(skill="a", quota=3, sources=(source,)),)))
    assert outputs == {f"{here} {seed_from('unit', 'x', 3)}\n"}


def test_prose_and_order_of_skills_do_not_change_a_recipes_digest() -> None:
    plain = recipe(letter=10, chat=20)
    told = recipe(chat=20, letter=10).model_copy(update={"method": "m", "rationale": "r", "prediction": {"chat": 0.1}})
    assert recipe_digest(plain) == recipe_digest(told)


@pytest.mark.parametrize(
    "other",
    [
        recipe(letter=11, chat=20),
        recipe(letter=10),
        recipe(letter=10, chat=20, carry_over=CarryOver(version="v1")),
    ],
)
def test_whatever_changes_rows_changes_the_digest(other: Recipe) -> None:
    assert recipe_digest(other) != recipe_digest(recipe(letter=10, chat=20))


def test_seeds_depend_on_every_part_and_fit_63_bits() -> None:
    seeds = {seed_from("a", 1), seed_from("a", 2), seed_from("b", 1), seed_from("a", "1"), seed_from("a1")}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_difference_of_two_recipes_reads_like_a_list_of_changes() -> None:
    hard = ProceduralSource(generator="letter", difficulty={1: 1, 2: 3})
    after = Recipe(
        skills=(
            SkillPlan(skill="letter", quota=30, sources=(hard, ProceduralSource(generator="fax", weight=2))),
            SkillPlan(skill="note", quota=5, sources=(ProceduralSource(generator="note"),)),
        ),
        carry_over=CarryOver(version="v1", share=0.5),
    )
    assert diff(recipe(letter=10, chat=20), after) == [
        "30 → 35 rows in all",
        "chat: dropped (had 20 rows)",
        "letter: 10 → 30 rows",
        "letter/fax: new source, weight 2",
        "letter/letter: difficulty even → 1: 25%, 2: 75%",
        "note: new, 5 rows",
        "carries over up to 50% of each quota from v1 instead of nothing",
    ]


def test_recipes_that_make_the_same_rows_do_not_differ() -> None:
    assert diff(recipe(letter=10), recipe(letter=10).model_copy(update={"rationale": "because"})) == []


PROMPT = {
    "kind": "prompt",
    "template": "Write one question about {{ topic }} for students of the first year.",
    "variables": {"topic": {"kind": "category", "of": ["heat", "light"]}},
}


def written(*sources: object, **changes: object) -> Recipe:
    return Recipe.model_validate({"skills": [{"skill": "physics", "quota": 10, "sources": list(sources)}]} | changes)


def test_the_difference_of_templates_is_told_word_by_word() -> None:
    other = PROMPT | {
        "template": "Write one hard question about {{ topic }} for students of the last year, with numbers.",
        "variables": {
            "topic": {"kind": "category", "of": ["heat", "sound"]},
            "n": {"kind": "number", "low": 1, "high": 2},
        },
        "rowsPerRequest": 4,
        "temperature": 0.5,
    }
    assert diff(written(PROMPT), written(other)) == [
        "physics/prompt: rowsPerRequest 1 → 4",
        "physics/prompt: temperature the teacher's own → 0.5",
        "physics/prompt: template: Write one {+hard+} question about {{ … students of the [-first year.-] "
        "{+last year, with numbers.+}",
        'physics/prompt: new variable `n`: {"decimals": 0, "distribution": "uniform", "high": 2.0, "kind": "number", '
        '"low": 1.0}',
        'physics/prompt: variable `topic`: {"kind": "category", "of": ["heat", "light"], "weights": null} → '
        '{"kind": "category", "of": ["heat", "sound"], "weights": null}',
    ]


def test_sources_of_every_kind_and_validators_have_their_line() -> None:
    before = written(PROMPT, {"kind": "solve"}, retries=1, validators=[{"kind": "length", "minimum": 3}])
    after = written(
        PROMPT,
        PROMPT | {"template": "Write a riddle."},
        {"kind": "evolve", "change": "numbers", "weight": 2},
        {"kind": "pool"},
        retries=3,
        validators=[{"kind": "agreement"}, {"kind": "judge", "rubric": "Is it right?", "model": "critic"}],
    )
    assert diff(before, after) == [
        "physics/evolve numbers: new source, weight 2",
        "physics/pool: new source, weight 1",
        "physics/prompt 2: new source, weight 1: “Write a riddle.”",
        "physics/solve: no longer used",
        "no longer validated by an answer's length of 3 to any number of characters",
        "validated by agreement of 2 of 3 solutions",
        "validated by a rating of 4 or more by critic for “Is it right?”",
        "1 → 3 retries",
    ]


def test_what_recipes_once_could_not_say_does_not_change_the_digest_of_those_that_do_not_say_it() -> None:
    assert recipe_digest(recipe(letter=10)) == "b1a465eb38b73f223d0bd500e6acc468c7c4a5f5be33fb86f7f4ce7d5cc26f2c"
    assert recipe_digest(written(PROMPT)) != recipe_digest(written(PROMPT, retries=2))
    assert recipe_digest(written(PROMPT)) != recipe_digest(written(PROMPT, validators=[{"kind": "length"}]))
