"""Exported files load in the tools they are for, hold every row, and appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets as huggingface
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.errors import StorageError, UserError
from preceptor.spec.load import load
from preceptor.storage import datasets
from preceptor.versions.exporting import Exported, export, file_name
from preceptor.versions.formats import FORMATS, LAYOUTS, Format, to_line
from support.versions import EXAMPLE, SYSTEM


def exported(written: Any, directory: Path, format: Format, **options: Any) -> Exported:
    run, version = written.run, written.versions[1]
    return export(run, version, format, directory / file_name(run, version, format), **options)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``load_dataset`` with a cache of its own."""

    def read(path: Path) -> Any:
        kind = "parquet" if path.suffix == ".parquet" else "json"
        return huggingface.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))

    return read


@pytest.fixture
def rows(written: Any) -> list[datasets.Row]:
    return datasets.read_rows(written.run.store, written.versions[1])


def test_alpaca(written: Any, rows: list[datasets.Row], hub: Any, tmp_path: Path) -> None:
    done = exported(written, tmp_path, "alpaca")
    assert done.path.name == f"small-{written.versions[1]}.alpaca.json"
    assert json.loads(done.path.read_text("utf-8")) == [
        {
            "instruction": row["prompt"],
            "input": "",
            "output": row["answer"],
            "system": SYSTEM,
            "history": [[EXAMPLE["prompt"], EXAMPLE["answer"]]],
        }
        for row in rows
    ]
    read = hub(done.path)
    assert read.column_names == ["instruction", "input", "output", "system", "history"]
    assert read["instruction"][:] == [row["prompt"] for row in rows]


def test_sharegpt(written: Any, rows: list[datasets.Row], hub: Any, tmp_path: Path) -> None:
    read = hub(exported(written, tmp_path, "sharegpt").path)
    assert read.column_names == ["conversations"]
    for row, turns in zip(rows, read["conversations"], strict=True):
        assert [turn["from"] for turn in turns] == ["system", "human", "gpt", "human", "gpt"]
        assert [turn["value"] for turn in turns] == [SYSTEM, *EXAMPLE.values(), row["prompt"], row["answer"]]


def test_openai(written: Any, rows: list[datasets.Row], hub: Any, tiny: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    done = exported(written, tmp_path, "openai")
    lines = [json.loads(line) for line in done.path.read_text("utf-8").splitlines()]
    assert lines[0]["messages"][2] == {"role": "assistant", "content": EXAMPLE["answer"], "weight": 0}
    assert "weight" not in lines[0]["messages"][-1]
    read = hub(done.path)
    assert read.column_names == ["messages"]
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    for row, turns in zip(rows, read["messages"], strict=True):
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        assert text == "".join(
            f"<|im_start|>{role}\n{content}<|im_end|>\n"
            for role, content in (
                ("system", SYSTEM),
                ("user", EXAMPLE["prompt"]),
                ("assistant", EXAMPLE["answer"]),
                ("user", row["prompt"]),
                ("assistant", row["answer"]),
            )
        )


def test_parquet_has_the_version_in_one_file(
    written: Any, rows: list[datasets.Row], hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = exported(written, tmp_path, "parquet")
    assert (done.rows, done.bytes, done.told) == (18, done.path.stat().st_size, True)
    shard = written.directory(written.versions[1]) / "data-00000.parquet"
    assert pq.read_table(done.path).equals(pq.read_table(shard))
    assert hub(done.path)["id"][:] == [row["id"] for row in rows]


@pytest.mark.parametrize("format", FORMATS)
def test_several_shards_become_one_file(format: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from preceptor.storage.datasets import shards
    from preceptor.storage.store import Store
    from preceptor.versions.run import open_run
    from support.versions import write_run

    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 5)
    _, store, versions = write_run(tmp_path, Store.open(str(tmp_path / "runs")).child("small"))
    assert len(datasets.read_manifest(store, versions[1]).shards) == 4
    done = export(open_run(store), versions[1], format, tmp_path / "out")
    assert done.rows == 18
    if format == "parquet":
        ids = pq.read_table(done.path)["id"].to_pylist()
        assert ids == [row["id"] for row in datasets.read_rows(store, versions[1])]


@pytest.mark.parametrize("format", LAYOUTS)
def test_without_a_ledger_there_is_no_task_to_tell(alone: Any, format: Format, tmp_path: Path) -> None:
    run = alone("copy")
    version = run.resolve(None)
    assert file_name(run, version, format).startswith(version)
    done = export(run, version, format, tmp_path / "out")
    assert not done.told
    assert SYSTEM not in done.path.read_text("utf-8")


def test_a_damaged_ledger_is_not_taken_for_a_task_without_system_message(broken: Any, tmp_path: Path) -> None:
    event = sorted((broken.root / "ledger").iterdir())[1]
    event.write_bytes(b"{")
    with pytest.raises(StorageError, match="not a whole event"):
        exported(broken, tmp_path, "openai")
    assert exported(broken, tmp_path, "parquet").rows == 18


def test_what_is_there_stays_unless_forced(written: Any, tmp_path: Path) -> None:
    first = exported(written, tmp_path, "alpaca")
    first.path.write_text("mine")
    with pytest.raises(UserError, match="is there already") as caught:
        exported(written, tmp_path, "alpaca")
    assert "--force" in caught.value.mend
    assert first.path.read_text() == "mine"
    exported(written, tmp_path, "alpaca", force=True)
    assert first.path.read_text() != "mine"
    assert [path.name for path in tmp_path.iterdir()] == [first.path.name]


def test_a_name_that_was_taken_in_the_meantime_is_not_overwritten(
    written: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from preceptor.versions import exporting

    target = tmp_path / "out"

    def slow(*arguments: Any) -> int:
        target.write_text("theirs")
        return exported_text(*arguments)

    exported_text = exporting._text
    monkeypatch.setattr(exporting, "_text", slow)
    with pytest.raises(UserError, match="is there already"):
        export(written.run, written.versions[0], "openai", target)
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_version_leaves_no_file(broken: Any, tmp_path: Path, format: Format) -> None:
    shard = broken.directory(broken.versions[1]) / "data-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StorageError, match="not the file that was committed"):
        exported(broken, out, format)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(("output", "what"), [("nowhere/out", "there is no directory"), (".", "is a directory")])
def test_an_output_that_cannot_be(written: Any, tmp_path: Path, output: str, what: str) -> None:
    with pytest.raises(UserError, match=what):
        export(written.run, written.versions[0], "openai", tmp_path / output)


@given(text=st.text())
def test_a_line_stays_one_line_whatever_is_in_it(text: str) -> None:
    line = to_line({"text": text})
    assert len(line.splitlines()) == 1
    assert json.loads(line) == {"text": text}


def test_messages_are_those_the_student_is_trained_on(written: Any) -> None:
    from preceptor.tasks.prompts import conversation

    task = load(written.document).spec.spec.task
    turns = LAYOUTS["openai"]("q", "a", task)["messages"]
    plain = [{"role": turn["role"], "content": turn["content"]} for turn in turns]
    assert plain == [*conversation(task, "q"), {"role": "assistant", "content": "a"}]
