"""Finds and reads versions; nothing is given out that is not what was committed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from pydantic import ValidationError

from preceptor.errors import StorageError
from preceptor.storage import layout
from preceptor.storage.datasets.manifest import FileInfo, Manifest, ShardInfo
from preceptor.storage.datasets.names import DIGITS, parse_name
from preceptor.storage.datasets.rows import Row, RowsDigest, normal
from preceptor.storage.datasets.shards import from_parquet
from preceptor.storage.store import Store

_SHORTEST_PREFIX = 4
_HEX = re.compile(r"[0-9a-f]+")


def exists(store: Store, version: str) -> bool:
    """Whether the version was committed."""
    return store.exists(layout.dataset_manifest(version))


def versions(store: Store) -> list[str]:
    """Names of all committed versions, by number; those that have none come first."""
    named = ((parsed, name) for name in store.names(layout.DATASETS) if (parsed := parse_name(name)) is not None)
    return [name for _, name in sorted(((parsed[0] or 0, name), name) for parsed, name in named) if exists(store, name)]


def resolve(store: Store, name: str) -> str:
    """The version that a person means.

    Args:
        store: the run's store.
        name: a full name, a number (``v3``), or the first digits (4 at least) of a digest, with ``v3-`` or ``v``
            before them or without.

    Raises:
        StorageError: there is none such, or there are several.
    """
    known = versions(store)
    if name in known:
        return name
    digits = name.removeprefix("v")
    meant = [version for version in known if _number(version) is not None and name == f"v{_number(version)}"]
    if not meant and len(digits) >= _SHORTEST_PREFIX:
        meant = [version for version in known if version.startswith(name) or _begins(store, version, digits)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise StorageError(f"`{name}` may be any of {', '.join(meant)}", mend="write the version's full name, as above")
    raise _unknown(store, name, known)


def _number(version: str) -> int | None:
    parsed = parse_name(version)
    return parsed[0] if parsed else None


def _begins(store: Store, version: str, digits: str) -> bool:
    """Whether a version's digest begins so; the manifest is asked only for more digits than the name has."""
    parsed = parse_name(version)
    if parsed is None or not _HEX.fullmatch(digits):
        return False
    if len(digits) <= DIGITS:
        return parsed[1].startswith(digits)
    return digits.startswith(parsed[1]) and read_manifest(store, version).digest.startswith(digits)


def read_manifest(store: Store, version: str) -> Manifest:
    """The manifest of a committed version. Raises :class:`StorageError` when there is none or it is damaged."""
    path = layout.dataset_manifest(version)
    try:
        return Manifest.model_validate(store.read_json(path))
    except FileNotFoundError as error:
        raise _unknown(store, version, versions(store)) from error
    except ValidationError as error:
        raise _damaged(store, path, "is not a manifest") from error


def manifest_digest(store: Store, version: str) -> str:
    """64 hex digits of the manifest's bytes; raises as :func:`read_manifest` does."""
    try:
        return hashlib.sha256(store.read(layout.dataset_manifest(version))).hexdigest()
    except FileNotFoundError as error:
        raise _unknown(store, version, versions(store)) from error


def read_rows(store: Store, version: str) -> list[Row]:
    """All rows of a version at once; see :func:`iter_rows`."""
    return list(iter_rows(store, version))


def iter_rows(store: Store, version: str) -> Iterator[Row]:
    """The rows of a version in order of their ids, with one shard in memory at a time.

    A shard's digest is checked before its first row is given; the digest of all rows after the last.

    Raises:
        StorageError: there is no such version, a file is missing or not the one that was committed, or the manifest
            is that of another version.
    """
    manifest = read_manifest(store, version)
    path = layout.dataset_manifest(version)
    if manifest.version != version:
        raise _damaged(store, path, f"is the manifest of another version, {_shown(manifest.version)}")
    digest = RowsDigest()
    for shard in manifest.shards:
        for row in read_shard(store, version, shard):
            try:
                digest.add(normal(row))
            except (KeyError, TypeError, ValueError) as error:
                raise _damaged(store, path, f"lists rows that are not version {version}") from error
            yield row
    parsed = parse_name(version)
    whole = digest.hex()
    if parsed is None or whole[:DIGITS] != parsed[1] or manifest.digest not in ("", whole):
        raise _damaged(store, path, f"lists rows that are not version {version}")


def read_shard(store: Store, version: str, shard: ShardInfo) -> list[Row]:
    """The rows of one listed shard, after checking its digest; raises as :func:`read_file` does."""
    data = read_file(store, version, shard)
    try:
        return from_parquet(data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(store, _path(store, version, shard), "is not a table of rows") from error


def read_file(store: Store, version: str, file: FileInfo) -> bytes:
    """One listed file, after checking its digest.

    Raises:
        StorageError: it is missing, or not the one that was committed.
    """
    path = _path(store, version, file)
    try:
        data = store.read(path)
    except FileNotFoundError as error:
        raise _damaged(store, path, "is missing") from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise _damaged(store, path, "is not the file that was committed")
    return data


def _path(store: Store, version: str, file: FileInfo) -> str:
    """Where a listed file lies; a manifest from elsewhere may list what is in no version's directory."""
    if not layout.is_dataset_file(file.path):
        raise _damaged(store, layout.dataset_manifest(version), f"lists a file no version has: {_shown(file.path)}")
    return f"{layout.dataset(version)}/{file.path}"


def _unknown(store: Store, name: str, known: list[str]) -> StorageError:
    return StorageError(
        f"there is no dataset version {_shown(name)} below {store.uri()}",
        mend="a version without manifest.json was never finished; choose one of: " + (", ".join(known) or "none yet"),
    )


def _damaged(store: Store, path: str, what: str) -> StorageError:
    return StorageError(
        f"{store.uri(path)} {what}",
        mend="restore it from a copy, or delete the version's directory and run again to make it anew",
    )


def _shown(text: str) -> str:
    """Text from a file or the command line as a message may show it: one short line without control characters."""
    return "".join(character for character in text if character.isprintable())[:80]
