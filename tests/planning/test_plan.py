"""What a plan counts, without doing anything."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from preceptor.errors import StorageError
from preceptor.planning import check_inputs, plan, render
from preceptor.recipes.amount import Amount
from preceptor.spec.load import load
from support.documents import VALID, edit, items, jsonl, load_in, write_document


def _shown(text: str, folder: Path, width: int = 120) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(render(plan(load_in(folder, text))))
    return stream.getvalue()


def test_counts(tmp_path: Path) -> None:
    found = plan(load_in(tmp_path))
    assert {name: dict(counts) for name, counts in found.splits.items()} == {
        "feedback": {"plus": 3, "minus": 3},
        "selection": {"plus": 3, "minus": 3},
        "private": {"plus": 6, "minus": 6},
    }
    assert (found.iterations, found.attempts, found.rows_made) == (2, 9, 400)
    # Two in the search and one finalist; the untrained student sits twice, and once more with examples (`prompted`),
    # the finalist once, each iteration once.
    assert (found.work.trainings, found.work.examinations) == (3, 6)
    assert found.work.answers == (1 + 2) * 12 + (1 + 1) * 12 + 12
    assert found.work.untrained_answers == 24 + 12
    assert found.training_tokens == 40 * found.work.row_tokens
    assert found.asked == Amount()
    assert list(found.generators) == ["minus", "plus"]
    assert set(found.writes) == {
        f"{tmp_path}/runs/sums/{part}" for part in ("ledger", "datasets", "checkpoints", "evaluations", "report")
    }


def test_one_shot_and_fixed_recipes(tmp_path: Path) -> None:
    one = plan(load_in(tmp_path, edit("    explore: 0.25", "    strategy: oneShot")))
    assert (one.iterations, one.work.trainings) == (1, 2)
    recipe = "kind: fixed\n    recipe: {skills: [{skill: plus, quota: 20, sources: [{generator: plus}]}]}"
    (tmp_path / "sums.yaml").write_text(edit("kind: heuristic\n    explore: 0.25", recipe))
    fixed = plan(load(tmp_path / "sums.yaml"))
    assert (fixed.iterations, fixed.work.trainings, fixed.work.rows) == (1, 2, 20)


def test_planning_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_document(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    plan(load(path))
    assert sorted(tmp_path.rglob("*")) == before


def test_relative_inputs_count_from_the_document_and_storage_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "documents", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    path = write_document(folder)
    monkeypatch.chdir(elsewhere)
    assert f"{elsewhere}/runs/sums/ledger" in plan(load(path)).writes


def test_another_storage(tmp_path: Path) -> None:
    document = load_in(tmp_path, edit("storage: {uri: runs}", f"storage: {{uri: {tmp_path}/items.jsonl/x}}"))
    with pytest.raises(StorageError):
        plan(document)
    check_inputs(document, storage=str(tmp_path / "there"))
    assert f"{tmp_path}/there/sums/report" in plan(document, storage=str(tmp_path / "there")).writes


def test_notes_on_skills(tmp_path: Path) -> None:
    notes = check_inputs(load_in(tmp_path, edit("      minus:", "      times:")))
    assert "no generator makes rows of the skill `minus`, which items exercise" in notes
    assert "no item exercises the skill `times`, of which generators make rows" in notes


def test_notes_on_small_splits(tmp_path: Path) -> None:
    path = write_document(tmp_path, edit("storage: {uri: runs}", f"storage: {{uri: {tmp_path}}}"))
    assert [note for note in check_inputs(load(path)) if "below 30" in note]
    (tmp_path / "items.jsonl").write_text(jsonl(items(240)))
    assert check_inputs(load(path)) == ()


def test_notes_on_budgets_and_lengths(tmp_path: Path) -> None:
    text = edit("iterations: 2", "iterations: 5\n    attempts: 3", edit("wallClock: 1h", "wallClock: 1s"))
    text = edit("maxTokens: 128", "maxTokens: 8", text)
    found = plan(load_in(tmp_path, text))
    assert "3 attempts cannot give 5 iterations" in found.notes
    assert any("longer than `maxTokens` (8)" in note for note in found.notes)
    assert any("longer than `wallClock`" in note for note in found.notes)
    assert found.training_tokens == 0


def test_a_student_that_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    found = plan(load_in(tmp_path, edit("model: student", "model: some/student")))
    assert found.time is None
    assert any("is not on this machine" in note for note in found.notes)


def test_no_time_is_made_up_for_a_gpu(tmp_path: Path) -> None:
    text = edit("batchSize: 8", "batchSize: 8, gpusPerWorker: 1")
    assert plan(load_in(tmp_path, text)).time is None
    (tmp_path / "shown").mkdir()
    assert "not estimated" in _shown(text, tmp_path / "shown")


@pytest.mark.parametrize("width", [60, 200])
def test_it_is_shown(tmp_path: Path, width: int) -> None:
    shown = _shown(VALID, tmp_path, width)
    for word in ("sums", "private", "minus", "trainings", "$0.00", "ledger", "note:", "wallClock"):
        assert word in shown


def test_planning_needs_no_heavy_package(tmp_path: Path) -> None:
    path = write_document(tmp_path)
    program = (
        "import sys; from pathlib import Path;"
        "from preceptor.planning import plan; from preceptor.spec.load import load;"
        f"plan(load(Path({str(path)!r})));"
        "print([name for name in ('torch', 'transformers', 'ray', 'deepspeed', 'peft', 'reasoning_gym', 'rich')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[]"


def test_comparing_with_the_examination_by_meaning_is_planned(tmp_path: Path) -> None:
    models = "model: embedder, price: {input: 2}, checker: {model: judge, endpoint: {baseUrl: 'http://checker/v1'}}"
    section = f"minimum: 10\n    gates: {{contamination: {{neighbours: {{{models}}}}}}}"
    document = load_in(tmp_path, edit("    minimum: 10", f"    {section}"))
    found = plan(document)
    assert found.asked is not None
    questions = [str(item["question"]) for item in items(24)]
    mean = sum(map(len, questions)) / len(questions)
    # All questions once, and a version's rows in each of two iterations; four bytes to the token.
    assert found.asked.tokens == pytest.approx((24 + 2 * 40) * mean / 4, rel=0.1)
    assert found.asked.picodollars == found.asked.tokens * 2_000_000
    assert found.asked.requests == 0
    assert any("shown to judge, each up to 3 times" in note for note in found.notes)
    assert "models cost money and `budget.usd` sets no limit" in found.notes
