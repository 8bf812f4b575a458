"""What the plan says of the comparisons that a document wants."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from preceptor.planning import plan, render
from preceptor.planning.comparisons import Comparison
from preceptor.spec.load import load
from support.model_run import PLAN, write_model_run
from support.small_run import write_small_run
from support.taught import write_other_task

FEEDBACK, SELECTION, PRIVATE = 4, 4, 8
SEEDS, ITERATIONS = 2, 3
OFF = {"ceiling": False, "prompted": False}


def planned(path: Path) -> dict[str, Comparison]:
    return {one.name: one for one in plan(load(path)).comparisons}


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({"prompted": True}, Comparison("prompted", 0, 1, PRIVATE, PRIVATE)),
        ({"format": True}, Comparison("format", SEEDS, SEEDS, SEEDS * PRIVATE)),
        (
            {"oneShot": True},
            Comparison("oneShot", 1 + SEEDS, 1 + SEEDS, FEEDBACK + SELECTION + SEEDS * PRIVATE, requests=None),
        ),
        ({"ceiling": True}, None),  # no model, no ceiling
    ],
)
def test_a_control_is_counted_and_part_of_the_work(
    controls: dict[str, bool], expected: Comparison | None, tmp_path: Path, tiny: Path
) -> None:
    settings: dict[str, Any] = {"budget": {"iterations": ITERATIONS}}
    without = plan(load(write_small_run(tmp_path, tiny, evaluation={"controls": OFF}, **settings)))
    found = plan(load(write_small_run(tmp_path, tiny, evaluation={"controls": OFF | controls}, **settings)))
    assert found.comparisons == ((expected,) if expected else ())
    one = expected or Comparison("none")
    assert found.work.trainings == without.work.trainings + one.trainings
    assert found.work.examinations == without.work.examinations + one.examinations
    assert found.work.answers == without.work.answers + one.answers
    assert found.work.untrained_answers == without.work.untrained_answers + one.untrained_answers
    if found.time and without.time and expected:
        assert found.time.total > without.time.total


def test_other_tasks_and_attribution_are_counted(tmp_path: Path, tiny: Path) -> None:
    other = [{"id": str(n), "skill": "any", "q": f"is {n} odd", "a": "yes"} for n in range(40)]
    path = write_small_run(tmp_path, tiny)
    write_other_task(path, "odd", other)
    evaluation = {"controls": OFF, "attribution": True, "forgetting": [{"document": "odd.yaml", "limit": 15}]}
    found = planned(write_small_run(tmp_path, tiny, evaluation=evaluation))
    assert found == {
        "odd.yaml": Comparison("odd.yaml", 0, 1 + SEEDS, (1 + SEEDS) * 15, 15),
        "attribution": Comparison("attribution", 2 * SEEDS, 2 * SEEDS, 2 * SEEDS * SELECTION),
    }


def test_requests_and_the_searchs_share_are_shown(tmp_path: Path, tiny: Path) -> None:
    seeds = "".join(f'{{"q": "the thing {n}"}}\n' for n in range(40))
    (tmp_path / "seeds.jsonl").write_text(seeds)
    path = write_model_run(
        tmp_path,
        tiny,
        "http://127.0.0.1:9",
        task__seeds={"uri": "seeds.jsonl"},
        engineer={"kind": "fixed", "recipe": PLAN},
        budget={"iterations": 1, "teacherRequests": 300, "rows": 101},
        evaluation={"controls": OFF | {"ceiling": True, "distillation": True}},
    )
    found = plan(load(path))
    assert {one.name: one.requests for one in found.comparisons} == {"ceiling": SELECTION, "distillation": 32}
    assert (found.limit.requests, found.rows_made) == (150, 50)
    stream = io.StringIO()
    Console(file=stream, width=140).print(render(found))
    assert "ends the search after 150" in stream.getvalue()
    assert "distillation" in stream.getvalue()


def test_a_distillation_without_enough_seeds_is_announced(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "seeds.jsonl").write_text('{"q": "the thing"}\n')
    path = write_model_run(
        tmp_path,
        tiny,
        "http://127.0.0.1:9",
        task__seeds={"uri": "seeds.jsonl"},
        evaluation={"controls": OFF | {"distillation": True}},
    )
    found = plan(load(path))
    assert any("`distillation` will be left out: there are 1 seeds" in note for note in found.notes)
