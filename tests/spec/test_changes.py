"""Which changes a run survives, by name."""

from __future__ import annotations

import pytest

from preceptor.spec.changes import Change, changed_fields, document_digest, resume_problems
from support.documents import VALID, document, edit


def _canonical(text: str = VALID) -> dict[str, object]:
    return document(text).spec.canonical()


def _digest(text: str = VALID) -> str:
    return document(text).spec and document_digest(document(text).spec)


FREE = [
    ("labels: {team: maths}", "labels: {team: physics}"),
    ("labels: {team: maths}", "annotations: {a: b}"),
    ("  name: sums", "  name: sums\n  namespace: lab"),
    ("storage: {uri: runs}", "storage: {uri: s3://elsewhere}"),
    ("  evaluation:", "  compute: {queue: fast}\n  evaluation:"),
    ("    kind: procedural", "    kind: procedural\n    concurrency: 7"),
    ("size: 40", "size: 40 # a comment"),
    ("    explore: 0.25", "    explore: 0.25\n    cap: 0.5"),
]
GROWTH = [
    ("iterations: 2", "iterations: 3"),
    ("rows: 400", "rows: 401"),
    ("    rows: 400\n", ""),
    ("wallClock: 1h", "wallClock: 61m"),
    ("wallClock: 1h", "wallClock: 60m"),
    ("    wallClock: 1h\n", ""),
    ("iterations: 2", "iterations: 2\n    attempts: 9"),
    ("iterations: 2", "iterations: 2\n    attempts: 20"),
]
FATAL = [
    ("size: 40", "size: 41", "spec.dataset.size"),
    ("rows: 400", "rows: 399", "spec.budget.rows"),
    ("wallClock: 1h", "wallClock: 59m", "spec.budget.wallClock"),
    ("iterations: 2", "iterations: 1", "spec.budget.iterations"),
    ("iterations: 2", "iterations: 2\n    attempts: 8", "spec.budget.attempts"),
    ("epochs: 1", "epochs: 2", "spec.student.training.epochs"),
    ("seed: 3", "seed: 4", "spec.task.splits.seed"),
    ("Add {{ b }} to {{ a }}.", "Sum {{ b }} and {{ a }}.", "spec.teacher.generators.plus.forms[1].input.question"),
    ("explore: 0.25", "explore: 0.3", "spec.engineer.explore"),
    ("evaluation: {seeds: 1}", "evaluation: {seeds: 2}", "spec.evaluation.seeds"),
]


@pytest.mark.parametrize(("old", "new"), FREE + GROWTH)
def test_a_run_goes_on(old: str, new: str) -> None:
    changed = edit(old, new)
    assert resume_problems(_canonical(), _canonical(changed)) == []
    assert _digest(changed) == _digest()


@pytest.mark.parametrize(("old", "new", "path"), FATAL)
def test_a_run_does_not_go_on_and_the_field_is_named(old: str, new: str, path: str) -> None:
    (problem,) = resume_problems(_canonical(), _canonical(edit(old, new)))
    assert problem.path == path
    assert problem.mend


@pytest.mark.parametrize(("old", "new", "path"), [row for row in FATAL if "budget" not in row[2]])
def test_what_changes_the_outcome_changes_the_digest(old: str, new: str, path: str) -> None:
    assert _digest(edit(old, new)) != _digest(), path


def test_a_limit_set_later_is_a_shrinking_one() -> None:
    before = _canonical(edit("    rows: 400\n", ""))
    (problem,) = resume_problems(before, _canonical())
    assert (problem.path, problem.message) == ("spec.budget.rows", "was absent, is 400")


def test_values_are_shown() -> None:
    (problem,) = resume_problems(_canonical(), _canonical(edit("size: 40", "size: 41")))
    assert problem.message == "was 40, is 41"
    assert "metadata.name" in problem.mend
    assert str(Change("a.b", None, "x" * 200)) == 'a.b: absent → "' + "x" * 76 + "…"


def test_every_change_is_listed_with_its_path() -> None:
    new = edit("size: 40", "size: 41", edit("      minus:", "      subtract:"))
    changes = changed_fields(_canonical(), _canonical(new))
    assert {change.path for change in changes} == {
        "spec.dataset.size",
        "spec.teacher.generators.minus",
        "spec.teacher.generators.subtract",
    }
    assert changed_fields(_canonical(), _canonical()) == []


def test_a_longer_list_is_one_change() -> None:
    new = edit('          - input: {question: "Add {{ b }} to {{ a }}."}\n            difficulty: 2\n', "")
    (change,) = changed_fields(_canonical(), _canonical(new))
    assert change.path == "spec.teacher.generators.plus.forms"


def test_one_and_true_differ() -> None:
    assert changed_fields({"a": 1}, {"a": True})


def test_a_growing_number_of_iterations_grows_the_attempts() -> None:
    written = edit("iterations: 2", "iterations: 2\n    attempts: 12")
    assert resume_problems(_canonical(written), _canonical(edit("iterations: 2", "iterations: 5"))) == []
    assert resume_problems(_canonical(written), _canonical(edit("iterations: 2", "iterations: 4")))
