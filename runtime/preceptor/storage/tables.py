"""Records a user brings: JSONL, JSON, CSV or Parquet, from a path, a bucket or the web.

What is in such a file is hostile until shown otherwise: nothing here evaluates it or takes a path from it, and what
is broken is named by file and line.
"""

from __future__ import annotations

import base64
import csv
import datetime
import decimal
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from preceptor.errors import TaskError
from preceptor.spec.task import Items
from preceptor.storage import remote
from preceptor.storage.failures import explained, safe
from preceptor.storage.store import Store

Record = dict[str, Any]
"""One record: column to value. Values are what JSON knows; CSV knows text only."""

_SCHEME = re.compile(r"^([a-z][a-z0-9+.]*)://", re.IGNORECASE)
_BUCKETS = {"memory", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"}
_LONGEST_CELL = 2**31 - 1
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_files(
    uris: str | Sequence[str], base_dir: Path, limit: int | None = None, name_column: str | None = None
) -> dict[str, list[Record]]:
    """Records of one file or several, in order, by the file's name as messages show it; ``limit`` is for all together.

    Raises as :func:`read_records` does.
    """
    files: dict[str, list[Record]] = {}
    left = limit
    for uri in (uris,) if isinstance(uris, str) else uris:
        if left == 0:
            break
        records = read_records(uri, base_dir, left, name_column)
        files.setdefault(safe(uri), []).extend(records)
        left = None if left is None else left - len(records)
    return files


def read_items(items: Items, base_dir: Path) -> dict[str, list[Record]]:
    """Records of an examination as its document says, by the file's name. Raises as :func:`read_records` does."""
    return read_files(items.uri, base_dir, items.limit, items.name_column)


def read_records(uri: str, base_dir: Path, limit: int | None = None, name_column: str | None = None) -> list[Record]:
    """All records of a file, or the first ``limit``.

    Args:
        uri: a path (a relative one counts from ``base_dir``), ``file://``, ``memory://``, a bucket's URI, or one of
            :mod:`preceptor.storage.remote`.
        base_dir: the directory of the document that names the file.
        limit: read no more than so many records.
        name_column: the file is JSON and holds lists of records under names; this column takes the name.

    Raises:
        TaskError: no such file, unknown kind of file, or broken content, with its line.
        StorageError: the file cannot be read for a reason outside it.
    """
    shown = safe(uri)
    suffix = Path(shown).suffix.lower()
    if suffix not in _READERS:
        raise TaskError(f"{shown}: unknown kind of file `{suffix}`", mend=f"use one of {', '.join(_READERS)}")
    if name_column is not None and suffix != ".json":
        mend = "leave `nameColumn` out, or use .json files"
        raise TaskError(f"{shown}: only a .json file holds records under names", mend=mend)
    data = read_bytes(uri, base_dir)
    records = _READERS[suffix](data, shown) if name_column is None else _named(data, shown, name_column)
    return list(islice(records, limit))


def read_bytes(uri: str, base_dir: Path) -> bytes:
    """The whole file: an examination is small, and trouble with a bucket then shows here and nowhere else.

    Raises as :func:`read_records` does.
    """
    scheme = _SCHEME.match(uri)
    name = scheme[1].lower() if scheme else "file"
    shown = safe(uri)
    if name in remote.SCHEMES:
        return remote.fetch(uri, shown)
    if name not in _BUCKETS | {"file"}:
        raise TaskError(
            f"{shown}: records cannot be read from `{name}://`",
            mend="write a path, https://, hf://, github://, or a bucket's s3://, gs:// or abfs://",
        )
    try:
        if name == "file":
            path = base_dir / Path(uri[scheme.end() :] if scheme else uri).expanduser()
            with explained("read", shown, (OSError,), passes=(FileNotFoundError,)):
                return path.read_bytes()
        directory, _, file = uri.rpartition("/")
        return Store.open(directory).read(file)
    except FileNotFoundError as error:
        raise TaskError(f"{shown}: no such file", mend=f"correct the `uri`; relative to {base_dir}") from error


# --- one reader for each kind of file: bytes and the name for messages in, records out ---


def _jsonl(data: bytes, shown: str) -> Iterator[Record]:
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield _object(_parse(line, f"{shown}:{number}"), f"{shown}:{number}")


def _json(data: bytes, shown: str) -> Iterator[Record]:
    records = _parse(data.removeprefix(b"\xef\xbb\xbf"), shown)
    if not isinstance(records, list):
        lists = isinstance(records, dict) and records and all(isinstance(part, list) for part in records.values())
        raise TaskError(
            f"{shown}: holds {_kind(records)}, not a list of objects",
            mend="say with `nameColumn` which column takes the names that its lists stand under"
            if lists
            else "write `[{...}, {...}]`, or one object a line in a .jsonl file",
        )
    for number, record in enumerate(records, start=1):
        yield _object(record, f"{shown}: record {number}")


def _named(data: bytes, shown: str, column: str) -> Iterator[Record]:
    """Records of lists that stand under names, with their name in ``column``."""
    lists = _parse(data.removeprefix(b"\xef\xbb\xbf"), shown)
    mend = 'write `{"name": [{...}, {...}]}`, or leave `nameColumn` out'
    if not isinstance(lists, dict):
        raise TaskError(f"{shown}: holds {_kind(lists)}, not lists under names", mend=mend)
    for name, records in lists.items():
        if not isinstance(records, list):
            raise TaskError(f"{shown}: holds {_kind(records)} under `{name}`, not a list of objects", mend=mend)
        for number, value in enumerate(records, start=1):
            record = _object(value, f"{shown}: record {number} of `{name}`")
            if column in record:
                where = f"{shown}: record {number} of `{name}`"
                raise TaskError(f"{where} has a column `{column}` itself", mend="give `nameColumn` another name")
            yield {column: name, **record}


def _parse(text: bytes, where: str) -> Any:
    try:
        value = json.loads(text.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise TaskError(
            f"{where}: not valid JSON: {error.msg} (line {error.lineno}, column {error.colno} of this text)"
            if b"\n" in text
            else f"{where}: not valid JSON: {error.msg} (column {error.colno})",
            mend="a .jsonl file holds one JSON object on each line, a .json file one list of objects",
        ) from error
    except UnicodeDecodeError as error:
        raise _not_utf8(where) from error
    except (ValueError, RecursionError) as error:  # digits without end, nesting without end
        raise TaskError(f"{where}: not JSON that can be read: {error}", mend="correct or remove this record") from error
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(value, where)
    return value


def _refuse_lone_surrogates(value: Any, where: str) -> None:
    """Refuse half a character: JSON can escape it, but it is no text and could never be written to a file again."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise TaskError(f"{where}: holds half of a surrogate pair", mend="repair the text at its source") from error


def _object(value: Any, where: str) -> Record:
    if not isinstance(value, dict):
        raise TaskError(f"{where}: holds {_kind(value)}, not an object", mend='write `{"column": value, ...}`')
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _csv(data: bytes, shown: str) -> Iterator[Record]:
    """Every cell stays the text it is: ``007`` is an id, not a seven."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _not_utf8(f"{shown}:{line}") from error
    csv.field_size_limit(_LONGEST_CELL)  # the default cuts contexts of more than 128 KiB off with an error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if len(set(header)) != len(header) or "" in header:
            raise TaskError(f"{shown}:1: a column name is empty or appears twice", mend="name every column once")
        for cells in rows:
            if cells and len(cells) != len(header):
                raise TaskError(
                    f"{shown}:{rows.line_num}: {len(cells)} cells under {len(header)} column names",
                    mend="quote cells that hold a comma or a line break",
                )
            if cells:
                yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise TaskError(f"{shown}:{rows.line_num}: not valid CSV: {error}", mend="check the quotes") from error


def _parquet(data: bytes, shown: str) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches():
            for record in batch.to_pylist():
                yield {name: _plain(value) for name, value in record.items()}
    except (pa.ArrowException, OSError) as error:
        raise TaskError(f"{shown}: not a whole Parquet file", mend="write or download it again") from error


def _plain(value: Any) -> Any:
    """A Parquet value as JSON knows it: times in ISO 8601, decimals as text, bytes in base 64."""
    match value:
        case dict():
            return {str(key): _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case datetime.date() | datetime.time():  # a datetime is a date
            return value.isoformat()
        case decimal.Decimal() | datetime.timedelta():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case _:
            return value


def _not_utf8(where: str) -> TaskError:
    return TaskError(f"{where}: not UTF-8 text", mend="save the file as UTF-8")


_READERS: dict[str, Callable[[bytes, str], Iterator[Record]]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}
