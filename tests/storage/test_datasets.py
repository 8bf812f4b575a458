"""Dataset versions: same rows, same id; no manifest, no version; what is read is what was committed."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from preceptor.errors import StorageError
from preceptor.storage import datasets, layout
from preceptor.storage.card import render_card
from preceptor.storage.datasets import Row, ShardInfo, VersionInfo
from preceptor.storage.store import Store

INFO = VersionInfo(
    number=1,
    description="Read payment messages.",
    recipe="r" * 64,
    parents=("v000000000000",),
    funnel={"made": 30, "dropped": {"duplicate": 5}},
    gates={"format": {"enabled": True}},
    created_by={"preceptor": "0.1.0"},
)


def row(number: int, **changes: Any) -> Row:
    receipt = {
        "recipe": "r" * 64,
        "attempt": 1,
        "generator": "invoices",
        "difficulty": 1 + number % 3,
        "unit": number // 10,
        "index": number % 10,
        "teacher": "procedural:abc",
        "parents": ["p1", "p2"] if number % 2 else [],
        "carried_from": "v000000000000" if number % 5 == 0 else None,
    }
    return {
        "id": f"{number * 7919 % 10007:016x}",
        "skill": ["amount", "due date"][number % 2],
        "prompt": f"Frage {number}: zahle bitte 3 €",
        "answer": f'{{"amount": {number}}}',
        "fields": json.dumps({"message": f"m{number}", "n": number}),
        "receipt": receipt,
        **changes,
    }


ROWS = [row(number) for number in range(25)]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "ROWS_PER_SHARD", 10)


def by_id(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["id"])


@pytest.mark.usefixtures("small_shards")
def test_what_is_committed_is_read(store: Store) -> None:
    manifest = datasets.commit(store, ROWS, INFO)
    assert datasets.read_rows(store, manifest.version) == by_id(ROWS)
    assert datasets.read_manifest(store, manifest.version) == manifest
    assert datasets.versions(store) == [manifest.version]
    assert (manifest.rows, manifest.skills) == (25, {"amount": 13, "due date": 12})
    assert [(shard.path, shard.rows) for shard in manifest.shards] == [
        ("data-00000.parquet", 10),
        ("data-00001.parquet", 10),
        ("data-00002.parquet", 5),
    ]
    assert (manifest.number, manifest.recipe, manifest.parents) == (INFO.number, INFO.recipe, INFO.parents)


def test_the_id_is_that_of_the_rows_and_of_nothing_else() -> None:
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    as_tuples = [{**one, "receipt": {**one["receipt"], "parents": tuple(one["receipt"]["parents"])}} for one in ROWS]
    reordered = [dict(reversed(one.items())) for one in ROWS]
    version = datasets.version_id(ROWS)
    assert version == "v99fa96f7be23"  # stored versions must keep their names in every release
    assert {datasets.version_id(rows) for rows in (shuffled, as_tuples, reordered)} == {version}


@pytest.mark.parametrize("column", ["id", "skill", "prompt", "answer", "fields"])
def test_any_change_gives_another_id(column: str) -> None:
    assert datasets.version_id([*ROWS[1:], row(0, **{column: "x"})]) != datasets.version_id(ROWS)


def test_a_changed_receipt_gives_another_id() -> None:
    changed = row(0, receipt={**row(0)["receipt"], "attempt": 2})
    assert datasets.version_id([*ROWS[1:], changed]) != datasets.version_id(ROWS)


def asked(number: int) -> Row:
    told = {"source": "prompt", "model": "m", "requests": ["d" * 64], "tokens": 120, "usd": 0.25}
    return row(number, receipt={**row(number)["receipt"], **told})


@pytest.mark.usefixtures("small_shards")
def test_rows_that_a_model_wrote_lie_beside_others_and_come_back_as_they_were(store: Store) -> None:
    rows = [*ROWS[:22], *(asked(number) for number in range(22, 25))]
    manifest = datasets.commit(store, rows, INFO)
    assert len(manifest.shards) == 3
    assert datasets.read_rows(store, manifest.version) == sorted(rows, key=lambda one: str(one["id"]))
    schemas = [
        pq.read_schema(io.BytesIO(store.read(f"datasets/{manifest.version}/{shard.path}"))) for shard in manifest.shards
    ]
    assert schemas[0] == schemas[1] == schemas[2]
    assert "requests" in {field.name for field in schemas[0].field("receipt").type}


def test_the_same_rows_again_do_nothing(store: Store) -> None:
    first = datasets.commit(store, ROWS, INFO)

    def refuse(store_uri: str, version: str, shards: Sequence[Sequence[Row]]) -> list[ShardInfo]:
        raise AssertionError("nothing is left to write")

    again = datasets.commit(store, ROWS[::-1], VersionInfo(number=2), refuse)
    assert again == first


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    version = datasets.version_id(ROWS)
    for name in ("a", "b"):
        datasets.commit(Store.open(str(tmp_path / name)), ROWS, INFO)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name / "datasets" / version).iterdir()}
        for name in ("a", "b")
    ]
    assert files[0] == files[1]
    assert set(files[0]) == {"README.md", "data-00000.parquet", "manifest.json"}


def test_rows_need_exactly_their_columns() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        datasets.version_id([])
    with pytest.raises(ValueError, match="needs the columns"):
        datasets.version_id([{**row(0), "score": 1}])
    with pytest.raises(ValueError, match="needs the columns"):
        datasets.version_id([row(0, receipt={"attempt": 1})])


# --- interrupted commits ---


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("kill_at", range(5))
def test_without_a_manifest_there_is_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int) -> None:
    store = Store.open(str(tmp_path))
    version = datasets.version_id(ROWS)
    written: list[str] = []
    write = Store.write

    def die(self: Store, path: str, data: bytes) -> None:
        if len(written) == kill_at:
            raise Killed
        written.append(path)
        write(self, path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", die)
        with pytest.raises(Killed):
            datasets.commit(store, ROWS, INFO)
    assert not datasets.exists(store, version)
    assert datasets.versions(store) == []
    with pytest.raises(StorageError, match="there is no dataset version"):
        datasets.read_rows(store, version)
    assert datasets.commit(store, ROWS, INFO).version == version
    assert datasets.read_rows(store, version) == by_id(ROWS)


@pytest.mark.usefixtures("small_shards")
def test_workers_may_write_the_shards_in_any_order_and_twice(store: Store) -> None:
    def scattered(store_uri: str, version: str, shards: Sequence[Sequence[Row]]) -> list[ShardInfo]:
        written = {}
        for number in (2, 0, 1, 0):
            written[number] = datasets.write_shard(store_uri, version, number, shards[number])
        return [written[number] for number in range(len(shards))]

    manifest = datasets.commit(store, ROWS, INFO, scattered)
    assert datasets.read_rows(store, manifest.version) == by_id(ROWS)


# --- damage ---


def test_a_changed_file_is_found(store: Store) -> None:
    version = datasets.commit(store, ROWS, INFO).version
    path = layout.dataset_shard(version, 0)
    data = bytearray(store.read(path))
    data[100] ^= 1
    store.write(path, bytes(data))
    with pytest.raises(StorageError, match=r"data-00000\.parquet is not the file that was committed"):
        datasets.read_rows(store, version)
    store.delete(path)
    with pytest.raises(StorageError, match=r"data-00000\.parquet is missing") as caught:
        datasets.read_rows(store, version)
    assert "restore" in caught.value.mend


@pytest.mark.usefixtures("small_shards")
def test_a_manifest_that_leaves_a_file_out_is_found(store: Store) -> None:
    version = datasets.commit(store, ROWS, INFO).version
    path = layout.dataset_manifest(version)
    manifest = store.read_json(path)
    store.write_json(path, {**manifest, "shards": manifest["shards"][:2]})
    with pytest.raises(StorageError, match="lists rows that are not version"):
        datasets.read_rows(store, version)
    store.write_json(path, {"version": version})
    with pytest.raises(StorageError, match="is not a manifest"):
        datasets.read_rows(store, version)


def test_keys_of_later_releases_are_ignored(store: Store) -> None:
    manifest = datasets.commit(store, ROWS, INFO)
    path = layout.dataset_manifest(manifest.version)
    store.write_json(path, {**store.read_json(path), "later": 1})
    assert datasets.read_manifest(store, manifest.version) == manifest


def test_an_unknown_version_is_answered_with_those_there_are(store: Store) -> None:
    version = datasets.commit(store, ROWS, INFO).version
    with pytest.raises(StorageError, match="there is no dataset version v1") as caught:
        datasets.read_manifest(store, "v1")
    assert version in caught.value.mend


# --- as others read it ---


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    store = Store.open(str(tmp_path))
    version = datasets.commit(store, ROWS, INFO).version
    return tmp_path / "datasets" / version


def test_the_card_is_a_dataset_card(directory: Path) -> None:
    _, front, text = (directory / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    card = yaml.safe_load(front)
    assert card["configs"][0]["data_files"] == [{"split": "train", "path": "data-*.parquet"}]
    assert card["size_categories"] == ["n<1K"]
    assert "| due date | 12 |" in text
    assert "Read payment messages." in text


def test_the_card_escapes_what_it_was_given() -> None:
    manifest = {
        **INFO.model_dump(),
        "version": "v1",
        "rows": 2_000_000,
        "description": "---\n<script>alert(1)</script>\n# Title",
        "skills": {"a | b\n<b>`": 1},
    }
    card = render_card(manifest)
    assert "<script>" not in card
    assert "| a \\| b &lt;b&gt;' | 1 |" in card
    assert "> --- &lt;script&gt;alert(1)&lt;/script&gt; # Title\n" in card
    assert "n>1M" in card


def test_duckdb_and_polars_read_the_directory(directory: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    polars = pytest.importorskip("polars")
    pattern = str(directory / "data-*.parquet")
    counts = duckdb.sql(
        f"select skill, count(*), min(receipt.difficulty) from '{pattern}' group by skill order by skill"
    )
    assert counts.fetchall() == [("amount", 13, 1), ("due date", 12, 1)]
    frame = polars.read_parquet(pattern)
    assert frame.to_dicts() == by_id(ROWS)


def test_hugging_face_reads_the_directory(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hugging_face = pytest.importorskip("datasets")
    loaded = hugging_face.load_dataset(str(directory), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.to_list() == by_id(ROWS)
