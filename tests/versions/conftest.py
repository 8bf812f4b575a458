"""A finished run with two versions, its ledger and its log; and copies of it to be broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.versions.run import Run, open_run
from support.versions import write_run


@dataclass(frozen=True)
class Written:
    """A run on the local disk."""

    document: Path
    root: Path
    versions: list[str]

    @property
    def run(self) -> Run:
        return open_run(Store.open(str(self.root)))

    def directory(self, version: str) -> Path:
        return self.root / layout.dataset(version)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Not to be changed."""
    document, store, versions = write_run(tmp_path_factory.mktemp("versions"))
    root = store.local()
    assert root is not None
    return Written(document, root, versions)


@pytest.fixture
def broken(written: Written, tmp_path: Path) -> Written:
    """A copy that may be changed."""
    root = tmp_path / "copy" / "small"
    shutil.copytree(written.root, root)
    return Written(written.document, root, written.versions)


@pytest.fixture
def alone(written: Written, tmp_path: Path) -> Callable[[str], Run]:
    """Copies the second version away under a name."""

    def copy(name: str) -> Run:
        shutil.copytree(written.directory(written.versions[1]), tmp_path / name)
        return open_run(Store.open(str(tmp_path / name)))

    return copy
