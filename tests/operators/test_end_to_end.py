"""The operator, KubeRay's part and the real driver on Ray: a document is applied, and a student comes of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.loop.events import DatasetCommitted, StudentTrained, from_record
from preceptor.storage import layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.charts import ROOT
from support.kuberay import KubeRay
from support.operating import Operating
from support.small_run import write_small_run

SPECS = "/opt/preceptor/specs"


@pytest.fixture
def cluster(lab: Operating) -> Iterator[KubeRay]:
    """KubeRay with the real driver; the operator is started."""
    programs = Path(sys.executable).parent
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "KUBECONFIG": str(lab.kubectl.kubeconfig),
    }
    with KubeRay(lab.server, lab.folder, environment=environment) as running:
        lab.start()
        yield running


def apply(lab: Operating, tiny: Path, **changes: Any) -> Store:
    """Apply a run of seconds whose inputs lie where the image has them; give its directory in the storage."""
    storage = lab.folder / "storage"
    quick: dict[str, Any] = {
        "budget": {"iterations": 1},
        "evaluation": {"seeds": 1, "controls": {"prompted": False}},
        "student__training__epochs": 6,
        "storage": {"uri": str(storage)},
        "compute": {"volumes": [{"claim": "runs", "path": str(lab.folder)}]},
    }
    written = write_small_run(lab.folder, tiny, **{**quick, **changes})
    specs = lab.folder / SPECS.lstrip("/")
    specs.mkdir(parents=True, exist_ok=True)
    shutil.copy(lab.folder / "items.jsonl", specs)
    done = lab.kubectl("apply", "-f", str(written))
    assert done.returncode == 0, done.stderr
    return Store.open(str(storage)).child("small")


def kinds(store: Store, *wanted: type) -> int:
    return sum(isinstance(from_record(record), wanted) for record in read_records(store))


def test_a_document_becomes_a_student(lab: Operating, cluster: KubeRay, tiny: Path) -> None:
    store = apply(lab, tiny)
    done = lab.kubectl("wait", "--for=condition=Complete", "spz/small", "--timeout=150s", seconds=160)
    assert done.returncode == 0, f"{done.stderr}\n{lab.status('small')}\n{cluster.log('small-1')[-3000:]}"
    status = lab.status("small")
    assert status["final"]["verdict"]
    assert status["final"]["report"] == store.uri(layout.REPORT_HTML)
    progress = status["progress"]
    assert (progress["attempt"], progress["phase"], progress["iteration"]) == (1, "finished", 1)
    assert status["spent"]["seconds"] > 0
    assert store.exists(layout.REPORT_JSON)
    row = lab.kubectl("get", "spz", "small").stdout.splitlines()[1].split()
    assert row[:3] == ["small", "Complete", "1"]
    lines = [
        json.loads(line)
        for name in sorted(store.names(layout.logs(1)))
        for line in store.read(f"{layout.logs(1)}/{name}").decode().splitlines()
    ]
    assert any("trained" in line["message"] for line in lines)
    assert yaml.safe_load(store.read(layout.SPEC))["metadata"]["name"] == "small"


def test_the_quickstart_becomes_a_student(lab: Operating, cluster: KubeRay) -> None:
    """The shipped document with the shipped student; only shorter, and examined on fewer items."""
    document = yaml.safe_load((ROOT / "specs/quickstart.yaml").read_text("utf-8"))
    spec = document["spec"]
    spec["task"]["splits"] |= {"feedback": 0.1, "selection": 0.1, "private": 0.1}
    spec["dataset"]["size"] = spec["dataset"]["minimum"]
    spec["budget"]["iterations"] = 1
    spec["evaluation"] = {"seeds": 1, "controls": {"prompted": False}}
    spec["storage"]["uri"] = str(lab.folder / "storage")
    spec["compute"] = {"volumes": [{"claim": "runs", "path": str(lab.folder)}]}
    shutil.copytree(ROOT / "specs/quickstart", lab.folder / SPECS.lstrip("/") / "quickstart")
    done = lab.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(document))
    assert done.returncode == 0, done.stderr
    done = lab.kubectl("wait", "--for=condition=Complete", "spz/quickstart", "--timeout=400s", seconds=410)
    assert done.returncode == 0, f"{done.stderr}\n{lab.status('quickstart')}\n{cluster.log('quickstart-1')[-3000:]}"
    final = lab.status("quickstart")["final"]
    assert final["verdict"] == "improved", final


def test_a_killed_driver_is_followed_by_one_that_repeats_nothing(lab: Operating, cluster: KubeRay, tiny: Path) -> None:
    store = apply(lab, tiny, compute={"volumes": [{"claim": "runs", "path": str(lab.folder)}], "backoffLimit": 1})
    lab.until(lambda: store.exists(layout.LEDGER) and kinds(store, DatasetCommitted), seconds=90)
    shards = store.names(layout.teacher_shards(1))
    cluster.kill("small-1")
    lab.until(lambda: lab.holds("Complete", "small"), seconds=200)
    assert cluster.started == ["small-1", "small-2"]
    assert store.names(layout.teacher_shards(1)) == shards
    assert kinds(store, DatasetCommitted) == 1
    trained = [event.training for event in map(from_record, read_records(store)) if isinstance(event, StudentTrained)]
    assert len(trained) == len(set(trained))


def test_what_only_the_driver_can_find_wrong_fails_at_once(lab: Operating, cluster: KubeRay, tiny: Path) -> None:
    apply(lab, tiny, student__model="/nowhere/at/all")
    lab.until(lambda: lab.holds("Failed", "small"), seconds=60)
    assert "/nowhere/at/all" in (lab.holds("Failed", "small") or {})["message"]
    assert cluster.started == ["small-1"]
