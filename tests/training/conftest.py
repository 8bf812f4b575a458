"""Rows that a tiny student can learn."""

import pytest

from preceptor.training.job import Example
from support.rows import capitals


@pytest.fixture(scope="session")
def rows() -> list[Example]:
    return capitals()
