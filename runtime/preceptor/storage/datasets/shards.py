"""Rows as Parquet files: cut to size, written by whoever has a hand free, read back."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from preceptor.storage import layout
from preceptor.storage.datasets.manifest import ShardInfo
from preceptor.storage.datasets.rows import COLUMNS, RECEIPT_LATER, Row
from preceptor.storage.store import Store

ROWS_PER_SHARD = 2_000
"""Rows in a shard at most. Part of no digest, yet changing it changes the files of new versions."""
CHARACTERS_PER_SHARD = 4_000_000
"""Characters of text from which a shard takes no more rows, so that long rows need no more memory than short ones."""

ShardWriter = Callable[[str, str, Iterable[Sequence[Row]]], Sequence[ShardInfo]]
"""Writes all shards of a version: store URI, version and each shard's rows in, each shard's info out, in order.

Shards are cut as they are asked for: whoever writes them holds as few at once as it can."""


def cut(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows in shards, one at a time."""
    shard: list[Row] = []
    characters = 0
    for row in rows:
        shard.append(row)
        characters += len(row["prompt"]) + len(row["answer"]) + len(row["fields"])
        if len(shard) >= ROWS_PER_SHARD or characters >= CHARACTERS_PER_SHARD:
            yield shard
            shard, characters = [], 0
    if shard:
        yield shard


def write_shards(store_uri: str, version: str, shards: Iterable[Sequence[Row]]) -> list[ShardInfo]:
    """The plain :data:`ShardWriter`: one shard after the other."""
    return [write_shard(store_uri, version, number, rows) for number, rows in enumerate(shards)]


def write_shard(store_uri: str, version: str, number: int, rows: Sequence[Row]) -> ShardInfo:
    """Write shard ``number`` (from 0) of a version; may run on any worker and any number of times.

    Raises:
        StorageError: the root cannot be written.
    """
    data = _to_parquet(rows)
    path = layout.dataset_shard(version, number)
    Store.open(store_uri).write(path, data)
    return ShardInfo(
        path=path.rsplit("/", 1)[-1], rows=len(rows), bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )


def from_parquet(data: bytes) -> list[Row]:
    """The rows of a shard. Raises ``ValueError`` or ``OSError`` when it is not Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(pa.BufferReader(data)).to_pylist()
    for row in rows:  # what a row left out is null in the file
        receipt = row["receipt"]
        row["receipt"] = {
            name: value for name, value in receipt.items() if value is not None or name not in RECEIPT_LATER
        }
    return rows


def _to_parquet(rows: Sequence[Row]) -> bytes:
    """One row group a shard and no clock or path in the file: the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist(list(rows), schema=_schema()), buffer, compression="zstd", row_group_size=len(rows)
    )
    return buffer.getvalue()


def _schema() -> Any:
    """The columns; always all of them, so that all versions and all shards look alike."""
    import pyarrow as pa

    text = pa.string()
    texts = pa.list_(text)
    kinds = (text, text, texts, texts, text, pa.int64(), pa.float64(), text, pa.float64())
    receipt = pa.struct(
        [
            pa.field("recipe", text),
            pa.field("attempt", pa.int64()),
            pa.field("generator", text),
            pa.field("difficulty", pa.int64()),
            pa.field("unit", pa.int64()),
            pa.field("index", pa.int64()),
            pa.field("teacher", text),
            pa.field("parents", texts),
            pa.field("carried_from", text),
            *(pa.field(name, kind) for name, kind in zip(RECEIPT_LATER, kinds, strict=True)),
        ]
    )
    return pa.schema([*(pa.field(name, text) for name in COLUMNS[:-1]), pa.field("receipt", receipt)])
