"""Every mistake a user can make in a document ends in one message with path, line and mend, and writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.errors import DocumentError, UserError
from preceptor.planning import check_inputs
from preceptor.spec.load import load
from support.documents import VALID, edit, items, jsonl, write_document

_FOLDER = Path(__file__).parent / "bad_documents"


def _rows(name: str) -> list[Any]:
    rows = yaml.safe_load((_FOLDER / name).read_text())
    return [pytest.param(row, id=row["name"].replace(" ", "-")) for row in rows]


def _text(row: dict[str, Any]) -> str:
    return row["text"] if "text" in row else edit(row["replace"], row["with"]) if "replace" in row else VALID


def _expected_line(row: dict[str, Any], text: str) -> int | None:
    marker = row.get("line_of", "# HERE")
    found = [number for number, line in enumerate(text.splitlines(), start=1) if marker in line]
    return found[0] if found else None


def _snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("row", _rows("documents.yaml"))
def test_document_is_refused(row: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = _text(row)
    path = write_document(tmp_path, text)
    before = _snapshot(tmp_path)
    with pytest.raises(DocumentError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert problem.path == row["path"]
    assert problem.line == _expected_line(row, text)
    assert row["says"] in problem.message
    assert row["mend"] in problem.mend
    assert caught.value.exit_code == 2
    assert str(path) in str(caught.value)
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize("row", _rows("inputs.yaml"))
def test_inputs_are_refused(row: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = _text(row)
    path = write_document(tmp_path, text)
    (tmp_path / "items.jsonl").write_text(_items_file(row))
    document = load(path)
    before = _snapshot(tmp_path)
    with pytest.raises(UserError) as caught:
        check_inputs(document)
    error = caught.value
    assert type(error).__name__ == row["error"]
    assert error.exit_code == 2
    if isinstance(error, DocumentError):
        problem = error.problems[0]
        assert {each.path for each in error.problems} == {row["path"]}
        assert problem.line == _expected_line(row, text)
        assert row["says"] in problem.message
        assert row["mend"] in problem.mend
    else:
        assert row["says"] in error.message
        assert row["mend"] in error.mend
    assert _snapshot(tmp_path) == before


def _items_file(row: dict[str, Any]) -> str:
    records = items()
    if row.get("records") == "overlap":
        names = ("feedback", "selection", "private")
        records = [
            {**record, "skill": names[number % 3], "question": "1 + 1?"} for number, record in enumerate(records)
        ]
    elif "records" in row:
        return str(row["records"])
    changed = {**records[0], **row.get("first", {})}
    records[0] = {name: value for name, value in changed.items() if value != "~DROP"}
    return jsonl(records)


def test_there_are_enough_rows() -> None:
    assert len(_rows("documents.yaml")) + len(_rows("inputs.yaml")) >= 130
