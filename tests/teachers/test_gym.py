from __future__ import annotations

import json
from typing import Any

import pytest

from preceptor.spec.actors import ProceduralTeacher as Config
from preceptor.spec.task import Task
from preceptor.tasks.prompts import render_prompt
from preceptor.teachers import gym
from preceptor.teachers.procedural import ProceduralTeacher
from support.payments import task

pytest.importorskip("reasoning_gym")


def teacher(**generator: Any) -> ProceduralTeacher:
    generators = {"g": {"kind": "reasoning-gym", "dataset": "chain_sum", **generator}}
    return ProceduralTeacher(Config.model_validate({"kind": "procedural", "generators": generators}))


def gym_task(prompt: str = "{{ question }}") -> Task:
    return task(prompt=prompt, scorer={"kind": "reasoning-gym"})


LEVELS = ({"min_terms": 2, "max_terms": 2}, {"min_terms": 5, "max_terms": 5})


def test_rows_have_the_columns_that_a_verifier_needs() -> None:
    drafts = teacher(levels=LEVELS, skill="sums").make("g", levels={}, count=20, seed=4)
    assert len(drafts) == 20
    assert {draft.skill for draft in drafts} == {"sums"}
    for draft in drafts:
        assert list(draft.fields) == ["question", "answer", "metadata", "source_dataset"]
        assert json.loads(json.dumps(draft.fields)) == draft.fields
        assert draft.fields["source_dataset"] == "chain_sum"
        terms = draft.fields["question"].count(" + ") + draft.fields["question"].count(" - ") + 1
        assert terms == (2 if draft.difficulty == 1 else 5)
        assert render_prompt(gym_task(), draft.fields) == draft.fields["question"].strip()


def test_the_seed_decides_the_rows_and_levels_weigh_them() -> None:
    built = teacher(levels=LEVELS)
    assert built.make("g", levels={2: 1.0}, count=8, seed=1) == built.make("g", levels={2: 1.0}, count=8, seed=1)
    assert built.make("g", levels={}, count=8, seed=1) != built.make("g", levels={}, count=8, seed=2)
    assert {draft.difficulty for draft in built.make("g", levels={1: 0.0, 2: 1.0}, count=8, seed=1)} == {2}


def test_rows_that_their_own_verifier_refuses_are_left_out() -> None:
    assert teacher(dataset="graph_color").make("g", levels={}, count=3, seed=1) == []


@pytest.mark.parametrize(
    ("generator", "path", "said"),
    [
        ({"dataset": "chain_sums"}, ".dataset", ("no dataset `chain_sums`", "closest names are chain_sum")),
        ({"dataset": "word_ladder"}, ".dataset", ("cannot be made again",)),
        ({"dataset": "graph_color"}, ".dataset", ("accepts none of its own answers",)),
        (
            {"levels": [{}, {"max_term": 3}]},
            ".levels[1]",
            ("difficulty 2", "no setting `max_term`", "did you mean `max_terms`?"),
        ),
        ({"levels": [{"min_terms": 9, "max_terms": 2}]}, ".levels[0]", ("refuses the settings", "max_terms")),
        ({"levels": [{"seed": 3}]}, ".levels[0]", ("no setting `seed`",)),
    ],
)
def test_a_check_finds_datasets_and_settings_that_cannot_be_used(
    generator: dict[str, Any], path: str, said: tuple[str, ...]
) -> None:
    problems = teacher(**generator).check(gym_task())
    assert [problem.path for problem in problems] == [f"spec.teacher.generators.g{path}"]
    for part in said:
        assert part in f"{problems[0].message} {problems[0].mend}"


def test_a_check_of_a_generator_that_fits_is_silent() -> None:
    assert teacher(levels=LEVELS).check(gym_task()) == []


def test_a_prompt_that_reads_another_column_is_found() -> None:
    [problem] = teacher().check(gym_task("{{ message }}"))
    assert "it gives question, answer, metadata, source_dataset" in problem.mend


def test_the_datasets_refused_by_name_exist() -> None:
    from reasoning_gym.factory import DATASETS

    assert set(DATASETS) >= gym.UNREPEATABLE
