"""The command, called as the console script calls it."""

from __future__ import annotations

import pytest

from preceptor import cli


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    def invoke(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["preceptor", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as exit:
            code = int(exit.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return invoke
