"""Runs to compare, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.runs import Runs, write_runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Runs:
    return write_runs(tmp_path_factory.mktemp("runs"), tiny)
