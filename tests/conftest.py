"""Fixtures every test may use."""

from pathlib import Path

import pytest

from support.tiny import write_tiny_student


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny student; not to be written to."""
    return write_tiny_student(tmp_path_factory.mktemp("tiny"))
