"""One file of a version's rows, as another tool reads it: streamed, and there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from preceptor.errors import UserError
from preceptor.spec.task import Task
from preceptor.storage import datasets
from preceptor.storage.failures import explained
from preceptor.versions.formats import EXTENSIONS, LAYOUTS, Format, to_line
from preceptor.versions.run import Run

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES)
"""How file systems say that they have no hard links."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    """The file."""
    rows: int
    """Rows in it."""
    bytes: int
    """Its size."""
    told: bool
    """Whether the task's system message and worked examples could be put in where the format has a place."""


def file_name(run: Run, version: str, format: Format) -> str:
    """What the file is called unless the user says otherwise."""
    name = (run.document or {}).get("metadata", {}).get("name")
    return f"{name}-{version}.{EXTENSIONS[format]}" if name else f"{version}.{EXTENSIONS[format]}"


def export(run: Run, version: str, format: Format, target: Path, *, force: bool = False) -> Exported:
    """Write a version's rows into one file. Rows are checked before they are written; one shard is in memory at a time.

    Raises:
        UserError: the file is there already (without ``force``), its directory is not, or it cannot be written.
        StorageError: the version is damaged.
    """
    task = run.task if format in LAYOUTS else None
    with _written(target, force=force) as temporary:
        rows = (
            _parquet(run, version, temporary) if format == "parquet" else _text(run, version, format, task, temporary)
        )
        size = temporary.stat().st_size
    return Exported(target, rows, size, told=format == "parquet" or task is not None)


def _text(run: Run, version: str, format: Format, task: Task | None, target: Path) -> int:
    """Lines of JSON, or the same lines as an array, which tools that call a file ``.json`` expect."""
    layout = LAYOUTS[format]
    begin, between, end = ("", "\n", "\n") if format == "openai" else ("[\n", ",\n", "\n]\n")
    count = 0
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for row in datasets.iter_rows(run.store, version):
            file.write(between if count else begin)
            file.write(to_line(layout(row["prompt"], row["answer"], task)))
            count += 1
        file.write(end)
    return count


def _parquet(run: Run, version: str, target: Path) -> int:
    """The shards one after the other, in their own columns, a row group each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, count = None, 0
    try:
        for shard in datasets.read_manifest(run.store, version).shards:
            table = pq.read_table(pa.BufferReader(datasets.read_file(run.store, version, shard)))
            writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd")
            writer.write_table(table)
            count += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return count


@contextmanager
def _written(target: Path, *, force: bool) -> Iterator[Path]:
    """A temporary file that takes the target's place when everything went well, and is gone otherwise."""
    _refuse(target, force=force)
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.tmp")
    with explained("write", str(target), (OSError,), passes=(FileExistsError,)):
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            _place(temporary, target, force=force)
        finally:
            temporary.unlink(missing_ok=True)


def _refuse(target: Path, *, force: bool) -> None:
    """Say what is in the way before any row is read."""
    if not target.parent.is_dir():
        raise UserError(f"there is no directory {target.parent}", mend="create it, or choose another --output")
    if target.is_dir():
        raise UserError(f"{target} is a directory", mend="name a file as --output")
    if target.exists() and not force:
        raise _taken(target)


def _place(temporary: Path, target: Path, *, force: bool) -> None:
    """A link refuses a name that somebody took in the meantime; a rename takes it over."""
    if not force:
        try:
            os.link(temporary, target)
        except FileExistsError as error:
            raise _taken(target) from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            return
    temporary.replace(target)


def _taken(target: Path) -> UserError:
    return UserError(f"{target} is there already", mend="choose another --output, or replace it with --force")
