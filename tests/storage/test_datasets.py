"""Dataset versions: same rows, same id; no manifest, no version; what is read is what was committed."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from preceptor.errors import StorageError
from preceptor.storage import datasets, layout
from preceptor.storage.datasets import Row, ShardInfo, shards
from preceptor.storage.store import Store
from support.version_rows import INFO, Question, Streamed, asked, by_id, row

ROWS = [row(number) for number in range(25)]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 10)


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


def test_the_digest_is_that_of_the_rows_and_of_nothing_else() -> None:
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    as_tuples = [{**one, "receipt": {**one["receipt"], "parents": tuple(one["receipt"]["parents"])}} for one in ROWS]
    reordered = [dict(reversed(one.items())) for one in ROWS]
    with_nulls = [{**one, "receipt": {**one["receipt"], "source": None, "neighbour": None}} for one in ROWS]
    version = datasets.version_name(3, ROWS)
    assert version == "v3-99fa96f7be23"  # stored versions must keep their names in every release
    assert {datasets.version_name(3, rows) for rows in (shuffled, as_tuples, reordered, with_nulls)} == {version}
    assert datasets.version_name(None, ROWS) == "v99fa96f7be23"
    assert datasets.rows_digest(ROWS).startswith("99fa96f7be23")
    assert datasets.parse_name(version) == (3, "99fa96f7be23")
    with pytest.raises(ValueError, match="counted from 1"):
        datasets.version_name(0, ROWS)


@pytest.mark.parametrize("column", ["id", "skill", "prompt", "answer", "fields"])
def test_any_change_gives_another_digest(column: str) -> None:
    assert datasets.rows_digest([*ROWS[1:], row(0, **{column: "x"})]) != datasets.rows_digest(ROWS)


def test_a_changed_receipt_gives_another_digest() -> None:
    changed = row(0, receipt={**row(0)["receipt"], "attempt": 2})
    assert datasets.rows_digest([*ROWS[1:], changed]) != datasets.rows_digest(ROWS)


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
    plain = datasets.commit(store, ROWS, INFO)
    assert pq.read_schema(io.BytesIO(store.read(layout.dataset_shard(plain.version, 0)))) == schemas[0]


def test_the_same_rows_again_do_nothing(store: Store) -> None:
    first = datasets.commit(store, ROWS, INFO)

    def refuse(store_uri: str, version: str, shards: Iterable[Sequence[Row]]) -> list[ShardInfo]:
        raise AssertionError("nothing is left to write")

    assert datasets.commit(store, ROWS[::-1], INFO.model_copy(update={"description": "?"}), refuse) == first
    second = datasets.commit(store, ROWS, INFO.model_copy(update={"number": 2}))
    assert (second.digest, second.version) == (first.digest, first.version.replace("v1-", "v2-"))


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    version = datasets.version_name(1, ROWS)
    for name in ("a", "b"):
        datasets.commit(Store.open(str(tmp_path / name)), ROWS, INFO)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name / "datasets" / version).iterdir()}
        for name in ("a", "b")
    ]
    assert files[0] == files[1]
    assert set(files[0]) == {"README.md", "croissant.json", "data-00000.parquet", "manifest.json"}


def test_rows_need_exactly_their_columns() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        datasets.rows_digest([])
    with pytest.raises(ValueError, match="needs the columns"):
        datasets.rows_digest([{**row(0), "score": 1}])
    with pytest.raises(ValueError, match="needs the columns"):
        datasets.rows_digest([row(0, receipt={"attempt": 1})])


# --- interrupted commits ---


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("kill_at", range(6))
def test_without_a_manifest_there_is_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int) -> None:
    store = Store.open(str(tmp_path))
    version = datasets.version_name(1, ROWS)
    written: list[str] = []

    def dying(write: Callable[[Store, str, bytes], None]) -> Callable[[Store, str, bytes], None]:
        def die(self: Store, path: str, data: bytes) -> None:
            if len(written) == kill_at:
                raise Killed
            written.append(path)
            write(self, path, data)

        return die

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", dying(Store.write))
        patch.setattr(Store, "create", dying(Store.create))
        with pytest.raises(Killed):
            datasets.commit(store, ROWS, INFO)
    assert len(written) == kill_at
    assert not datasets.exists(store, version)
    assert datasets.versions(store) == []
    with pytest.raises(StorageError, match="there is no dataset version"):
        datasets.read_rows(store, version)
    assert datasets.commit(store, ROWS, INFO).version == version
    assert datasets.read_rows(store, version) == by_id(ROWS)


@pytest.mark.usefixtures("small_shards")
def test_workers_may_write_the_shards_in_any_order_and_twice(store: Store) -> None:
    def scattered(store_uri: str, version: str, shards: Iterable[Sequence[Row]]) -> list[ShardInfo]:
        cut = list(shards)
        written = {}
        for number in (2, 0, 1, 0):
            written[number] = datasets.write_shard(store_uri, version, number, cut[number])
        return [written[number] for number in range(len(cut))]

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
    store.write_json(path, {**manifest, "digest": "0" * 64})
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
    for read in (datasets.read_manifest, datasets.manifest_digest, datasets.read_rows, datasets.resolve):
        with pytest.raises(StorageError, match="there is no dataset version v7") as caught:
            read(store, "v7")
        assert version in caught.value.mend


def test_a_manifest_of_another_version_is_found(store: Store) -> None:
    first, second = (datasets.commit(store, rows, INFO).version for rows in (ROWS, ROWS[:9]))
    store.write(layout.dataset_manifest(first), store.read(layout.dataset_manifest(second)))
    with pytest.raises(StorageError, match=f"is the manifest of another version, {second}"):
        datasets.read_rows(store, first)


def test_a_manifest_names_no_file_outside_its_version(store: Store) -> None:
    store.write("secret.parquet", b"not for everyone")
    version = datasets.commit(store, ROWS, INFO).version
    path = layout.dataset_manifest(version)
    manifest = store.read_json(path)
    elsewhere = {**manifest["shards"][0], "path": "../../secret.parquet"}
    store.write_json(path, {**manifest, "shards": [elsewhere]})
    with pytest.raises(StorageError, match="lists a file no version has"):
        datasets.read_rows(store, version)


def test_a_shard_that_is_no_table_is_found(store: Store) -> None:
    manifest = datasets.commit(store, ROWS, INFO)
    store.write(layout.dataset_shard(manifest.version, 0), b"not Parquet")
    shard = manifest.shards[0].model_copy(update={"sha256": hashlib.sha256(b"not Parquet").hexdigest()})
    with pytest.raises(StorageError, match="is not a table of rows"):
        datasets.read_shard(store, manifest.version, shard)


@pytest.mark.usefixtures("small_shards")
def test_rows_before_a_damaged_shard_are_given_and_none_of_it(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    version = datasets.commit(store, ROWS, INFO).version
    store.write(layout.dataset_shard(version, 1), b"changed")
    given: list[Row] = []
    with pytest.raises(StorageError, match=r"data-00001\.parquet is not the file"):
        given.extend(datasets.iter_rows(store, version))
    assert given == by_id(ROWS)[:10]


def test_the_other_files_are_listed_and_read(store: Store) -> None:
    manifest = datasets.commit(store, ROWS, INFO)
    assert [file.path for file in manifest.files] == ["README.md", "croissant.json"]
    texts = [datasets.read_file(store, manifest.version, file) for file in manifest.files]
    assert [len(text) for text in texts] == [file.bytes for file in manifest.files]
    store.write(layout.dataset_card(manifest.version), b"# Mine")
    with pytest.raises(StorageError, match=r"README\.md is not the file that was committed"):
        datasets.read_file(store, manifest.version, manifest.files[0])


def test_the_digest_of_a_manifest_is_that_of_its_bytes(store: Store) -> None:
    version = datasets.commit(store, ROWS, INFO).version
    data = store.read(layout.dataset_manifest(version))
    assert datasets.manifest_digest(store, version) == hashlib.sha256(data).hexdigest()


def test_a_version_of_an_early_release_is_read(store: Store) -> None:
    manifest = datasets.commit(store, ROWS, INFO)
    early = datasets.version_name(None, ROWS)
    said = store.read_json(layout.dataset_manifest(manifest.version))
    later = ("digest", "files", "diversity")
    store.write(layout.dataset_shard(early, 0), store.read(layout.dataset_shard(manifest.version, 0)))
    store.write_json(
        layout.dataset_manifest(early),
        {**{key: value for key, value in said.items() if key not in later}, "version": early, "number": None},
    )
    assert datasets.read_rows(store, early) == by_id(ROWS)
    assert datasets.versions(store) == [early, manifest.version]


# --- names as people write them ---


@pytest.fixture
def named(store: Store) -> tuple[Store, list[str]]:
    """Eleven versions."""
    return store, [
        datasets.commit(store, ROWS[: 12 - number], INFO.model_copy(update={"number": number})).version
        for number in range(1, 12)
    ]


def test_versions_are_found_by_name_number_and_digest(named: tuple[Store, list[str]]) -> None:
    store, names = named
    assert datasets.versions(store) == names  # v10 after v9
    first, last = names[0], names[-1]
    digest = datasets.read_manifest(store, first).digest
    for name in (first, "v1", first[:-2], digest[:12], digest[:4], digest, digest[:20]):
        assert datasets.resolve(store, name) == first
    assert datasets.resolve(store, "v11") == last
    for unknown in ("v12", "1", digest[:3], digest[:12] + "zz", digest[:20] + "0" * 44, "", "v", "v1-", "../x"):
        with pytest.raises(StorageError, match="there is no dataset version") as caught:
            datasets.resolve(store, unknown)
        assert all(name in caught.value.mend for name in names)


def test_what_may_be_several_versions_is_refused(store: Store) -> None:
    twins = [datasets.commit(store, ROWS, INFO.model_copy(update={"number": number})).version for number in (1, 2)]
    store.write("datasets/notes/manifest.json", b"{}")  # no version's name
    assert datasets.versions(store) == twins
    with pytest.raises(StorageError, match="may be any of v1-99fa96f7be23, v2-99fa96f7be23"):
        datasets.resolve(store, "99fa")


# --- memory ---


@pytest.mark.usefixtures("small_shards")
def test_a_commit_and_a_reader_hold_a_shard_or_two(store: Store) -> None:
    Question.most = 0
    manifest = datasets.commit(store, Streamed(200), INFO)
    assert 10 <= Question.most <= 21  # one shard of ten is written while the next is cut
    assert Question.alive == 0
    assert (manifest.rows, len(manifest.shards)) == (200, 20)
    assert sum(1 for _ in datasets.iter_rows(store, manifest.version)) == 200


def test_shards_are_cut_when_they_are_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "CHARACTERS_PER_SHARD", 1_000)
    given: list[int] = []

    class Watched(Streamed):
        def __iter__(self) -> Iterator[Row]:
            given.append(0)
            for one in super().__iter__():
                given[-1] += 1
                yield one

    seen: list[int] = []

    def write(store_uri: str, version: str, cut: Iterable[Sequence[Row]]) -> list[ShardInfo]:
        written = []
        for number, rows in enumerate(cut):
            seen.append(given[-1])
            written.append(datasets.write_shard(store_uri, version, number, rows))
        return written

    manifest = datasets.commit(store, Watched(60), INFO, write)
    assert given == [60, 60]
    ends = [sum(shard.rows for shard in manifest.shards[: number + 1]) for number in range(len(manifest.shards))]
    assert seen == ends
    assert len(ends) > 3


def test_rows_out_of_order_and_rows_that_go_missing_are_refused(store: Store) -> None:
    class Backwards(Streamed):
        def __iter__(self) -> Iterator[Row]:
            return iter(list(super().__iter__())[::-1])

    with pytest.raises(ValueError, match="not in order"):
        datasets.commit(store, Backwards(3), INFO)

    def lose(store_uri: str, version: str, cut: Iterable[Sequence[Row]]) -> list[ShardInfo]:
        return datasets.write_shards(store_uri, version, [rows[1:] for rows in cut])

    with pytest.raises(ValueError, match="2 of 3 rows were written"):
        datasets.commit(store, Streamed(3), INFO, lose)
    assert datasets.versions(store) == []


def test_shards_that_an_earlier_release_left_are_cleared_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    version = datasets.version_name(1, ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(shards, "ROWS_PER_SHARD", 5)
        datasets.commit(store, ROWS, INFO)
    store.delete(layout.dataset_manifest(version))
    datasets.commit(store, ROWS, INFO)
    assert store.names(layout.dataset(version)) == [
        "README.md",
        "croissant.json",
        "data-00000.parquet",
        "manifest.json",
    ]


def test_variety_is_measured_by_what_rows_say(store: Store) -> None:
    alike = datasets.commit(store, ROWS, INFO, says=lambda row: "the same words in every one of these rows")
    by_prompt = datasets.commit(store, ROWS, INFO.model_copy(update={"number": 2}))
    assert alike.diversity["distinct2"] < by_prompt.diversity["distinct2"]
    assert alike.diversity["rows"] == 25
