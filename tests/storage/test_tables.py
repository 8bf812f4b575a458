"""Reading what users bring: four kinds of file, from a path or a bucket, and a helpful word for what is broken."""

from __future__ import annotations

import datetime
import decimal
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preceptor.errors import StorageError, TaskError
from preceptor.spec.task import Items
from preceptor.storage.store import Store
from preceptor.storage.tables import read_items, read_records

RECORDS = [{"q": "one", "a": "1"}, {"q": 'zwölf, "12"\nLitres', "a": "12"}, {"q": "three", "a": "3"}]


def parquet(records: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), buffer)
    return buffer.getvalue()


FILES = {
    "items.jsonl": "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS).encode(),
    "items.json": json.dumps(RECORDS).encode(),
    "items.csv": 'q,a\none,1\n"zwölf, ""12""\nLitres",12\nthree,3\n'.encode(),
    "items.parquet": parquet(RECORDS),
}


def read(tmp_path: Path, name: str, data: bytes, limit: int | None = None) -> list[dict[str, Any]]:
    (tmp_path / name).write_bytes(data)
    return read_records(name, tmp_path, limit)


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_gives_the_same_records(root: str, tmp_path: Path, name: str) -> None:
    store = Store.open(root)
    store.write(f"bench/{name}", FILES[name])
    uri = store.uri(f"bench/{name}")
    assert read_records(uri, tmp_path) == RECORDS
    assert read_records(uri, tmp_path, limit=2) == RECORDS[:2]


def test_paths_count_from_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "ITEMS.JSONL"
    path.write_bytes(FILES["items.jsonl"])
    monkeypatch.chdir("/")
    assert read_records("data/ITEMS.JSONL", tmp_path) == RECORDS
    assert read_records(str(path), Path("/nowhere")) == RECORDS
    assert read_records(f"file://{path}", Path("/nowhere")) == RECORDS
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_records("~/data/ITEMS.JSONL", Path("/nowhere")) == RECORDS


@pytest.mark.parametrize("name", ["items.jsonl", "items.json", "items.csv"])
def test_a_byte_order_mark_is_no_text(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, b"\xef\xbb\xbf" + FILES[name]) == RECORDS


def test_blank_lines_and_windows_line_ends_are_no_records(tmp_path: Path) -> None:
    assert read(tmp_path, "a.jsonl", b'\r\n{"a": 1}\r\n\n  \n{"a": 2}\n\n') == [{"a": 1}, {"a": 2}]
    assert read(tmp_path, "a.csv", b"a,b\r\n1,2\r\n\r\n3,4\r\n") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert read(tmp_path, "empty.jsonl", b"") == []
    assert read(tmp_path, "empty.csv", b"") == []


def test_a_line_separator_inside_a_string_is_no_line_end(tmp_path: Path) -> None:
    record = {"a": "one\u2028two\u0085three"}
    assert read(tmp_path, "a.jsonl", json.dumps(record, ensure_ascii=False).encode()) == [record]


def test_csv_cells_stay_text_however_long(tmp_path: Path) -> None:
    long = "x" * 300_000
    assert read(tmp_path, "a.csv", f"id,context\n007,{long}\n".encode()) == [{"id": "007", "context": long}]


