"""Dataset versions as others read them: people, datasets, DuckDB, polars, Croissant's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.storage import datasets
from preceptor.storage.card import render_card
from preceptor.storage.datasets import Row, shards
from preceptor.storage.datasets.rows import RECEIPT, RECEIPT_LATER
from preceptor.storage.store import Store
from support.version_rows import INFO, asked, by_id, row

ROWS = [*(row(number) for number in range(22)), *(asked(number) for number in range(22, 25))]


def with_nulls(one: Row) -> Row:
    return {**one, "receipt": {name: one["receipt"].get(name) for name in (*RECEIPT, *RECEIPT_LATER)}}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version in three shards."""
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 10)
    version = datasets.commit(Store.open(str(tmp_path)), ROWS, INFO).version
    return tmp_path / "datasets" / version


def test_the_card_is_a_dataset_card(directory: Path) -> None:
    _, front, text = (directory / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    card = yaml.safe_load(front)
    assert card["configs"][0]["data_files"] == [{"split": "train", "path": "data-*.parquet"}]
    assert card["size_categories"] == ["n<1K"]
    assert card["language"] == ["de"]
    assert card["pretty_name"] == f"Dataset version 1 ({directory.name})"
    assert "# Dataset version 1\n" in text
    assert "Read payment messages." in text
    assert "| due date | 12 |" in text
    assert "| duplicates | threshold 0.8 | duplicate 5 | 5 |" in text
    assert "| secrets | off |  | 0 |" in text
    assert "| while rows were made |  | judge 1 | 1 |" in text
    assert "| all | 25 | 5 | 26 | 20 | 6 |" in text
    assert "distinct word pairs" in text
    assert "preceptor datasets verify" in text


def manifest(**changes: Any) -> dict[str, Any]:
    said = {**INFO.model_dump(), "version": "v1-000000000000", "rows": 2_000_000, "skills": {}, "diversity": {}}
    return {**said, "shards": [], **changes}


def test_the_card_escapes_what_it_was_given() -> None:
    card = render_card(
        manifest(
            description="---\n<script>alert(1)</script>\n# Title",
            skills={"a | b\n<b>`": 1, "[x](https://evil.example)": 2},
            funnel={"skills": {"s": {"dropped": {"<i>| www.evil.example": 3}}}},
            gates={"format": {"language": "en: [x]"}, "<b>": {"dropped": {"`|`": 1}}},
            parents=("`<b>",),
            recipe="`|<b>",
        )
    )
    for hostile in ("<script", "<b>", "<i>", "| [x]", "://evil", "www.evil", "\n# Title", "en: [x]\n"):
        assert hostile not in card
    assert "| a \\| b &lt;b&gt;\\` | 1 |" in card
    assert "> --- &lt;script&gt;alert(1)&lt;/script&gt; \\# Title\n" in card
    assert "n>1M" in card


def test_a_card_needs_neither_gates_nor_yield_nor_a_number() -> None:
    card = render_card(manifest(number=None, version="v000000000000", funnel={}, gates={}, recipe="", parents=()))
    assert "# Dataset version v000000000000\n" in card
    assert "## Gates" not in card
    assert "## Yield" not in card
    assert "carried over from: none" in card


def test_duckdb_reads_the_directory(directory: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    counts = duckdb.sql(
        "select skill, count(*), min(receipt.difficulty), sum(receipt.tokens) "
        f"from '{directory}/data-*.parquet' group by skill order by skill"
    )
    assert counts.fetchall() == [("amount", 13, 1, 240), ("due date", 12, 1, 120)]


def test_polars_reads_the_directory(directory: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(str(directory / "data-*.parquet"))
    assert frame.to_dicts() == [with_nulls(one) for one in by_id(ROWS)]
    assert datasets.version_name(1, frame.to_dicts()) == directory.name


def test_hugging_face_reads_the_directory(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hugging_face = pytest.importorskip("datasets")
    loaded = hugging_face.load_dataset(str(directory), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.to_list() == [with_nulls(one) for one in by_id(ROWS)]
