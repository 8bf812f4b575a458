"""Whatever is changed in a version, or in what it refers to, is found; what is whole is called whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.storage import datasets, layout
from preceptor.storage.store import Store, to_json
from preceptor.versions.findings import Finding, Verified
from preceptor.versions.run import Run, open_run
from preceptor.versions.verifying import ledger_finding, verify
from support.s3 import s3_root, s3_server
from support.versions import write_run

__all__ = ["s3_root", "s3_server"]


def check(run: Run, version: str) -> Verified:
    (found,) = verify(run, version)
    return found


def told(found: Verified) -> str:
    return "\n".join(f"{finding.file} {finding.problem}" for finding in found.findings)


def edit(path: Path, **changes: Any) -> None:
    """Replace keys of a manifest, written as the runtime writes it."""
    path.write_bytes(to_json(json.loads(path.read_bytes()) | changes))


def rewrite(broken: Any, version: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Change rows and everything that vouches for them inside the version, as someone who knows how would."""
    directory = broken.directory(version)
    shard = directory / "data-00000.parquet"
    table = pq.read_table(shard)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema), shard)
    manifest = json.loads((directory / layout.MANIFEST).read_bytes())
    data = shard.read_bytes()
    info = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit(directory / layout.MANIFEST, shards=[manifest["shards"][0] | info])


# --- whole ---


