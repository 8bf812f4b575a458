"""Dataset versions: immutable, named by their content, readable by anything that reads Parquet.

A version is a directory of ``data-00000.parquet`` …, ``README.md`` and, written last, ``manifest.json``. Without a
manifest there is no version: what a killed driver left is written again, byte for byte the same, by the next commit
of the same rows. The version's id is a digest of its rows in the order of their ids, receipts included, so the same
rows always have the same id, whoever commits them and in whatever order.

Shards may be written by workers: :func:`write_shard` needs only the store's URI and its rows.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from preceptor.errors import StorageError
from preceptor.storage import layout
from preceptor.storage.card import render_card
from preceptor.storage.store import Store

Row = dict[str, Any]
"""``id``, ``skill``, ``prompt``, ``answer``: text; ``fields``: JSON text; ``receipt``: recipe, attempt, generator,
difficulty, unit, index, teacher, parents (list of ids), carried_from (a version or ``None``); for a row that a model
wrote or a pool gave also source, model, requests and validators (lists), prompts, tokens, usd."""

ROWS_PER_SHARD = 10_000
"""Rows in each shard but the last. Part of no digest, yet changing it changes the files of new versions."""


class _Stored(BaseModel):
    """A stored record: immutable, and tolerant of keys that a later release added."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


class ShardInfo(_Stored):
    """One Parquet file of a version."""

    path: str
    """Its name in the version's directory."""
    rows: int
    """Rows in it."""
    bytes: int
    """Its size."""
    sha256: str
    """Digest of the file, in hex."""


class VersionInfo(_Stored):
    """What the driver knows of a version beyond its rows."""

    number: int | None = None
    """Which version of the run it is, for people: 1, 2, …"""
    description: str = ""
    """What the task is, for the card."""
    recipe: str = ""
    """Digest of the recipe it was made by."""
    parents: tuple[str, ...] = ()
    """Versions that rows were carried over from."""
    funnel: dict[str, Any] = Field(default_factory=dict)
    """Rows made, accepted and dropped, by reason."""
    gates: dict[str, Any] = Field(default_factory=dict)
    """The gates its rows passed, with their thresholds."""
    created_by: dict[str, Any] = Field(default_factory=dict)
    """Which software and run made it."""


class Manifest(VersionInfo):
    """What makes a version real."""

    version: str
    """The id: ``v`` and 12 hex digits of the rows' digest."""
    rows: int
    """Rows in all shards."""
    skills: dict[str, int]
    """Rows of each skill, by name."""
    shards: tuple[ShardInfo, ...]
    """The files, in order."""


ShardWriter = Callable[[str, str, Sequence[Sequence[Row]]], Sequence[ShardInfo]]
"""Writes all shards of a version: store URI, version and each shard's rows in, each shard's info out, in order."""


def version_id(rows: Sequence[Row]) -> str:
    """The id that a version of these rows has, in whatever order they come.

    Raises:
        ValueError: a row has other columns than :data:`Row`, or none at all were given.
    """
    return _digest(_sorted(rows))


def commit(store: Store, rows: Sequence[Row], info: VersionInfo, write: ShardWriter | None = None) -> Manifest:
    """Make rows a version. When it exists already, do nothing but return its manifest as it stands.

    Args:
        store: the run's store.
        rows: at least one row.
        info: what else to write down.
        write: how to write shards; one after the other in this process when absent.

    Raises:
        StorageError: the root cannot be written.
        ValueError: a row has other columns than :data:`Row`, or there is none.
    """
    ordered = _sorted(rows)
    version = _digest(ordered)
    if exists(store, version):
        return read_manifest(store, version)
    alike = _alike(ordered)
    shards = [alike[start : start + ROWS_PER_SHARD] for start in range(0, len(alike), ROWS_PER_SHARD)]
    manifest = Manifest(
        **info.model_dump(),
        version=version,
        rows=len(ordered),
        skills=dict(sorted(Counter(row["skill"] for row in ordered).items())),
        shards=tuple((write or write_shards)(store.uri(), version, shards)),
    )
    store.write(layout.dataset_card(version), render_card(manifest.model_dump()).encode())
    store.write_json(layout.dataset_manifest(version), manifest.model_dump(mode="json"))
    return manifest


def write_shards(store_uri: str, version: str, shards: Sequence[Sequence[Row]]) -> list[ShardInfo]:
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


def exists(store: Store, version: str) -> bool:
    """Whether the version was committed."""
    return store.exists(layout.dataset_manifest(version))


def versions(store: Store) -> list[str]:
    """Ids of all committed versions, sorted."""
    return [name for name in store.names(layout.DATASETS) if exists(store, name)]


def read_manifest(store: Store, version: str) -> Manifest:
    """The manifest of a committed version. Raises :class:`StorageError` when there is none or it is damaged."""
    path = layout.dataset_manifest(version)
    try:
        return Manifest.model_validate(store.read_json(path))
    except FileNotFoundError as error:
        raise StorageError(
            f"there is no dataset version {version} below {store.uri()}",
            mend="a version without manifest.json was never finished; choose one of: "
            + (", ".join(versions(store)) or "none yet"),
        ) from error
    except ValidationError as error:
        raise _damaged(store, path, "is not a manifest") from error


