"""`preceptor status` beside a run that another process carries out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preceptor.storage import layout
from preceptor.storage.store import Store
from support.s3 import s3_root, s3_server
from support.small_run import write_small_run

__all__ = ["s3_root", "s3_server"]

DRIVER = Path(__file__).parents[1] / "support" / "driver.py"
PATIENCE = 120
QUICK: dict[str, Any] = {
    "budget__iterations": 1,
    "evaluation__seeds": 1,
    "evaluation__controls": {"prompted": False},
    "student__training__epochs": 1,
}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # a look at another process


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_run_is_shown_while_another_process_carries_it_out(  # type: ignore[no-untyped-def]
    kind: str, tiny: Path, tmp_path: Path, request: pytest.FixtureRequest, call
) -> None:
    root = str(request.getfixturevalue("s3_root")) if kind == "s3" else str(tmp_path / "runs")
    document = write_small_run(tmp_path, tiny, **QUICK)
    store = Store.open(root).child("small")
    code, _, err = call("status", store.uri())
    assert code == 2
    assert "there is no run in" in err
    driver = subprocess.Popen(
        [sys.executable, str(DRIVER), str(document), root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(DRIVER.parents[1])},
    )
    assert driver.stdout is not None
    while (line := driver.stdout.readline()) != "examine\n":
        assert line
    until(lambda: b"examine the untrained" in (store.read(layout.progress(1)) if store.names(layout.PROGRESS) else b""))

    code, out, _ = call("status", store.uri())
    assert code == 0
    assert "now: examine the untrained student on feedback and selection: 0 of 8" in " ".join(out.split())
    code, out, _ = call("status", str(document), "--storage", root, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["driver"]["condition"] == "working"
    assert told["stage"]["total"] == 8

    watching = subprocess.Popen(
        [sys.executable, "-m", "preceptor.cli", "status", store.uri(), "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    driver.communicate("go on\n" * 20, timeout=PATIENCE)
    assert driver.returncode == 0
    out, err = watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 0, err
    assert "published: " in out.splitlines()[-1]
    assert len(out.splitlines()) >= len(store.names(layout.LEDGER))
    told = json.loads(call("status", store.uri(), "--json")[1])
    assert told["phase"] == "finished"
    assert told["driver"]["condition"] == "released"
    assert told["stage"] is None
    assert store.read_json(layout.progress(1))["stage"] is None, "the last state is written at the end"


def test_watching_can_be_stopped_quietly(tmp_path: Path) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-m", "preceptor.cli", "status", str(tmp_path / "later"), "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert watching.stdout is not None
    assert "waiting for it" in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 130
    assert out + err == ""
    assert not (tmp_path / "later").exists(), "who looks writes nothing"


def test_watching_and_printing_for_scripts_do_not_go_together(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = call("status", str(tmp_path), "--watch", "--json")
    assert code == 2
    assert "mend:" in err


def test_the_schema_tells_every_key(call) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("schema", "status")
    assert code == 0
    properties = json.loads(out)["properties"]
    assert {"stage", "left", "driver", "best"} <= properties.keys()
    assert all("description" in one or "$ref" in one for one in properties.values())
