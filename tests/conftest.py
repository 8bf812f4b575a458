"""Fixtures every test may use."""

import signal
from pathlib import Path

import pytest

from support.tiny import write_tiny_student


def pytest_configure() -> None:
    """Commands that tests interrupt must not inherit that a shell in the background ignores Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny student; not to be written to."""
    return write_tiny_student(tmp_path_factory.mktemp("tiny"))