def read_rows(store: Store, version: str) -> list[Row]:
    """All rows of a version, in order of their ids, after checking every digest.

    Raises:
        StorageError: there is no such version, or a file is missing or not the one that was committed.
    """
    rows: list[Row] = []
    for shard in read_manifest(store, version).shards:
        path = f"{layout.dataset(version)}/{shard.path}"
        try:
            data = store.read(path)
        except FileNotFoundError as error:
            raise _damaged(store, path, "is missing") from error
        if hashlib.sha256(data).hexdigest() != shard.sha256:
            raise _damaged(store, path, "is not the file that was committed")
        rows.extend(_from_parquet(data))
    if not rows or _digest(rows) != version:
        raise _damaged(store, layout.dataset_manifest(version), f"lists rows that are not version {version}")
    return rows


def _damaged(store: Store, path: str, what: str) -> StorageError:
    return StorageError(
        f"{store.uri(path)} {what}",
        mend="restore it from a copy, or delete the version's directory and run again to make it anew",
    )


# --- rows and files ---


def _schema(*, asked: bool) -> Any:
    """The columns; a version of procedural rows alone has no columns about requests."""
    import pyarrow as pa

    text = pa.string()
    texts = pa.list_(text)
    kinds = (text, text, texts, texts, text, pa.int64(), pa.float64(), text, pa.float64())
    later = dict(zip(_RECEIPT_LATER, kinds, strict=True))
    receipt = pa.struct(
        [
            pa.field("recipe", text),
            pa.field("attempt", pa.int64()),
            pa.field("generator", text),
            pa.field("difficulty", pa.int64()),
            pa.field("unit", pa.int64()),
            pa.field("index", pa.int64()),
            pa.field("teacher", text),
            pa.field("parents", pa.list_(text)),
            pa.field("carried_from", text),
            *([pa.field(name, kind) for name, kind in later.items()] if asked else []),
        ]
    )
    return pa.schema([*(pa.field(name, text) for name in _COLUMNS[:-1]), pa.field("receipt", receipt)])


_COLUMNS = ("id", "skill", "prompt", "answer", "fields", "receipt")
_RECEIPT = ("recipe", "attempt", "generator", "difficulty", "unit", "index", "teacher", "parents", "carried_from")
_RECEIPT_LATER = ("source", "model", "requests", "validators", "prompts", "tokens", "usd", "neighbour", "similarity")
"""Only in receipts of rows that have something to say there; other rows, and their versions' ids, do without."""


def _sorted(rows: Sequence[Row]) -> list[Row]:
    """The rows in their one order, with columns in theirs and tuples as lists, as a reader will get them."""
    if not rows:
        raise ValueError("a dataset version needs at least one row")
    return sorted((_normal(row) for row in rows), key=lambda row: (row["id"], _canonical(row)))


def _normal(row: Mapping[str, Any]) -> Row:
    given = set(row.get("receipt", ()))
    if set(row) != set(_COLUMNS) or not set(_RECEIPT) <= given <= {*_RECEIPT, *_RECEIPT_LATER}:
        raise ValueError(f"row {row.get('id')!r} needs the columns {_COLUMNS} and in its receipt {_RECEIPT}")
    receipt = {name: row["receipt"][name] for name in (*_RECEIPT, *_RECEIPT_LATER) if name in given}
    receipt |= {name: list(value) for name, value in receipt.items() if isinstance(value, tuple)}
    return {**{name: row[name] for name in _COLUMNS[:-1]}, "receipt": receipt}


def _alike(rows: list[Row]) -> list[Row]:
    """The rows with receipts of the same keys, so that all shards of a version have the same columns."""
    if not any(name in row["receipt"] for row in rows for name in _RECEIPT_LATER):
        return rows
    nothing = dict.fromkeys(_RECEIPT_LATER)
    return [{**row, "receipt": nothing | row["receipt"]} for row in rows]


def _canonical(row: Row) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _digest(ordered: Sequence[Row]) -> str:
    lines = hashlib.sha256()
    for row in ordered:
        lines.update(_canonical(row).encode() + b"\n")
    return f"v{lines.hexdigest()[:12]}"


def _to_parquet(rows: Sequence[Row]) -> bytes:
    """One row group per shard's worth and no clock or path in the file: the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    asked = any(name in row["receipt"] for row in rows for name in _RECEIPT_LATER)
    table = pa.Table.from_pylist(list(rows), schema=_schema(asked=asked))
    pq.write_table(table, buffer, compression="zstd", row_group_size=ROWS_PER_SHARD)
    return buffer.getvalue()


def _from_parquet(data: bytes) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(pa.BufferReader(data)).to_pylist()
    for row in rows:  # what a row left out is null beside rows that say it
        receipt = row["receipt"]
        row["receipt"] = {
            name: value for name, value in receipt.items() if value is not None or name not in _RECEIPT_LATER
        }
    return rows
