"""Listing, showing and comparing say what manifests, rows and the ledger say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from preceptor.errors import StorageError, UserError
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.versions.comparing import Change, Skill, compare
from preceptor.versions.listing import listing
from preceptor.versions.run import open_run
from preceptor.versions.showing import show


def test_every_version_is_listed_oldest_first(written: Any) -> None:
    one, two = listing(written.run)
    assert [one.name, two.name] == written.versions
    assert (one.number, one.rows, one.skills, one.parents) == (1, 12, {"cold": 6, "warm": 6}, ())
    assert (two.number, two.made, two.accepted, two.parents) == (2, 15, 12, ("v1",))
    assert (one.best, one.published, two.best, two.published) == (True, True, False, False)
    assert one.bytes == (written.directory(one.name) / "data-00000.parquet").stat().st_size


def test_a_version_that_cannot_be_read_is_listed_as_such(broken: Any) -> None:
    (broken.directory(broken.versions[0]) / layout.MANIFEST).write_text("{")
    one, two = listing(broken.run)
    assert "verify" in one.trouble
    assert two.parents == (broken.versions[0],)


def test_versions_of_early_releases_keep_their_place(broken: Any) -> None:
    """They have no number in their names, so the ledger's order or the manifest tells."""
    shutil.rmtree(broken.root / "ledger")
    old = broken.root / "datasets" / "v0123456789ab"
    shutil.copytree(broken.directory(broken.versions[1]), old)
    manifest = json.loads((old / layout.MANIFEST).read_bytes())
    for name in ("digest", "files", "diversity", "number"):
        del manifest[name]
    (old / layout.MANIFEST).write_text(json.dumps(manifest | {"version": old.name}))
    found = {each.name: each.number for each in listing(broken.run)}
    assert found == {old.name: None, broken.versions[0]: 1, broken.versions[1]: 2}


@pytest.mark.parametrize("by", ["v2", "full", "digest", "v-digest", "numbered digest"])
def test_a_version_goes_by_many_names(written: Any, by: str) -> None:
    name = written.versions[1]
    digest = name.split("-")[1]
    wanted = {"v2": "v2", "full": name, "digest": digest[:6], "v-digest": f"v{digest[:6]}", "numbered digest": name[:9]}
    assert written.run.resolve(wanted[by]) == name


@pytest.mark.parametrize("wanted", ["v3", "v", "", "nothing", "../v1", "v0", "\x1b[31m"])
def test_what_is_no_version_is_refused_with_those_there_are(written: Any, wanted: str) -> None:
    with pytest.raises(StorageError) as caught:
        written.run.resolve(wanted)
    assert all(name in caught.value.mend for name in written.versions)
    assert "\x1b" not in str(caught.value)


def test_no_version_was_named(written: Any, alone: Any) -> None:
    with pytest.raises(UserError, match="which version"):
        written.run.resolve(None)
    assert alone("copy").resolve(None) == written.versions[1]


def test_a_directory_that_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no run"):
        open_run(Store.open(str(tmp_path)))
    (tmp_path / layout.MANIFEST).write_text('{"version": "../../etc", "rows": 1, "skills": {}, "shards": []}')
    with pytest.raises(StorageError, match="not the manifest of a dataset version"):
        open_run(Store.open(str(tmp_path)))


def test_a_run_that_never_committed(broken: Any) -> None:
    shutil.rmtree(broken.root / "datasets")
    assert listing(broken.run) == []
    with pytest.raises(UserError, match="no dataset version yet"):
        broken.run.resolve("v1")


def test_a_version_is_shown_with_its_gates_and_rows(written: Any) -> None:
    shown = show(written.run, written.versions[0], 4)
    assert shown.roles == ("best", "published")
    assert [(gate.name, gate.enabled, gate.dropped) for gate in shown.gates] == [
        ("format", True, {}),
        ("duplicates", True, {"duplicate": 3}),
    ]
    assert shown.gates[1].settings == {"threshold": pytest.approx(0.8)}
    assert shown.dropped == {}
    assert len(shown.sample) == 4
    assert shown.sample == show(written.run, written.versions[0], 4).sample
    data = json.loads(json.dumps(shown.to_data()))
    assert (data["version"], data["manifest"]["rows"], len(data["sample"])) == (written.versions[0], 12, 4)


def test_what_no_gate_counted_is_shown_apart(broken: Any) -> None:
    path = broken.directory(broken.versions[0]) / layout.MANIFEST
    manifest = json.loads(path.read_bytes())
    manifest["gates"] = {"duplicates": {"enabled": False}, "odd": 3}
    path.write_text(json.dumps(manifest))
    shown = show(broken.run, broken.versions[0], 0)
    assert [(gate.name, gate.enabled, gate.dropped) for gate in shown.gates] == [("duplicates", False, None)]
    assert shown.dropped == {"duplicate": 3}
    assert shown.sample == ()


def test_rows_of_a_damaged_version_are_not_shown(broken: Any) -> None:
    shard = broken.directory(broken.versions[0]) / "data-00000.parquet"
    shard.write_bytes(shard.read_bytes() + b"\0")
    with pytest.raises(StorageError, match="not the file that was committed"):
        show(broken.run, broken.versions[0], 1)


def test_what_changed_between_versions(written: Any) -> None:
    difference = compare(written.run, *written.versions, rows=2)
    assert difference.skills == {"cold": Skill(6, 3, 3, 6, 9), "warm": Skill(6, 3, 3, 6, 9)}
    assert difference.total == Skill(12, 6, 6, 12, 18)
    assert difference.carried == 6
    assert difference.recipe is not None
    assert "warm: 6 → 7 rows" in difference.recipe
    assert difference.gates == (Change("duplicates.threshold", pytest.approx(0.8), pytest.approx(0.9)),)
    assert difference.funnel == (Change("carried over", 0, 6),)
    assert {change.name for change in difference.diversity} >= {"distinct2", "clusters"}
    assert len(difference.gone) == len(difference.new) == 2
    ids = {row["id"] for row in show(written.run, written.versions[1], 99).sample}
    assert {row["id"] for row in difference.new} <= ids
    assert not {row["id"] for row in difference.gone} & ids


def test_the_other_way_round_nothing_was_carried(written: Any) -> None:
    difference = compare(written.run, written.versions[1], written.versions[0], rows=0)
    assert difference.total == Skill(18, 12, 6, 6, 12)
    assert (difference.carried, difference.gone, difference.new) == (0, (), ())


def test_a_version_does_not_differ_from_itself(written: Any) -> None:
    difference = compare(written.run, written.versions[0], written.versions[0], rows=3)
    assert difference.total == Skill(12, 0, 12, 0, 12)
    assert (difference.recipe, difference.gates, difference.funnel, difference.diversity) == ((), (), (), ())
    assert (difference.gone, difference.new) == ((), ())


def test_without_a_ledger_recipes_are_only_known_to_differ(broken: Any) -> None:
    shutil.rmtree(broken.root / "ledger")
    assert compare(broken.run, *broken.versions, rows=0).recipe is None
