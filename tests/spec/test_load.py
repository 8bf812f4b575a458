"""From a file to a checked document, and every problem at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from preceptor.errors import DocumentError
from preceptor.spec.document import Specialization
from preceptor.spec.load import load, loads
from support.documents import VALID, document, edit, write_document


def _refused(path: Path) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        load(path)
    assert all(problem.mend for problem in caught.value.problems)
    return caught.value


def test_a_valid_document(tmp_path: Path) -> None:
    loaded = load(write_document(tmp_path))
    assert loaded.spec.name == "sums"
    assert loaded.spec.spec.budget.wall_clock == 3600
    assert loaded.base_dir == tmp_path
    assert loaded.source == str(tmp_path / "sums.yaml")
    assert loaded.text == VALID
    assert VALID.splitlines()[loaded.lines["spec.dataset.size"] - 1] == "    size: 40"


def test_the_folder_of_a_relative_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_document(tmp_path)
    assert load(Path("sums.yaml")).base_dir == tmp_path


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = write_document(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + VALID.encode())
    assert load(path).spec.name == "sums"


def test_no_such_file(tmp_path: Path) -> None:
    assert "no such file" in str(_refused(tmp_path / "absent.yaml"))


def test_a_folder(tmp_path: Path) -> None:
    assert "this is a folder" in str(_refused(tmp_path))


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    assert "not UTF-8 (line 2)" in str(_refused(path))


def test_too_long(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"# " + b"x" * 300_000)
    assert "longer than 256 KiB" in str(_refused(path))


def test_a_file_below_a_file(tmp_path: Path) -> None:
    assert "cannot be read" in str(_refused(write_document(tmp_path) / "x.yaml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = write_document(tmp_path)
    path.chmod(0)
    assert "cannot be read" in str(_refused(path))


def test_a_path_that_is_none() -> None:
    assert "not a path" in str(_refused(Path("a\0b")))


def test_every_problem_at_once_in_order_of_line(tmp_path: Path) -> None:
    text = edit("name: sums", "name: Sums")
    text = edit("scorer: {kind: numeric}", "scorer: {kind: numbers}", text)
    text = edit("    size: 40\n", "    sise: 40\n", text)
    text = edit("iterations: 2", "iterations: no", text)
    error = _refused(write_document(tmp_path, text))
    assert [problem.path for problem in error.problems] == [
        "metadata.name",
        "spec.task.scorer.kind",
        "spec.dataset.size",
        "spec.dataset.sise",
        "spec.budget.iterations",
    ]
    lines = [problem.line for problem in error.problems]
    assert lines == sorted(lines, key=lambda line: line or 0)


def test_every_refusal_at_once() -> None:
    text = edit("rows: 400", "rows: 4\n    tokens: 9\n    gpuHours: 2")
    with pytest.raises(DocumentError) as caught:
        document(text)
    assert {problem.path for problem in caught.value.problems} == {
        "spec.budget.rows",
        "spec.budget.tokens",
        "spec.budget.gpuHours",
    }


def test_a_message_names_file_line_path_and_mend() -> None:
    with pytest.raises(DocumentError) as caught:
        document(edit("    size: 40", "    siez: 40"))
    line = VALID.splitlines().index("    size: 40") + 1
    assert f"sums.yaml:{line}: spec.dataset.siez: the key `siez` is unknown\n  mend: did you mean `size`?" in str(
        caught.value
    )


def test_a_problem_at_an_absent_key_has_the_line_of_what_is_around_it() -> None:
    loaded = document()
    around = loaded.lines["spec.teacher.generators.plus"]
    assert loaded.problem("spec.teacher.generators.plus.values.c", "x", "y").line == around
    assert loaded.error("spec.seed", "x", "y").problems[0].line == loaded.lines["spec"]


def test_aliases_keep_their_data_and_lines() -> None:
    text = edit("a: {kind: number, low: 1, high: 500}", "a: &number {kind: number, low: 1, high: 500}")
    text = edit("b: {kind: number, low: 1, high: 500}", "b: *number", text)
    values = document(text).spec.canonical()["spec"]["teacher"]["values"]
    assert values["a"] == values["b"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  evaluation:", "  compute: {queue: gpus, workerGroups: [{name: w, gpus: 1}]}\n  evaluation:"),
        ("    scorer: {kind: numeric}", "    scorer: {kind: numeric}\n    fewShot: [{prompt: One, answer: '1'}]"),
        ("storage: {uri: runs}", "storage: {uri: gs://bucket/runs}"),
        ("storage: {uri: runs}", "storage: {uri: abfs://container/runs}"),
        ("    explore: 0.25", "    strategy: oneShot"),
        ("batchSize: 8", "batchSize: 8, learningRate: 1e-3"),
        ("wallClock: 1h", "wallClock: 1h30m"),
        (
            "      a: {kind: number,",
            "      day: {kind: date, first: 2025-01-01, last: 2025-12-31}\n      a: {kind: number,",
        ),
        (
            "    kind: heuristic\n    explore: 0.25",
            "    kind: fixed\n    recipe:\n      skills: "
            "[{skill: plus, quota: 20, sources: [{generator: plus, difficulty: {1: 1, 2: 3}}]}]",
        ),
    ],
)
def test_what_is_there_is_accepted(old: str, new: str) -> None:
    assert document(edit(old, new)).spec.kind == "Specialization"


def test_one_skill_may_fill_a_version_unless_a_cap_is_written() -> None:
    text = edit("      minus:\n", "      minus:\n        skill: plus\n")
    assert document(text).spec.spec.engineer.kind == "heuristic"
    with pytest.raises(DocumentError, match=r"1 skill of at most 0\.5"):
        document(edit("    explore: 0.25", "    cap: 0.5", text))


def test_the_canonical_form_reads_back() -> None:
    spec = document(edit("wallClock: 1h", "wallClock: 20d")).spec
    assert spec.canonical()["spec"]["budget"]["wallClock"] == "1728000s"
    assert Specialization.model_validate(spec.canonical()) == spec
    with pytest.raises(DocumentError):
        loads("{}", source="x", base_dir=Path())