def test_parquet_values_become_what_json_knows(tmp_path: Path) -> None:
    records = [
        {
            "day": datetime.date(2026, 1, 2),
            "at": datetime.datetime(2026, 1, 2, 3, 4, 5),
            "price": decimal.Decimal("1.50"),
            "bytes": b"\x00\xff",
            "list": [{"day": datetime.date(2026, 1, 2)}],
            "none": None,
            "number": 1.5,
        }
    ]
    read_back = read(tmp_path, "a.parquet", parquet(records))
    assert read_back == [
        {
            "day": "2026-01-02",
            "at": "2026-01-02T03:04:05",
            "price": "1.50",
            "bytes": "AP8=",
            "list": [{"day": "2026-01-02"}],
            "none": None,
            "number": 1.5,
        }
    ]
    json.dumps(read_back)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.jsonl", b'{"a": 1}\n\n{"a": 2', r"a\.jsonl:3: not valid JSON: .*\(column 8\)"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', r"a\.jsonl:2: holds a list, not an object"),
        ("a.jsonl", b'{"a": 1}\n7\n', r"a\.jsonl:2: holds a number"),
        ("a.jsonl", b'{"a": "\xe4"}\n', r"a\.jsonl:1: not UTF-8"),
        ("a.jsonl", b'{"a": "\\ud83d"}\n', r"a\.jsonl:1: holds half of a surrogate pair"),
        ("a.jsonl", b'{"a": ' + b"9" * 5000 + b"}\n", r"a\.jsonl:1: not JSON that can be read"),
        ("a.jsonl", b"[" * 200_000, r"a\.jsonl:1: not JSON that can be read"),
        ("a.json", b'[{"a": 1},\n {"a": }]', r"a\.json: not valid JSON: .*line 2, column 8"),
        ("a.json", b'{"a": 1}', r"a\.json: holds an object, not a list of objects"),
        ("a.json", b'[{"a": 1}, null]', r"a\.json: record 2: holds null"),
        ("a.csv", b'a,b\n"x\ny",2\n3\n', r"a\.csv:4: 1 cells under 2 column names"),
        ("a.csv", b"a,a\n1,2\n", r"a\.csv:1: a column name is empty or appears twice"),
        ("a.csv", b'a,b\n1,"2\n', r"a\.csv:2: not valid CSV"),
        ("a.csv", b"a,b\n1,2\n\xff,3\n", r"a\.csv:3: not UTF-8"),
        ("a.parquet", b"PAR1 and nothing else", r"a\.parquet: not a whole Parquet file"),
        ("a.parquet", FILES["items.parquet"][:-20], r"a\.parquet: not a whole Parquet file"),
        ("a.txt", b"", r"a\.txt: unknown kind of file `\.txt`"),
        ("a", b"", "unknown kind of file"),
    ],
)
def test_broken_files_are_named_with_their_line(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    with pytest.raises(TaskError, match=words) as caught:
        read(tmp_path, name, data)
    assert caught.value.mend


UNDER_NAMES = b'{"sums": [{"q": 1}, {"q": 2}], "words": [{"q": 3}]}'


def test_lists_under_names_give_the_name_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(UNDER_NAMES)
    records = [{"kind": "sums", "q": 1}, {"kind": "sums", "q": 2}, {"kind": "words", "q": 3}]
    assert read_records("a.json", tmp_path, name_column="kind") == records
    assert read_records("a.json", tmp_path, limit=2, name_column="kind") == records[:2]
    items = Items(uri="a.json", answer="{{ q }}", name_column="kind", limit=1)
    assert read_items(items, tmp_path) == {"a.json": records[:1]}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.json", b'[{"q": 1}]', "holds a list, not lists under names"),
        ("a.json", b'{"sums": 3}', "holds a number under `sums`, not a list of objects"),
        ("a.json", b'{"sums": [{"q": 1}, 2]}', "record 2 of `sums`: holds a number, not an object"),
        ("a.json", b'{"sums": [{"kind": 1}]}', "record 1 of `sums` has a column `kind` itself"),
        ("a.jsonl", b'{"q": 1}', r"only a \.json file holds records under names"),
    ],
)
def test_lists_under_names_that_are_none(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TaskError, match=words) as caught:
        read_records(name, tmp_path, name_column="kind")
    assert caught.value.mend


def test_who_forgets_the_column_for_names_is_told(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="holds an object, not a list") as caught:
        read(tmp_path, "a.json", UNDER_NAMES)
    assert "`nameColumn`" in caught.value.mend


def test_pairs_of_surrogates_are_text(tmp_path: Path) -> None:
    assert read(tmp_path, "a.jsonl", b'{"a": "\\ud83d\\ude00"}\n') == [{"a": "😀"}]


def test_unknown_kinds_name_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        read_records("items.xlsx", tmp_path)
    assert caught.value.mend == "use one of .jsonl, .json, .csv, .parquet"


def test_a_missing_file_is_a_mistake_in_the_document(root: str, tmp_path: Path) -> None:
    for uri in (Store.open(root).uri("none.jsonl"), "none.jsonl"):
        with pytest.raises(TaskError, match=r"none\.jsonl: no such file"):
            read_records(uri, tmp_path)


def test_trouble_outside_the_file_is_the_storages(s3_root: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="bucket or container does not exist"):
        read_records("s3://no-such-bucket/a.jsonl", tmp_path)
    (tmp_path / "dir.jsonl").mkdir()
    with pytest.raises(StorageError, match="a directory where a file belongs"):
        read_records("dir.jsonl", tmp_path)
