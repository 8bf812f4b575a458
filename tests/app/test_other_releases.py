"""Runs that another release began: what this one cannot go on with is refused in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from preceptor import app
from preceptor.errors import ResumeError, StorageError
from preceptor.loop.events import RunStarted, to_data
from preceptor.opening import begin_or_resume
from preceptor.spec.load import load
from preceptor.storage.ledger import Ledger
from preceptor.storage.store import Store
from support.small_run import write_small_run


@pytest.fixture
def older(tmp_path: Path) -> tuple[Path, Store]:
    """A document, and a run of it whose release knew other controls and no attribution."""
    file = write_small_run(tmp_path, tmp_path / "student")
    data = load(file).spec.canonical()
    evaluation = data["spec"]["evaluation"]
    evaluation["controls"] = []
    del evaluation["attribution"]
    store = Store.open(str(tmp_path / "runs")).child("small")
    event = RunStarted(document=data, document_digest="d", splits={}, items={}, versions={})
    with Ledger.acquire(store) as ledger:
        ledger.append(event.type, to_data(event))
    return file, store


def test_it_is_not_replayed(older: tuple[Path, Store], tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read the document of the run"):
        list(app.replayed(older[1], tmp_path))


def test_it_is_not_continued(older: tuple[Path, Store]) -> None:
    document, store = load(older[0]), older[1]
    with Ledger.acquire(store) as ledger, pytest.raises(ResumeError) as caught:
        begin_or_resume(document.spec, document.text, store, ledger, {})
    lines = caught.value.message.splitlines()
    assert "  spec.evaluation.attribution: was absent, is false; restore the old value" in "\n".join(lines)
    assert "Problem(" not in caught.value.message
    assert "another release" in caught.value.mend
