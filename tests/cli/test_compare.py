"""``preceptor compare``, called as people call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from preceptor.runs.schema import Comparison
from support.runs import Runs, write_runs

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Runs:
    return write_runs(tmp_path_factory.mktemp("compared"), tiny)


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(columns: int, runs: Runs, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preceptor.cli_compare.out._width", columns)
    names = ("warm", "warm-2", "warm-at-once", "others", "half")
    code, out, _ = call("compare", "--controls", *(str(runs.directory(name)) for name in names))
    assert code == 0
    assert max(map(len, out.splitlines())) <= columns
    assert "…" not in out
    for words in ("heuristic, iterative", "  format", "1 of 2 tasks", "MATS", "half: it is searching"):
        assert words in out


def test_json_says_what_its_schema_says(runs: Runs, call: Call) -> None:
    code, out, _ = call("compare", "--json", str(runs.document("warm")), str(runs.directory("warm-at-once")))
    assert code == 0
    data = json.loads(out)
    assert set(data) == {"confidence", "tasks", "rows", "pairs", "unfinished", "version"}
    assert set(data["rows"][0]) == {"label", "who", "runs", "cells", "mean", "mats", "cost", "verdicts"}
    assert Comparison.model_validate(data).model_dump(mode="json", by_alias=True) == data
    code, out, _ = call("schema", "comparison")
    assert code == 0
    assert set(json.loads(out)["properties"]) == set(data)


def test_markdown_is_a_table(runs: Runs, call: Call) -> None:
    code, out, _ = call("compare", "--markdown", str(runs.directory("warm")), str(runs.directory("warm-at-once")))
    assert code == 0
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert table[0] == "|  | warm | MATS | requests | tokens | usd | minutes | verdict |"
    assert len({line.count("|") for line in table[:4]}) == 1
    assert any(line.startswith("| warm | heuristic, oneShot minus heuristic, iterative |") for line in table)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{half}",), "none of these runs has ended"),
        (("{nowhere}",), "there is no run in"),
        (("{warm}", "{warm}"), "is named twice"),
        (("{warm}", "--json", "--markdown"), "exclude each other"),
        (("{warm}", "--storage", "elsewhere"), "--storage goes with documents"),
        ((), "Missing argument"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], said: str, runs: Runs, call: Call, tmp_path: Path) -> None:
    places = {"half": runs.directory("half"), "warm": runs.directory("warm"), "nowhere": tmp_path}
    code, out, err = call("compare", *(argument.format(**places) for argument in arguments))
    assert code == 2
    assert said in err
    assert out == ""