@pytest.mark.parametrize("kind", ["file", "memory", "s3"])
def test_what_was_committed_is_whole(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    roots = {"file": str(tmp_path / "runs"), "memory": f"memory://{uuid.uuid4().hex}"}
    root = str(request.getfixturevalue("s3_root")) if kind == "s3" else roots[kind]
    _, store, versions = write_run(tmp_path, Store.open(root).child("small"))
    found = list(verify(open_run(store)))
    assert [each.version for each in found] == versions
    assert [(each.findings, each.unchecked) for each in found] == [((), ()), ((), ())]
    assert [(each.rows, each.files) for each in found] == [(12, 4), (18, 4)]


@pytest.mark.parametrize("named", [True, False])
def test_a_copied_version_is_checked_as_far_as_it_goes(written: Any, alone: Any, named: bool) -> None:
    run = alone(written.versions[1] if named else "downloaded")
    found = check(run, run.resolve(None))
    assert found.findings == ()
    assert found.version == written.versions[1]
    assert any("without its run" in what for what in found.unchecked)
    assert any("requests of 18 receipts" in what for what in found.unchecked)


def test_a_run_whose_ledger_and_log_were_left_behind(broken: Any) -> None:
    for name in ("ledger", "teacher", "leases"):
        shutil.rmtree(broken.root / name)
    found = list(verify(broken.run))
    assert all(each.whole for each in found)
    assert all(any("there is none here" in what for what in each.unchecked) for each in found)


def test_hidden_files_of_other_tools_are_no_findings(broken: Any) -> None:
    (broken.directory(broken.versions[0]) / ".gitattributes").write_text("*.parquet filter=lfs\n")
    assert check(broken.run, broken.versions[0]).whole


# --- bytes ---


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_always_found(written: Any, data: st.DataObject) -> None:
    version = data.draw(st.sampled_from(written.versions))
    file = data.draw(st.sampled_from(sorted(written.directory(version).iterdir())))
    was = file.read_bytes()
    position = data.draw(st.integers(0, len(was) - 1))
    flipped = bytearray(was)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        file.write_bytes(flipped)
        assert not check(written.run, version).whole
    finally:
        file.write_bytes(was)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_beside_the_manifest_is_found_in_a_lone_copy_too(
    written: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    version = written.versions[1]
    copy = tmp_path_factory.mktemp("alone") / version
    shutil.copytree(written.directory(version), copy)
    file = data.draw(st.sampled_from(sorted(file for file in copy.iterdir() if file.name != layout.MANIFEST)))
    flipped = bytearray(file.read_bytes())
    flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(flipped)
    assert not check(open_run(Store.open(str(copy))), version).whole


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_file_cut_short_is_always_found(written: Any, data: st.DataObject) -> None:
    version = data.draw(st.sampled_from(written.versions))
    file = data.draw(st.sampled_from(sorted(written.directory(version).iterdir())))
    was = file.read_bytes()
    try:
        file.write_bytes(was[: data.draw(st.integers(0, len(was) - 1))])
        assert not check(written.run, version).whole
    finally:
        file.write_bytes(was)


# --- files ---


def test_a_missing_shard(broken: Any) -> None:
    (broken.directory(broken.versions[0]) / "data-00000.parquet").unlink()
    found = check(broken.run, broken.versions[0])
    assert "data-00000.parquet is missing" in told(found)
    assert found.rows == 0


@pytest.mark.parametrize(("name", "what"), [("data-00001.parquet", "its rows too"), ("notes.txt", "does not list")])
def test_a_file_too_many(broken: Any, name: str, what: str) -> None:
    directory = broken.directory(broken.versions[0])
    shutil.copy(directory / "data-00000.parquet", directory / name)
    found = check(broken.run, broken.versions[0])
    assert [finding.file for finding in found.findings] == [name]
    assert what in found.findings[0].problem


def test_the_manifest_of_another_version(broken: Any) -> None:
    one, two = (broken.directory(version) for version in broken.versions)
    shutil.copy(two / layout.MANIFEST, one / layout.MANIFEST)
    assert f"is the manifest of another version, {broken.versions[1]}" in told(check(broken.run, broken.versions[0]))


def test_a_version_under_the_name_of_another(broken: Any) -> None:
    one, two = (broken.directory(version) for version in broken.versions)
    shutil.rmtree(one)
    shutil.copytree(two, one)
    assert "is the manifest of another version" in told(check(broken.run, broken.versions[0]))


CHANGED = {
    "version": "v9-000000000000",
    "number": 9,
    "digest": "0" * 64,
    "rows": 99,
    "skills": {"warm": 6, "cold": 99},
    "description": "Say anything.",
    "recipe": "0" * 64,
    "parents": ["v7-123456789abc"],
    "funnel": {"skills": {"warm": {"quota": 9, "carried": 1, "made": 2, "accepted": 1}}},
    "gates": {},
    "created_by": {"preceptor": "9.9"},
    "diversity": {},
    "shards": [],
    "files": [],
}


def test_every_field_of_a_manifest_is_tried(written: Any) -> None:
    manifest = datasets.read_manifest(written.run.store, written.versions[0])
    assert set(CHANGED) == set(manifest.model_dump())


@pytest.mark.parametrize("field", CHANGED)
def test_a_changed_field_of_a_manifest_is_found(broken: Any, field: str) -> None:
    edit(broken.directory(broken.versions[0]) / layout.MANIFEST, **{field: CHANGED[field]})
    assert "the ledger says was committed" in told(check(broken.run, broken.versions[0]))


@pytest.mark.parametrize("field", sorted(CHANGED.keys() - {"created_by", "files"}))
def test_and_all_but_who_wrote_it_even_without_the_ledger(broken: Any, field: str) -> None:
    shutil.rmtree(broken.root / "ledger")
    edit(broken.directory(broken.versions[0]) / layout.MANIFEST, **{field: CHANGED[field]})
    assert not check(broken.run, broken.versions[0]).whole


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 10**5, '{"version": "v1-000000000000"}', "\x00"])
def test_what_is_no_manifest(broken: Any, text: str) -> None:
    (broken.directory(broken.versions[0]) / layout.MANIFEST).write_text(text)
    assert "is not a manifest" in told(check(broken.run, broken.versions[0]))


@pytest.mark.parametrize("path", ["../../../spec.yaml", "/etc/passwd", "", "data-0.parquet", "manifest.json"])
def test_a_manifest_cannot_lead_elsewhere(broken: Any, path: str) -> None:
    manifest = broken.directory(broken.versions[0]) / layout.MANIFEST
    edit(manifest, shards=[json.loads(manifest.read_bytes())["shards"][0] | {"path": path}])
    assert "lists a file that no version has" in told(check(broken.run, broken.versions[0]))


def test_a_version_that_is_gone(broken: Any) -> None:
    shutil.rmtree(broken.directory(broken.versions[0]))
    one, two = sorted(verify(broken.run), key=lambda found: found.version)
    assert told(one) == f"datasets/{broken.versions[0]} is missing; the ledger says it was committed"
    assert f"names a parent that is not here: {broken.versions[0]}" in told(two)


def test_a_version_without_its_manifest(broken: Any) -> None:
    (broken.directory(broken.versions[0]) / layout.MANIFEST).unlink()
    found = {each.version: each for each in verify(broken.run)}
    assert "manifest.json is missing" in told(found[broken.versions[0]])


