"""A tiny student, and rows it can learn."""

from pathlib import Path

import pytest

from preceptor.training.job import Example
from support.rows import capitals
from support.tiny import write_tiny_student


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_student(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def rows() -> list[Example]:
    return capitals()
