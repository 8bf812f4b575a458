"""What real runs commit is whole by every check: rows from wordings, from a model, carried over, made from others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.loop.in_process import InProcess
from preceptor.spec.load import load
from preceptor.storage import datasets
from preceptor.versions.listing import listing
from preceptor.versions.run import open_run
from preceptor.versions.verifying import verify
from support.faulty import FaultyServer
from support.model_run import KEY, write_model_run
from support.silent import SilentReporter
from support.small_run import write_small_run
from support.versatile import operation, planned, versatile, wish


def check(document: Path, *, sources: set[str]) -> None:
    done = app.run(load(document), storage=None, reporter=SilentReporter(), workforce=InProcess)
    run = open_run(done.store)
    found = list(verify(run))
    assert [(each.findings, each.unchecked) for each in found] == [((), ())] * len(found)
    listed = listing(run)
    assert [each.number for each in listed] == [1, 2]
    assert [each.name for each in listed if each.published] == [done.report.published_version]
    last = datasets.read_rows(done.store, listed[-1].name)
    assert {row["receipt"].get("source", "procedural") for row in last} == sources
    assert any(row["receipt"]["carried_from"] == listed[0].name for row in last)


def test_rows_from_wordings(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, budget__iterations=2, evaluation__seeds=1)
    check(document, sources={"procedural"})


@pytest.mark.slow
def test_rows_from_a_model(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)

    def planner(prompt: str) -> Any:
        improves = operation(prompt) == "improve"
        sources = [wish("any"), {"kind": "evolve", "change": "numbers"}] if improves else [wish("any")]
        skills = ({"skill": skill, "quota": 16, "sources": sources} for skill in ("warm", "cold"))
        return planned(*skills, carryOver={"share": 0.25} if improves else None)

    with FaultyServer(answer=versatile(planner), key=KEY) as server:
        document = write_model_run(tmp_path, tiny, server.url, llm=True, evaluation__seeds=1)
        check(document, sources={"prompt", "evolve"})