def test_a_foreign_version(broken: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, other, versions = write_run(tmp_path / "other", rows=8)
    shutil.copytree(other.local(layout.dataset(versions[0])), broken.directory(versions[0]))  # type: ignore[arg-type]
    found = check(broken.run, versions[0])
    assert "the ledger of the finished run does not know" in told(found)
    assert "whose recipe the ledger does not know" in told(found)


def test_a_damaged_ledger_is_a_finding_and_the_rest_is_checked(broken: Any) -> None:
    event = sorted((broken.root / "ledger").iterdir())[1]
    event.write_bytes(event.read_bytes().replace(b'"attempt": 1', b'"attempt": 2'))
    finding = ledger_finding(broken.run)
    assert isinstance(finding, Finding)
    assert finding.file == "ledger"
    assert all(each.whole and "the ledger cannot be read" in each.unchecked[0] for each in verify(broken.run))


# --- rows, changed by someone who also changed the digests beside them ---


def test_a_changed_answer(broken: Any) -> None:
    rewrite(broken, broken.versions[0], lambda rows: [rows[0] | {"answer": "lukewarm"}, *rows[1:]])
    found = told(check(broken.run, broken.versions[0]))
    assert "hold 1 row whose id is not the digest of skill, prompt and answer" in found
    assert f"hold rows that are not those of {broken.versions[0]}" in found


def test_rows_in_another_order(broken: Any) -> None:
    rewrite(broken, broken.versions[0], lambda rows: [rows[1], rows[0], *rows[2:]])
    assert "come after rows of higher ids" in told(check(broken.run, broken.versions[0]))


def test_a_row_less_and_a_row_twice(broken: Any) -> None:
    rewrite(broken, broken.versions[0], lambda rows: rows[1:])
    found = told(check(broken.run, broken.versions[0]))
    assert "holds 11 rows; the manifest says 12" in found
    assert "miscounts the rows" in found
    rewrite(broken, broken.versions[0], lambda rows: [rows[0], *rows])
    assert "that are there twice" in told(check(broken.run, broken.versions[0]))


def receipt(rows: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    """The rows with changes to the receipt of the first that is not carried over."""
    fresh = next(row for row in rows if row["receipt"]["carried_from"] is None)
    return [row | {"receipt": row["receipt"] | changes} if row is fresh else row for row in rows]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"recipe": "0" * 64}, "whose recipe the ledger does not know"),
        ({"requests": ["ab" * 32]}, "whose requests are not all in the log teacher/0002"),
        ({"requests": ["not hex"]}, "holds something else"),
        ({"attempt": 7}, "whose requests are not all in the log teacher/0007"),
        ({"carried_from": "v5-0123456789ab"}, "which the manifest does not name as a parent"),
        ({"source": "evolve", "parents": ["0" * 16]}, "made from rows that no parent version holds"),
    ],
)
def test_a_receipt_that_refers_to_nothing(broken: Any, changes: dict[str, Any], what: str) -> None:
    rewrite(broken, broken.versions[1], lambda rows: receipt(rows, **changes))
    found = check(broken.run, broken.versions[1])
    assert what in told(found)


def test_a_row_carried_from_a_version_that_does_not_hold_it(broken: Any) -> None:
    parent = broken.versions[0]
    rewrite(broken, broken.versions[1], lambda rows: receipt(rows, carried_from=parent))
    assert f"carried over from {parent}, which does not hold them" in told(check(broken.run, broken.versions[1]))


def test_a_damaged_log_is_told_once(broken: Any) -> None:
    shard = min((broken.root / "teacher" / "0001").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1])
    found = list(verify(broken.run))
    assert sum("is not a whole shard" in told(each) for each in found) == 1


def test_a_log_that_lacks_requests(broken: Any) -> None:
    shutil.rmtree(broken.root / "teacher" / "0001")
    found = list(verify(broken.run))
    assert all("not all in the log teacher/0001" in told(each) for each in found)


def test_columns_that_are_missing(broken: Any) -> None:
    directory = broken.directory(broken.versions[0])
    shard = directory / "data-00000.parquet"
    pq.write_table(pq.read_table(shard).drop_columns(["answer"]), shard)
    data = shard.read_bytes()
    manifest = json.loads((directory / layout.MANIFEST).read_bytes())
    info = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit(directory / layout.MANIFEST, shards=[manifest["shards"][0] | info])
    assert "hold 12 rows with a column that is missing" in told(check(broken.run, broken.versions[0]))
