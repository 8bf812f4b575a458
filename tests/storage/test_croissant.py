"""Croissant metadata: its own validator finds nothing wrong, and its own reader finds every row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from preceptor.storage import datasets
from preceptor.storage.datasets import shards
from preceptor.storage.store import Store
from support.version_rows import INFO, asked, by_id, row

pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),  # rdflib, on itself
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame"),  # pandas, on mlcroissant
]

ROWS = [*(row(number) for number in range(22)), *(asked(number) for number in range(22, 25))]
UNSAID = {"citeAs", "datePublished", "license"}
"""Recommended, and for whoever publishes the data to say."""


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The metadata of a version in three shards."""
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 10)
    version = datasets.commit(Store.open(str(tmp_path)), ROWS, INFO).version
    return tmp_path / "datasets" / version / "croissant.json"


def read(described: Path) -> Any:
    return pytest.importorskip("mlcroissant").Dataset(jsonld=described)


def plain(value: Any) -> Any:
    """A record without bytes and without the path of its fields."""
    if isinstance(value, dict):
        return {key.rsplit("/", 1)[-1]: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.decode() if isinstance(value, bytes) else value


def spoken(one: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what its receipt does not say."""
    return {**one, "receipt": {name: value for name, value in one["receipt"].items() if value is not None}}


def test_the_validator_misses_only_what_the_publisher_says(described: Path) -> None:
    issues = read(described).metadata.ctx.issues
    assert not issues.errors
    assert len(issues.warnings) == len(UNSAID)
    assert all(any(f'{name}" is recommended' in warning for warning in issues.warnings) for name in UNSAID)


def test_its_reader_finds_every_row_with_its_receipt(described: Path) -> None:
    records = [plain(record) for record in read(described).records("rows")]
    assert [name for name in records[0] if name != "receipt"] == ["id", "skill", "prompt", "answer", "fields"]
    assert [spoken(record) for record in records] == [spoken(one) for one in by_id(ROWS)]


def test_it_lists_every_shard_with_its_digest(described: Path) -> None:
    version = described.parent.name
    manifest = datasets.read_manifest(Store.open(str(described.parents[2])), version)
    listed = {file.id: file.sha256 for file in read(described).metadata.file_objects}
    assert listed == {shard.path: shard.sha256 for shard in manifest.shards}
    assert len(listed) == 3


def test_any_text_may_describe_the_task(tmp_path: Path) -> None:
    told = 'A "task":\n```\n</script> {"@id": "x"} \u2028 \ud83d é'
    info = INFO.model_copy(update={"description": told})
    version = datasets.commit(Store.open(str(tmp_path)), ROWS, info).version
    dataset = read(tmp_path / "datasets" / version / "croissant.json")
    assert dataset.metadata.description.startswith('A "task": ``` </script> {"@id": "x"}')
    assert len(list(dataset.records("rows"))) == len(ROWS)
