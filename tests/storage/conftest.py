"""Every kind of root a store can have here."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from preceptor.storage.store import Store
from support.s3 import s3_root, s3_server

__all__ = ["root", "s3_root", "s3_server", "store"]


@pytest.fixture(params=["file", "memory", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3_root"))
    return str(tmp_path / "root") if request.param == "file" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def store(root: str) -> Store:
    return Store.open(root)
